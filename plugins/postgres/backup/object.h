/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * object.h: an object being read: the struct hangar_object of a backup.
 */
#ifndef PG_OBJECT_H
#define PG_OBJECT_H

#include "backup/snapshot.h"

enum pg_reader_kind {
    PG_READ_GLOBALS,
    PG_READ_DUMP,
    PG_READ_LARGE,
    PG_READ_EXTRAS,
    PG_READ_ROWS,
    PG_READ_TABLES
};

struct pg_reader {
    struct pg_source *src;
    struct pg_db *db; /* NULL: globals */
    enum pg_reader_kind kind;
    char name[512];
    bool ended; /* read returned the end */
    /* globals, dump, large */
    struct pg_child *child;
    uint64_t bytes;
    char head[8];   /* the first bytes */
    char tail[128]; /* the last bytes */
    size_t tail_len;
    /* rows, tables, extras */
    struct text text; /* to be returned before anything else */
    size_t text_at;
    struct pg_conn *worker;
    struct pg_slice *slices;
    size_t slice_count, slice_at;
    bool begun, copying;
    char *row; /* libpq's */
    size_t row_len, row_at;
    uint64_t rows, slice_rows;
    struct pg_digest digest;
    size_t table_at;    /* tables.jsonl: how far */
    int stage;          /* extras: how far */
    PGresult *settings; /* extras: the configuration tables of extensions */
};

#endif
