/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * error: why something failed.
 *
 * Errors travel in two steps.  Connections and children store the cause in a struct
 * pg_error, so that a caller can examine it and continue.  A caller that gives up adds
 * what it was doing with pg_raise, which reports both to the host.
 */
#ifndef PG_SERVER_INSTANCE_ERROR_H
#define PG_SERVER_INSTANCE_ERROR_H

#include <libpq-fe.h>
#include <hangar/plugin.h>
#include "server/instance/instance.h"

/* SQLSTATEs on which a decision depends. */
#define PG_LOCK_NOT_AVAILABLE "55P03"
#define PG_UNDEFINED_TABLE "42P01"
#define PG_UNDEFINED_SCHEMA "3F000"
#define PG_UNDEFINED_FUNCTION "42883"
#define PG_UNDEFINED_OBJECT "42704"
#define PG_UNDEFINED_DATABASE "3D000"
#define PG_PRIVILEGE_NOT_GRANTED "01007"
#define PG_INVALID_PARAMETER "22023"
#define PG_NOT_IN_PREREQUISITE_STATE "55000"

struct pg_error {
    enum hangar_rc rc;
    char sqlstate[6]; /* "" when the server sent none */
    char text[2048];  /* one line */
};

/* Fills *err and returns rc.  sqlstate may be NULL. */
enum hangar_rc pg_set_error(struct pg_error *err, enum hangar_rc rc, const char *sqlstate,
                            const char *fmt, ...) HANGAR_PRINTF(4, 5);

/* The same when memory ran out; returns HANGAR_NO_MEMORY. */
enum hangar_rc pg_set_no_memory(struct pg_error *err);

/* Fills *err from a connection attempt that failed, and returns its rc. */
enum hangar_rc pg_set_connect_error(struct pg_error *err, PGconn *pq);

/* Appends "; hint: ..." to the text of an error, of which it cuts the end to make room. */
void pg_add_hint(struct pg_error *err, const char *hint);

/* Adds a hint when an object is missing for a function that the context of the error names;
 * NULL: there is no context. */
void pg_explain_missing(struct pg_error *err, const char *context);

/* Removes a text from the text of an error, wherever it stands. */
void pg_cut_text(struct pg_error *err, const char *text);

/* Reports "<fmt>: <err>" to the host; returns err->rc. */
enum hangar_rc pg_raise(struct pg_source *src, const struct pg_error *err, const char *fmt, ...)
    HANGAR_PRINTF(3, 4);

/* Reports these to the host; return HANGAR_NO_MEMORY and HANGAR_CANCELLED. */
enum hangar_rc pg_no_memory(struct pg_source *src);
enum hangar_rc pg_raise_cancelled(struct pg_source *src);

/* The result code that fits an SQLSTATE. */
enum hangar_rc pg_sqlstate_rc(const char *sqlstate);

/* Copies a message as one line, without line breaks and the full stop at its end. */
void pg_one_line(const char *message, char *out, size_t size);

#endif
