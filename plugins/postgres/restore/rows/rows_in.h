/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rows_in: an object with rows, loaded in one transaction.  One thread at a time.
 */
#ifndef PG_RESTORE_ROWS_ROWS_IN_H
#define PG_RESTORE_ROWS_ROWS_IN_H

#include "restore/target/target.h"
#include "server/instance/error.h"

enum pg_rows_state {
    PG_ROWS_FIRST,   /* the line that names the format */
    PG_ROWS_PRELUDE, /* settings */
    PG_ROWS_LINE,    /* between tables */
    PG_ROWS_DATA,
    PG_ROWS_END /* the line after \. */
};

struct pg_rows {
    struct pg_target *target;
    struct pg_conn *conn;
    enum pg_rows_state state;
    bool sequences;   /* setval() is expected, too */
    struct text line; /* what was read of the current one */
    int format;       /* of the object */
    bool quoted;      /* within "..." or '...', where a line may end */
    char quote;
    bool whole; /* the next table comes whole */
    struct text prelude;
    char encoding[33];
    char *table;  /* "s"."t" being loaded */
    char held[4]; /* the beginning of a line that may become \. */
    size_t held_len;
    uint64_t partial; /* bytes of the current row that were seen before */
    XXH3_state_t *hash;
    uint64_t rows;
    struct pg_digest digest;
    uint64_t all_rows;
    bool keeps_error;    /* one of the server is stored in err, and not reported to the host */
    struct pg_error err; /* its text names the table */
};

enum hangar_rc pg_rows_open(struct pg_target *target, bool sequences, struct pg_rows *rows);
enum hangar_rc pg_rows_write(struct pg_rows *rows, const char *data, size_t size);

/* Commits when complete, else rolls back; returns the session to the target's pool. */
enum hangar_rc pg_rows_close(struct pg_rows *rows, bool complete);

#endif
