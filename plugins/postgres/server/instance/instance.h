/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * instance: one configured source, and what lives as long as it does.
 */
#ifndef PG_SERVER_INSTANCE_INSTANCE_H
#define PG_SERVER_INSTANCE_INSTANCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <hangar/plugin.h>
#include "throwaway.h"

#define PG_NO_PASSFILE "/dev/null" /* overrides a passfile of the configuration */

enum pg_globals { PG_GLOBALS_MISSING, PG_GLOBALS_ALL, PG_GLOBALS_NONE };

/* The strings belong to the host and live as long as the instance. */
struct pg_options {
    const char *host, *port, *user, *password, *passfile;
    const char *sslmode, *sslrootcert, *sslcert, *sslkey;
    const char *bin_dir, *maintenance_db;
    const char *server_log; /* of the throw-away server of a drill; NULL: not a throw-away server */
    const char *rows_role;  /* reads and writes the rows of a restore; NULL: user */
    uint32_t jobs;
    enum pg_globals globals;
    int64_t lock_timeout_ms, connect_timeout_ms;
    uint64_t object_size;
    bool analyze, replace_partial, substitute_locale, try_older_server;
    bool no_owner, no_privileges, no_comments; /* of a restore, as of pg_restore */
};

/* The client tools in use. */
struct pg_tools {
    int major;        /* 0: not searched for yet */
    char dir[1024];   /* "/usr/lib/postgresql/15/bin" */
    char version[64]; /* "15.6" */
};

struct pg_backup;
struct pg_restore;

struct pg_source {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    struct pg_options opt;
    /* By name; once pg_databases_find has found what patterns mean, at least one. */
    char **databases;
    size_t database_count;
    bool has_patterns; /* of databases */
    char *description, *where;
    char port[12];
    int wake_fd;               /* an eventfd: readable from the moment of cancel on */
    char *passfile;            /* written for children, in temp_dir; NULL: none yet */
    atomic_int server_version; /* once a session was opened; before: 0 */
    struct pg_tools tools;
    struct pg_backup *backup;   /* from prepare to end */
    struct pg_restore *restore; /* from restore_prepare to restore_end */
    bool restricts;             /* the server has PG_RESTRICT_SETTING: pg_dump sets it, too */
    bool safety;                /* a safety backup: holds everything, whatever the options select */
    struct throwaway scratch;   /* the throw-away server of a drill */
};

/* True from the moment of cancel on.  Any thread. */
bool pg_cancelled(struct pg_source *src);

/* Entry `index` of include_tables, exclude_tables or exclude_table_data; NULL: no more. */
const char *pg_selected(struct pg_source *src, const char *option, size_t index);

/* Is it one of src->databases? */
bool pg_names_database(const struct pg_source *src, const char *database);

/* The address of the server, for messages: "db1:5432". */
const char *pg_where(const struct pg_source *src);

#endif
