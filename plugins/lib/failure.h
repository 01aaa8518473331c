/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * failure: why something failed, recorded where host->fail cannot be called: on a thread of
 * the plugin's own, or where the caller may recover.  The function that the core called raises
 * it.
 *
 *     a thread of the plugin              the thread of the core's call
 *     failure_record(&f, rc, ...) ──────► failure_raise(&f, host, ctx)
 *
 * A record has no lock: it belongs to one thread at a time, or its owner holds a mutex.
 */
#ifndef PLUGIN_FAILURE_H
#define PLUGIN_FAILURE_H

#include <hangar/plugin.h>

/* Zero it before use.  HANGAR_OK: nothing has failed. */
struct failure {
    enum hangar_rc rc;
    char text[2048]; /* as for host->fail; cut when it is longer */
};

/* Records a failure unless there is one already: those that follow are its consequences.
 * Returns the code of the one that is recorded. */
enum hangar_rc failure_record(struct failure *failure, enum hangar_rc rc, const char *fmt, ...)
    HANGAR_PRINTF(3, 4);

/* The reason that all plugins give when memory ran out. */
#define FAILURE_NO_MEMORY "out of memory"

/* Records "cannot WHAT: out of memory", as failure_record does. */
enum hangar_rc failure_no_memory(struct failure *failure, const char *what, ...)
    HANGAR_PRINTF(2, 3);

/* Passes the same to host->fail; returns HANGAR_NO_MEMORY. */
enum hangar_rc failure_raise_no_memory(const struct hangar_host *host, struct hangar_ctx *ctx,
                                       const char *what, ...) HANGAR_PRINTF(3, 4);

/* Records what the other has recorded, if anything, unless there is a failure already.  Returns
 * the code of the one that is recorded; HANGAR_OK when nothing has failed. */
enum hangar_rc failure_copy(struct failure *failure, const struct failure *other);

/* Passes the failure to host->fail.  Returns its code; HANGAR_INTERNAL when none was
 * recorded. */
enum hangar_rc failure_raise(const struct failure *failure, const struct hangar_host *host,
                             struct hangar_ctx *ctx);

#endif
