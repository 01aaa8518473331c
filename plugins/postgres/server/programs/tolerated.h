/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tolerated: the one error of pg_restore that does not fail a restore.
 *
 * pg_restore 17 begins with `SET transaction_timeout = 0`, which servers up to 16 do not support.
 * They do not have that limit, so the error has no effect.  For these servers pg_restore runs
 * without --exit-on-error, this filter takes that error out of what it prints, and any other error
 * is a failure, as always.
 */
#ifndef PG_SERVER_PROGRAMS_TOLERATED_H
#define PG_SERVER_PROGRAMS_TOLERATED_H

#include <stdbool.h>
#include <stddef.h>

#define PG_TOLERATED_LINE 256 /* bytes of a line that is examined; longer ones are passed on */

struct pg_tolerated_errors {
    char line[PG_TOLERATED_LINE]; /* the line that is being read */
    size_t len;
    bool beyond;                  /* its beginning was passed on, as it is too long */
    char held[PG_TOLERATED_LINE]; /* an error; the next line is the statement that had it */
    size_t held_len;
    bool others; /* there was another error */
    bool ended;  /* the last line has the number of errors that were ignored */
};

/* Receives what is not tolerated. */
typedef void pg_tolerated_rest(void *arg, const char *data, size_t size);

/* Adds a piece of what pg_restore prints to its standard error, with LC_ALL=C.  The text of the
 * server within it may be in any language. */
void pg_tolerated_add(struct pg_tolerated_errors *tolerated, const char *data, size_t size,
                      pg_tolerated_rest *rest, void *arg);

/* At the end of the output of a pg_restore with exit status 1: was nothing else wrong?  Passes on
 * what is left. */
bool pg_tolerated_only(struct pg_tolerated_errors *tolerated, pg_tolerated_rest *rest, void *arg);

#endif
