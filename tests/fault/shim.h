/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * shim: shared by both files of the preloaded library: the calls that can fail, and the
 * result that a call shall have.
 */
#ifndef TEST_FAULT_SHIM_H
#define TEST_FAULT_SHIM_H

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
    SHIM_STAT,
    SHIM_OPENDIR,
    SHIM_READDIR,
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
    SHIM_SHORT, /* half of the bytes */
    SHIM_DIE    /* call shim_die after the real call */
};

/* How many seconds the clock of this host is ahead. */
extern long shim_ahead_seconds;
extern const char *shim_host; /* NULL: the real name */

/* Counts a call and returns the result that it shall have; `what` is written to the log. */
enum shim_hit shim_hit(enum shim_call call, const char *what);
void shim_die(void) __attribute__((noreturn));

#endif
