/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * object: an object being read: the struct hangar_object of a backup.
 */
#ifndef PG_BACKUP_OBJECTS_OBJECT_H
#define PG_BACKUP_OBJECTS_OBJECT_H

#include "backup/plan/globals_text.h"
#include "backup/snapshot/snapshot.h"

enum pg_reader_kind {
    PG_READ_GLOBALS,
    PG_READ_DUMP,
    PG_READ_LARGE,
    PG_READ_EXTRAS,
    PG_READ_ROWS,
    PG_READ_TABLES
};

/* globals, dump, large: the output of a tool. */
struct pg_tool_output {
    struct pg_child *child;
    uint64_t bytes; /* read so far */
    char head[8];   /* the first bytes */
    char tail[128]; /* the last bytes */
    size_t tail_len;
    struct pg_globals_text globals; /* how far the text of the roles was read */
};

/* rows: slices of tables. */
struct pg_rows_output {
    struct pg_slice *slices;
    size_t slice_count, slice_at;
    uint32_t level; /* of its tables */
    bool begun;     /* the head of the object was made */
    char *row;      /* allocated by libpq */
    size_t row_len, row_at;
    uint64_t total; /* rows of all slices */
};

/* extras: sequences, then the configuration tables of extensions. */
struct pg_extras_output {
    int stage;
    PGresult *settings; /* the tables */
    size_t table_at;
    size_t unused; /* sequences that were never used, whose value the server does not return */
};

/* The COPY TO that is running. */
struct pg_copy_progress {
    bool active;
    uint64_t rows;
    struct pg_digest digest;
    uint32_t computed;                /* columns at the end of each row that are not stored */
    struct pg_digest computed_digest; /* of the rows with them */
};

struct pg_reader {
    struct pg_source *src;
    struct pg_db *db; /* NULL: globals */
    enum pg_reader_kind kind;
    char name[512];
    bool ended; /* read returned the end */
    struct pg_tool_output tool;
    /* rows, extras, tables */
    struct text text; /* to be returned before anything else */
    size_t text_at;
    struct pg_conn *worker; /* NULL: tables */
    struct pg_copy_progress copy;
    struct pg_rows_output rows;
    struct pg_extras_output extras;
    size_t table_at; /* tables: how far */
};

#endif
