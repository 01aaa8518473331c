/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pg.h: what the files of this plugin share: the instance, quoting,
 * connections and client tools.  backup.h and restore.h stand on it.
 *
 * Errors travel in two steps.  Connections and children keep what went wrong
 * as a struct pg_error, so that a caller may look at it and go on; whoever
 * gives up says what it was doing with pg_raise, which tells the host.
 */
#ifndef PG_H
#define PG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <libpq-fe.h>
#include <hangar/plugin.h>
#include "text.h"
#include "throwaway.h"

/* ---- quote.c: quoting, for a text that grows ------------------------------- */

void pg_add_ident(struct text *text, const char *name);    /* "name" */
void pg_add_literal(struct text *text, const char *value); /* 'value' */
void pg_add_shell(struct text *text, const char *word);    /* 'word' for sh */
void pg_add_conninfo(struct text *text, const char *name); /* dbname='name' */
void pg_add_folder(struct text *text,
                   const char *name); /* bytes an object's name may not have: =XX */
/* A pattern SCHEMA.TABLE or TABLE with * and ?: as a condition on two columns,
 * and as an argument of pg_dump. */
void pg_add_match(struct text *text, const char *pattern, const char *schema_column,
                  const char *table_column);
void pg_add_dump_pattern(struct text *text, const char *pattern);
/* A JSON string.  Control characters, and in a text that is not UTF-8 all bytes
 * beyond ASCII, become \u00XX, one for each byte. */
void pg_add_json(struct text *text, const char *value, bool utf8);
/* malloc'd, NULL when out of memory */
char *pg_format(const char *fmt, ...) HANGAR_PRINTF(1, 2);
int64_t pg_mono_ms(void);

/* Arguments for a client tool; zero before use, `failed` as in a text. */
struct pg_args {
    char **items; /* ended by NULL */
    size_t count, capacity;
    bool failed;
};
void pg_arg(struct pg_args *args, const char *fmt, ...) HANGAR_PRINTF(2, 3);
void pg_args_free(struct pg_args *args);

/* ---- the instance ---------------------------------------------------------- */

enum pg_globals { PG_GLOBALS_MISSING, PG_GLOBALS_ALL, PG_GLOBALS_NONE };

struct pg_options { /* the strings are the host's and live as long as the instance */
    const char *host, *port, *user, *password, *passfile;
    const char *sslmode, *sslrootcert, *sslcert, *sslkey;
    const char *bin_dir, *maintenance_db;
    uint32_t jobs;
    enum pg_globals globals;
    int64_t lock_timeout_ms, connect_timeout_ms;
    uint64_t object_size;
    bool analyze, substitute_locale;
};

/* The client tools in use. */
struct pg_tools {
    int major;        /* 0: not looked for yet */
    char dir[1024];   /* "/usr/lib/postgresql/15/bin" */
    char version[64]; /* "15.6" */
};

struct pg_backup;
struct pg_restore;

struct pg_source {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    struct pg_options opt;
    const char **databases; /* their names, the host's; at least one */
    size_t database_count;
    char *description, *where;
    char port[12];
    int wake_fd;    /* an eventfd: readable from the moment of cancel on */
    char *passfile; /* written for children, in temp_dir; NULL: none yet */
    struct pg_tools tools;
    struct pg_backup *backup;   /* from prepare to end */
    struct pg_restore *restore; /* from restore_prepare to restore_end */
    bool safety;                /* the backup is of all that is there, whatever the options say */
    struct throwaway scratch;   /* what scratch.c started */
};

bool pg_cancelled(struct pg_source *src);

/* An entry of include_tables, exclude_tables, exclude_table_data; NULL: no more. */
const char *pg_selected(struct pg_source *src, const char *option, size_t index);

/* Where the server is, for messages: "db1:5432". */
const char *pg_where(const struct pg_source *src);

#define PG_NO_MEMORY(src)                                                                          \
    (src)->host->fail((src)->ctx, HANGAR_NO_MEMORY, 0, "cannot allocate memory")

/* ---- errors ------------------------------------------------------------------ */

struct pg_error {
    enum hangar_rc rc;
    char sqlstate[6]; /* "" when the server did not say one */
    char text[2048];  /* one line */
};

enum hangar_rc pg_set_error(struct pg_error *err, enum hangar_rc rc, const char *sqlstate,
                            const char *fmt, ...) HANGAR_PRINTF(4, 5);
/* Tells the host: "<fmt>: <err>"; returns err->rc. */
enum hangar_rc pg_raise(struct pg_source *src, const struct pg_error *err, const char *fmt, ...)
    HANGAR_PRINTF(3, 4);
/* What an SQLSTATE means to the core. */
enum hangar_rc pg_sqlstate_rc(const char *sqlstate);
/* Copies a message into one line, without what libpq adds for terminals. */
void pg_one_line(const char *message, char *out, size_t size);

/* ---- connect.c: connections ----------------------------------------------------- */

/* One session.  One thread at a time. */
struct pg_conn {
    struct pg_source *src;
    PGconn *pq;
    int version;         /* 150006 */
    bool busy;           /* the server may be working on something */
    bool heedless;       /* cancel is ignored, waits are short: for cleaning up */
    const char *doing;   /* told to the host while waiting for an answer; NULL: nothing */
    struct pg_error err; /* why the last call failed */
};

/* Connects to a database.  On failure *err says why (sqlstate 3D000: there is no
 * such database) and nothing is told to the host. */
enum hangar_rc pg_open(struct pg_source *src, const char *database, bool heedless,
                       struct pg_conn **out, struct pg_error *err);
/* Gives the host a sign of life from a statement or a tool that takes long; 10 s after
 * the wait began (*asked_ms is then 0) and each 10 s only when the server lets a
 * session in or refuses it, and does not say that session `pid` (0: of a tool) waits
 * for us: TCP tells of hosts that are gone, not of a server that has stopped or of a
 * gateway that lost its way. */
void pg_alive(struct pg_source *src, int pid, const char *doing, int64_t *asked_ms);

/* Stops what is running there, disconnects, frees.  NULL is fine. */
void pg_close(struct pg_conn *conn);

/* Runs statements and throws their rows away. */
enum hangar_rc pg_command(struct pg_conn *conn, const char *sql);
/* The same with text of the caller's, which is freed. */
enum hangar_rc pg_command_text(struct pg_conn *conn, struct text *sql);
/* Runs one statement with up to 2 text parameters (NULL from the first unused);
 * the rows are the caller's, to PQclear. */
enum hangar_rc pg_query(struct pg_conn *conn, const char *sql, const char *p1, const char *p2,
                        PGresult **out);
/* Calls `row` for each row as it comes, until it fails. */
enum hangar_rc pg_each_row(struct pg_conn *conn, const char *sql,
                           enum hangar_rc (*row)(void *arg, const PGresult *res), void *arg);
/* Sends statements of which the last is a COPY, and returns when it has begun. */
enum hangar_rc pg_copy_start(struct pg_conn *conn, const char *sql, ExecStatusType direction);
/* The next row of a COPY TO, to PQfreemem; HANGAR_EOF behind the last.  Waits for
 * it up to timeout_ms (-1: no limit), and gives a NULL row when none has come. */
enum hangar_rc pg_copy_next(struct pg_conn *conn, int timeout_ms, char **row, size_t *len);
/* The result of a COPY whose data has ended: how many rows the server counted. */
enum hangar_rc pg_copy_finish(struct pg_conn *conn, uint64_t *rows);
/* Takes over what an in-flight libpq call said. */
enum hangar_rc pg_conn_failed(struct pg_conn *conn);
/* Waits until the socket is ready, at most timeout_ms (-1: no limit); *ready is
 * false when the time ran out. */
enum hangar_rc pg_wait(struct pg_conn *conn, short events, int timeout_ms, bool *ready);

/* The settings under which all data is read and written, one statement a line.
 * The only thing that varies is the encoding. */
void pg_add_prelude(struct text *text, const char *encoding);
/* Before each COPY in an object with rows stands "-- KIND table". */
#define PG_KIND_WHOLE "whole"    /* all of its rows, and they are many */
#define PG_KIND_SMALL "small"    /* all of its rows */
#define PG_KIND_PART "part of a" /* or of one that has rows from elsewhere */

/* Runs a statement, and calls `meanwhile` ten times a second until it has ended. */
enum hangar_rc pg_command_while(struct pg_conn *conn, const char *sql, void (*meanwhile)(void *arg),
                                void *arg);

/* What a session needs besides: reading a backup, or writing a restore. */
enum hangar_rc pg_settle_reader(struct pg_conn *conn);
enum hangar_rc pg_settle_writer(struct pg_conn *conn);

/* ---- client.c: pg_dump, pg_dumpall, pg_restore --------------------------------------- */

/* Finds tools of at least this major version, the nearest one; keeps the result
 * in src->tools.  Tells the host when there are none. */
enum hangar_rc pg_find_tools(struct pg_source *src, int least_major);

/* A running tool. */
struct pg_child;

/* Starts src->tools' `tool`; args[0] becomes its path.  `database` goes into PGDATABASE unless NULL.
 * With `output` its standard output is read with pg_child_read. */
enum hangar_rc pg_spawn(struct pg_source *src, const char *tool, const char *database,
                        struct pg_args *args, bool output, struct pg_child **out);
/* *got == 0 is the end of its output. */
enum hangar_rc pg_child_read(struct pg_child *child, void *buffer, size_t size, size_t *got);
/* Waits for its end.  Anything but exit status 0 is an error; `doing` is told to
 * the host meanwhile. */
enum hangar_rc pg_child_finish(struct pg_child *child, const char *doing);
/* Why pg_child_read or pg_child_finish failed; its text holds what the tool said. */
const struct pg_error *pg_child_error(const struct pg_child *child);
/* Ends it if it runs, reaps it, frees.  NULL is fine. */
void pg_child_free(struct pg_child *child);

#endif
