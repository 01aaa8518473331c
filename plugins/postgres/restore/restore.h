/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore.h: the writing half of the plugin.
 *
 *     restore.c   the functions the core calls, and what happens between phases
 *     target.c    a database to restore into: is it there, is it empty, make it, drop it
 *     clean.c     replacing one that is in use: what must be so, loading beside it
 *     swap.c      and taking its place
 *     roles.c     globals.sql
 *     writer.c    objects being written: to a file, or as rows to writer_rows.c
 *     rows.c      the parser of objects with rows, and COPY FROM
 *     tally.c     rows and digests of each table that was loaded, and tables.jsonl
 *     compare.c   reads the restored tables again
 *     commands.c  RESTORE.txt
 */
#ifndef PG_RESTORE_H
#define PG_RESTORE_H

#include <pthread.h>
#include "server/digest.h"
#include "server/pg.h"

#define PG_POOL 64 /* as many objects as the core may hold at once */

/* What was loaded into a table so far. */
struct pg_tally_entry {
    char *table; /* "\"schema\".\"name\"" */
    uint64_t rows;
    struct pg_digest digest;
    bool seen; /* named in tables.jsonl */
};

struct pg_tally { /* a hash table; zero before use */
    struct pg_tally_entry *items;
    size_t count, capacity;
};

/* One database of the backup. */
struct pg_target {
    struct pg_source *src;
    char *folder;                     /* first part of its objects' names */
    const char *source;               /* its name in the backup */
    const char *name;                 /* the name to restore it under */
    const char *into;                 /* the database that is written to: that name, or beside */
    const struct hangar_attrs *attrs; /* of its schema.dump */
    bool skipped;                     /* not among the option databases */
    bool exists, created, touched, finished;
    struct pg_clean *clean; /* when live data is replaced; NULL: it is not */
    bool no_tablespaces;
    const char *locale; /* in place of one that the server lacks; NULL: none lacks */
    char *schema_path, *large_path, *tables_path; /* spooled; NULL: not there yet */
    struct pg_conn *idle[PG_POOL];
    size_t idle_count;
    struct pg_tally tally;
    uint64_t rows, tables;
    uint64_t compared_tables, compared_rows;
};

struct pg_restore {
    pthread_mutex_t mutex; /* guards the targets' pools, tallies and counts */
    const struct hangar_restore *how;
    struct pg_target *targets;
    size_t target_count;
    const char *dir; /* for spooled objects */
    char *globals_path;
    uint64_t objects;
    bool clean, dry, disconnect; /* what how->flags ask for */
    struct pg_conn *keeper;      /* of clean: holds the locks of the targets; NULL: none */
    int server_version;
    bool roles_done;
};

/* ---- clean.c ----------------------------------------------------------------------- */

#define PG_CLEAN_NAME 64

/* What becomes of one database that is replaced. */
struct pg_clean {
    char into[PG_CLEAN_NAME];       /* loaded beside it, under this name */
    char retired[PG_CLEAN_NAME];    /* what it is called itself once it is replaced */
    char oid[16], into_oid[16];     /* "": not there (yet) */
    struct text new_mark, old_mark; /* comments that say whose those are */
    struct text leftovers;          /* of a dead restore, for the plan */
    struct text sessions;           /* that are connected, for the plan; empty: nobody is */
};

/* Would it work, and is there anything to lose?  In earnest also takes the locks and
 * removes what dead restores left. */
enum hangar_rc pg_clean_prepare(struct pg_source *src);
/* The lines of the plan for a target. */
void pg_clean_plan(const struct pg_target *target);
/* Marks the database just made as one of ours. */
enum hangar_rc pg_clean_mark(struct pg_target *target, struct pg_conn *conn);
void pg_clean_free(struct pg_target *target);
/* Opens a session on the maintenance database, for statements about databases. */
enum hangar_rc pg_clean_open(struct pg_source *src, struct pg_conn **out);
/* A limit of connections that nobody else sets: it marks a database from its very
 * creation on, before a comment can. */
#define PG_CLEAN_LIMIT 104740051

/* ---- swap.c -------------------------------------------------------------------------- */

/* Who is connected to the database with this oid: their number, a text of the first few,
 * and how many of them this role may not end. */
enum hangar_rc pg_sessions(struct pg_conn *conn, const char *oid, struct text *who,
                           unsigned long *count, unsigned long *beyond);
/* Waits until nobody is connected; EXISTS, told to the host, when that takes longer. */
enum hangar_rc pg_sessions_gone(struct pg_target *target, struct pg_conn *conn, int64_t ms);
/* What else is in the way of replacing it: told to the host. */
enum hangar_rc pg_clean_obstacles(struct pg_target *target, struct pg_conn *conn);
/* Puts all targets in their places, and drops those that were there. */
enum hangar_rc pg_clean_swap(struct pg_source *src, struct hangar_attrs *report);

/* ---- target.c -------------------------------------------------------------------- */

/* Does this database hold anything?  The text says what; empty: nothing. */
enum hangar_rc pg_target_contents(struct pg_target *target, struct pg_conn *conn,
                                  struct text *what);
/* May this role create databases?  Told to the host when not. */
enum hangar_rc pg_target_may_create(struct pg_target *target, struct pg_conn *conn);
/* Drops a database of ours with all sessions and subscriptions in it; *err says why not. */
bool pg_drop_database(struct pg_source *src, const char *name, struct pg_error *err);
/* Comment, connection limit and whether it is a template, as statements for `name`. */
void pg_target_add_plain(struct pg_target *target, struct text *sql, const char *name);
/* Is the database there, and is it empty?  HANGAR_EXISTS when it is not. */
enum hangar_rc pg_target_look(struct pg_target *target, int *server_version);
/* locale.c: before it is made: sets target->locale, or refuses. */
enum hangar_rc pg_locale_look(struct pg_target *target, struct pg_conn *conn);
/* Makes it when it is missing. */
enum hangar_rc pg_target_create(struct pg_target *target);
/* Privileges, settings and the like, when everything is in. */
enum hangar_rc pg_target_properties(struct pg_target *target);
/* After a failure: drops what was made, or says what is left. */
void pg_target_undo(struct pg_target *target);
/* An attribute of schema.dump, put together from its pieces; NULL: not there.
 * The caller frees. */
char *pg_target_attr(struct pg_target *target, const char *name);
/* Connects, for reading or for writing, and tells the host when that fails. */
enum hangar_rc pg_target_open(struct pg_target *target, const char *database, bool heedless,
                              struct pg_conn **out);

/* ---- roles.c ----------------------------------------------------------------------- */

enum hangar_rc pg_roles_restore(struct pg_source *src, const char *path);

/* ---- rows.c ------------------------------------------------------------------------- */

enum pg_rows_state {
    PG_ROWS_FIRST,   /* the line that says what this is */
    PG_ROWS_PRELUDE, /* settings */
    PG_ROWS_LINE,    /* between tables */
    PG_ROWS_DATA,
    PG_ROWS_END /* the line behind \. */
};

/* An object with rows on its way into a transaction. */
struct pg_rows {
    struct pg_target *target;
    struct pg_conn *conn;
    enum pg_rows_state state;
    bool sequences;   /* setval() is expected, too */
    struct text line; /* what was read of the current one */
    bool quoted;      /* within "..." or '...', where a line may end */
    char quote;
    bool whole; /* the next table comes whole */
    struct text prelude;
    char *table;  /* "s"."t" being loaded */
    char held[4]; /* the beginning of a line that may become \. */
    size_t held_len;
    uint64_t partial; /* bytes of the current row that were seen before */
    XXH3_state_t *hash;
    uint64_t rows;
    struct pg_digest digest;
    uint64_t all_rows;
};

enum hangar_rc pg_rows_open(struct pg_target *target, bool sequences, struct pg_rows *rows);
enum hangar_rc pg_rows_write(struct pg_rows *rows, const char *data, size_t size);
/* Commits when complete; gives the session back. */
enum hangar_rc pg_rows_close(struct pg_rows *rows, bool complete);

/* ---- tally.c ------------------------------------------------------------------------- */

enum hangar_rc pg_tally_add(struct pg_tally *tally, const char *table, uint64_t rows,
                            const struct pg_digest *digest);
void pg_tally_free(struct pg_tally *tally);

/* A line of tables.jsonl. */
struct pg_table_line {
    struct text table;   /* "s"."t" */
    struct text columns; /* "\"a\", \"b\"" or "" */
    bool partitioned;
    uint64_t rows;
    struct pg_digest digest;
};
/* Reads a line; false when it is not one of ours.  Both texts are reused. */
bool pg_table_line_parse(const char *text, bool utf8, struct pg_table_line *line);
void pg_table_line_free(struct pg_table_line *line);
/* Calls `each` for every line. */
enum hangar_rc pg_each_table(struct pg_target *target,
                             enum hangar_rc (*each)(void *arg, const struct pg_table_line *line),
                             void *arg);
/* Has every table of tables.jsonl got its rows, and no other one any? */
enum hangar_rc pg_tally_check(struct pg_target *target);

/* ---- compare.c -------------------------------------------------------------------------- */

enum hangar_rc pg_compare(struct pg_target *target);

/* ---- the functions of struct hangar_source ------------------------------------------------ */

enum hangar_rc pg_check(void *inst, struct hangar_attrs *facts);
enum hangar_rc pg_restore_prepare(void *inst, const struct hangar_restore *how);
enum hangar_rc pg_restore_open(void *inst, const struct hangar_object_info *info,
                               struct hangar_object **out);
enum hangar_rc pg_restore_write(struct hangar_object *object, const void *data, size_t size);
enum hangar_rc pg_restore_close(struct hangar_object *object, int complete);
enum hangar_rc pg_restore_phase_end(void *inst, uint32_t phase);
enum hangar_rc pg_restore_end(void *inst, struct hangar_attrs *report);
enum hangar_rc pg_restore_commands(void *inst, const struct hangar_attrs *facts,
                                   const struct hangar_object_info *objects, size_t object_count,
                                   struct hangar_text *out);

#endif
