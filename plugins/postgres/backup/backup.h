/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup.h: the reading half of the plugin.
 *
 *     tables.c     which tables there are, and how they become objects
 *     snapshot.c   locks, snapshot, pg_dump and worker sessions of a database
 *     copy_out.c   the objects that hold rows
 *     backup.c     the order of objects, and the functions the core calls
 *     globals.c    roles and tablespaces
 *     extras.c     what pg_dump cannot be asked for when there are very many tables
 */
#ifndef PG_BACKUP_H
#define PG_BACKUP_H

#include <pthread.h>
#include "server/digest.h"
#include "server/pg.h"

/* From this many copied tables on, pg_dump is no longer told each of them by an
 * argument: 60 000 of those do not fit, and each costs it a query. */
#define PG_MANY_TABLES 2000

#define PG_NONE UINT32_MAX

/* A table, as compact as 100 000 of them ask for.  Texts are offsets into the
 * list's pool. */
struct pg_table {
    uint32_t oid;
    uint32_t schema, name;
    uint32_t columns;  /* "\"a\", \"b\"": of the rows; PG_NONE: no list, all there are */
    uint32_t root_oid; /* below a hash-partitioned ancestor: the topmost root; else 0 */
    uint32_t target;   /* the table that the rows are loaded into: itself or its root */
    uint32_t sibling;  /* the next table with the same target, in the order of objects */
    uint32_t first_object, last_object; /* the objects its rows lie in; 0: none yet */
    uint64_t heap_bytes, toast_bytes;
    uint64_t rows; /* of a target: read so far */
    struct pg_digest digest;
    bool has_rows;  /* a table whose rows we copy, and not only a name to lock */
    bool is_heap;   /* its rows can be told apart by ctid */
    bool is_target; /* something is loaded into it */
};

struct pg_list {
    struct pg_table *items; /* by oid */
    size_t count, capacity;
    struct text pool;
    size_t budget; /* taken from the host for it */
    size_t copied; /* how many have rows */
};

/* A run of pages of one table. */
struct pg_slice {
    uint32_t table;              /* index in the list */
    bool whole;                  /* all of it */
    uint64_t from_page, to_page; /* to_page 0: up to the end */
};

/* How tables become objects: big ones first, cut; then small ones, together. */
struct pg_plan {
    uint32_t *order; /* indices of tables with rows, biggest first */
    size_t order_count;
    uint64_t object_bytes; /* the size aimed at */
    size_t at;             /* in order */
    uint32_t piece;        /* of that table */
    uint32_t objects;      /* given out so far */
    uint64_t block_size;
    uint64_t total_bytes;
};

struct pg_db {
    struct pg_source *src;
    const char *name;
    char *folder; /* the name as the first part of object names */
    struct pg_conn *lead;
    struct pg_list tables;
    char snapshot[128];
    bool many;                     /* PG_MANY_TABLES or more */
    struct pg_child *dump, *large; /* pg_dump; handed to their objects */
    struct pg_conn **workers;      /* the free ones are workers[0 .. worker_free) */
    size_t worker_count, worker_free;
    struct pg_plan plan;
    bool planned, dump_given, large_given, extras_given, tables_given;
    PGresult *props;        /* one row: a column for each property of the database */
    uint64_t rows, targets; /* totals so far */
    char encoding[64];
};

/* How pg_dumpall is to be run. */
struct pg_globals_plan {
    const char *database; /* to connect to */
    bool passwords;       /* this role may read them */
};

struct pg_backup {
    struct text absent; /* a safety backup: databases that are not there */
    /* Guards all of this but what stands under "set before begin returned", the
     * lead sessions, and the tables' counts.  Held for queries on the catalog,
     * never while rows are read or the core is waited for. */
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a worker is free, an object is closed */
    struct pg_db *dbs;
    size_t db_count;
    uint32_t open_data; /* data objects given out and not closed */
    bool failed;        /* an object was abandoned */
    struct pg_globals_plan globals;
    bool globals_given;
    uint32_t given, closed; /* objects */
    uint64_t rows, tables, large_objects;
    char server_version[128];
    int version;
};

/* ---- tables.c ------------------------------------------------------------------ */

/* Lists what is to be locked and copied, on an idle session or in a snapshot. */
enum hangar_rc pg_list_tables(struct pg_db *db, struct pg_list *list);
void pg_list_free(struct pg_source *src, struct pg_list *list);
/* Is every table of `now` in `locked`, under the same name? */
bool pg_list_covered(const struct pg_list *now, const struct pg_list *locked);
/* Reads sizes and columns within the snapshot, and plans the objects. */
enum hangar_rc pg_plan_tables(struct pg_db *db);
/* The slices of the next object; *count 0: there are no more.  The caller frees. */
enum hangar_rc pg_plan_next(struct pg_db *db, struct pg_slice **slices, size_t *count,
                            uint64_t *bytes);
/* "schema"."name" */
void pg_add_table(struct text *text, const struct pg_list *list, uint32_t table);
const char *pg_pool(const struct pg_list *list, uint32_t offset);
/* Conditions for the tables that options include and exclude, as "(...)". */
void pg_add_selection(struct pg_source *src, struct text *sql, const char *schema,
                      const char *table);

/* ---- snapshot.c ------------------------------------------------------------------ */

enum hangar_rc pg_db_prepare(struct pg_db *db);
enum hangar_rc pg_db_begin(struct pg_db *db, int64_t *time_ms, char *lsn, size_t lsn_size);
void pg_db_free(struct pg_db *db);
/* Why a lock was not to be had, for people: who waits behind ours. */
void pg_db_who_waits(struct pg_db *db, char *out, size_t size);

/* ---- props.c: what CREATE DATABASE needs to know --------------------------------------- */

enum hangar_rc pg_props_read(struct pg_db *db);
/* Sets them, those longer than an attribute in pieces: "settings", "settings.1", ... */
void pg_props_set(struct pg_db *db, struct hangar_attrs *attrs);

/* ---- objects ----------------------------------------------------------------------------- */

enum pg_reader_kind {
    PG_READ_GLOBALS,
    PG_READ_DUMP,
    PG_READ_LARGE,
    PG_READ_EXTRAS,
    PG_READ_ROWS,
    PG_READ_TABLES
};

/* An object being read: the struct hangar_object of the backup half. */
struct pg_reader {
    struct pg_source *src;
    struct pg_db *db; /* NULL: globals */
    enum pg_reader_kind kind;
    char name[512];
    bool ended; /* read gave the end */
    /* globals, dump, large */
    struct pg_child *child;
    uint64_t bytes;
    char head[8];   /* the first bytes */
    char tail[128]; /* the last bytes */
    size_t tail_len;
    /* rows, tables, extras */
    struct text text; /* to be handed out before anything else */
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

/* copy_out.c: PG_READ_ROWS */
enum hangar_rc pg_rows_read(struct pg_reader *reader, void *buffer, size_t size, size_t *got);
/* How an object with rows begins; how a table does (COPY "s"."t" ("a") FROM stdin;),
 * and how it ends. */
void pg_add_rows_head(struct text *text, const char *encoding);
void pg_add_copy_head(struct text *text, const char *table, const char *columns, const char *kind);
void pg_add_copy_end(struct text *text, uint64_t rows, const struct pg_digest *digest);
/* Counts and digests what libpq gave: the server sends a row at a time, but a
 * digest must not depend on that. */
enum hangar_rc pg_count_rows(struct pg_conn *conn, const char *rows, size_t size, uint64_t *count,
                             struct pg_digest *digest);

/* extras.c: PG_READ_EXTRAS; appends more to reader->text, HANGAR_EOF with the last */
enum hangar_rc pg_extras_read(struct pg_reader *reader);

/* tables_out.c: PG_READ_TABLES; appends the next lines to reader->text */
enum hangar_rc pg_tables_read(struct pg_reader *reader);

/* globals.c */
enum hangar_rc pg_globals_prepare(struct pg_source *src, struct pg_conn *conn,
                                  struct pg_globals_plan *plan);
enum hangar_rc pg_globals_spawn(struct pg_source *src, const struct pg_globals_plan *plan,
                                struct pg_child **out);

/* backup.c: the functions of struct hangar_source */
enum hangar_rc pg_prepare(void *inst);
enum hangar_rc pg_prepare_safety(void *inst);
enum hangar_rc pg_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point);
enum hangar_rc pg_next(void *inst, struct hangar_object_info *info, struct hangar_object **out);
enum hangar_rc pg_read(struct hangar_object *object, void *buffer, size_t size, size_t *got);
enum hangar_rc pg_object_close(struct hangar_object *object, struct hangar_attrs *attrs);
enum hangar_rc pg_end(void *inst, struct hangar_attrs *facts);

#endif
