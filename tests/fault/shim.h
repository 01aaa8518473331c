/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * shim: what both halves of the preloaded library share: the calls that can be made
 * to fail, and what shall happen at one of them.
 */
#ifndef SHIM_H
#define SHIM_H

enum shim_call {
    SHIM_OPEN,
    SHIM_READ,
    SHIM_WRITE,
    SHIM_FSYNC,
    SHIM_CLOSE,
    SHIM_RENAME,
    SHIM_LINK,
    SHIM_UNLINK,
    SHIM_MKDIR,
    SHIM_FALLOCATE,
    SHIM_STATVFS,
    SHIM_SOCKET,
    SHIM_CONNECT,
    SHIM_SEND,
    SHIM_RECV,
    SHIM_POLL,
    SHIM_THREAD,
    SHIM_MALLOC,
    SHIM_CALLS
};

enum shim_hit {
    SHIM_PASS,
    SHIM_FAIL,  /* errno is set */
    SHIM_SHORT, /* half of what was asked for */
    SHIM_DIE    /* after the real call: shim_die */
};

/* Counts a call and says what shall become of it; `what` is for the record. */
enum shim_hit shim_hit(enum shim_call call, const char *what);
void shim_die(void) __attribute__((noreturn));

#endif
