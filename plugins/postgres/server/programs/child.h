/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * child: a running program of PostgreSQL's.  One thread at a time.
 *
 *     pg_child_start ──► pg_child_read* ──► pg_child_finish ──► pg_child_free
 *
 * pg_child_free may come at any point; it ends what still runs.
 */
#ifndef PG_SERVER_PROGRAMS_CHILD_H
#define PG_SERVER_PROGRAMS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/programs/tolerated.h"

struct pg_child;

#define PG_ERRORS_SHOWN 1600 /* bytes of what a program printed that a message contains */

/* Starts the program at `path`; `tool` is its name for messages, a string literal.  With
 * `output` its standard output is read with pg_child_read. */
enum hangar_rc pg_child_start(struct pg_source *src, const char *path, const char *tool,
                              char *const *argv, char *const *env, bool output,
                              struct pg_child **out);

/* Takes the error of tolerated.h out of what the program prints, which is pg_restore.  Before
 * anything is read. */
void pg_child_tolerate(struct pg_child *child, struct pg_tolerated_errors *tolerated);

/* Waits for output, until clock_monotonic_ms() is deadline_ms (0: no limit); *got == 0 is the
 * end of the output. */
enum hangar_rc pg_child_read(struct pg_child *child, int64_t deadline_ms, void *buffer, size_t size,
                             size_t *got);

/* Waits for the end, and reports `doing` to the host while it waits.  Any exit status but 0 is
 * an error. */
enum hangar_rc pg_child_finish(struct pg_child *child, const char *doing);

/* Why pg_child_read or pg_child_finish failed, with what the program printed. */
const struct pg_error *pg_child_error(const struct pg_child *child);

/* What the program printed to standard error, up to 256 KiB; "" for nothing.  Lines that
 * pg_child_tolerate takes out are missing once it has ended. */
const char *pg_child_errors(const struct pg_child *child);

/* Ends it if it runs, waits for it, frees.  NULL is fine. */
void pg_child_free(struct pg_child *child);

#endif
