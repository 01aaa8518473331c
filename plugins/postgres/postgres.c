/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * postgres: logical backups of PostgreSQL databases, each consistent to one snapshot and read
 * by several sessions at once, and their restore.  pg_dump and pg_restore handle everything but
 * the rows; the rows go through COPY.
 *
 *     server/    what backups and restores use, the lowest first:
 *         sql/         quoting and grammar of SQL, the format of rows; knows no server
 *         instance/    one instance, its errors, advice about a failed connection
 *         connection/  sessions, statements, settings, COPY
 *         programs/    client tools, throw-away servers
 *     backup/    begins a backup, hands out objects, reads them, checks that they can be read
 *         checks/      what a backup would miss, and client tools that are too old
 *         plan/        tables, their order, roles and other globals
 *         snapshot/    the sessions that share one snapshot, the properties of a database
 *         objects/     the content of an object: rows, lists of tables, output of pg_dump
 *     restore/   begins and ends a restore, its phases, writes objects
 *         target/      what a restore writes into, failures, versions
 *         database/    creates a database, its locale and properties, marks
 *         roles/       roles and other globals
 *         rows/        loads rows, compares them, judges a drill
 *         clean/       replaces a database that exists, even one in use
 *
 * This file has the options and the instance.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "backup/backup.h"
#include "backup/check.h"
#include "backup/next_object.h"
#include "backup/reader.h"
#include "failure.h"
#include "restore/commands.h"
#include "restore/restore.h"
#include "restore/writer.h"
#include "restore/phases.h"
#include "server/instance/args.h"
#include "server/instance/error.h"
#include "server/connection/inspect.h"
#include "server/instance/instance.h"
#include "server/programs/scratch.h"
#include "server/connection/databases.h"
#include "text.h"

static const char *const older_choices[] = {"refuse", "try", NULL};
static const char *const locale_choices[] = {"fail", "substitute", NULL};
static const char *const globals_choices[] = {"missing", "all", "none", NULL};
static const char *const sslmode_choices[] = {"disable",   "allow",       "prefer", "require",
                                              "verify-ca", "verify-full", NULL};

static const struct hangar_option options[] = {
    {.name = "host",
     .type = HANGAR_OPT_STRING,
     .help =
         "Host name or address of the server, or the directory of its Unix socket when it begins "
         "with /. Not set: PGHOST, else the local socket."},
    {.name = "port",
     .type = HANGAR_OPT_INT,
     .default_value = "5432",
     .min = 1,
     .max = 65535,
     .help = "Port of the server."},
    {.name = "database",
     .type = HANGAR_OPT_STRING,
     .help = "The database to back up, or to restore into."},
    {.name = "databases",
     .type = HANGAR_OPT_LIST,
     .help = "Several databases, instead of database: names, patterns with * and ?, or all. Each "
             "has a snapshot of its own."},
    {.name = "exclude_databases",
     .type = HANGAR_OPT_LIST,
     .help = "Names and patterns of databases that the patterns in databases leave out."},
    {.name = "rename_databases",
     .type = HANGAR_OPT_LIST,
     .help = "New names on a restore of several databases, as OLD=NEW; *=copy_* is for all that "
             "have no entry of their own."},
    {.name = "user",
     .type = HANGAR_OPT_STRING,
     .help = "Role to connect as. Not set: PGUSER, else the name of the system's user."},
    {.name = "password",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_SECRET,
     .help = "Password of the role. Not set: passfile, PGPASSWORD or ~/.pgpass."},
    {.name = "passfile",
     .type = HANGAR_OPT_PATH,
     .help = "A password file in the format of libpq, instead of password."},
    {.name = "sslmode",
     .type = HANGAR_OPT_ENUM,
     .choices = sslmode_choices,
     .help =
         "Whether TLS is used, and how the server is verified. Not set: PGSSLMODE, else prefer."},
    {.name = "sslrootcert",
     .type = HANGAR_OPT_PATH,
     .help = "Certificates of the authorities that may sign the certificate of the server."},
    {.name = "sslcert", .type = HANGAR_OPT_PATH, .help = "Client certificate."},
    {.name = "sslkey", .type = HANGAR_OPT_PATH, .help = "Key of the client certificate."},
    {.name = "jobs",
     .type = HANGAR_OPT_INT,
     .default_value = "2",
     .min = 1,
     .max = 32,
     .help = "Sessions that read or write rows at the same time, for each database."},
    {.name = "include_tables",
     .type = HANGAR_OPT_LIST,
     .help = "Back up only these tables, and nothing else: SCHEMA.TABLE, or TABLE in any schema, "
             "with * and ?."},
    {.name = "exclude_tables",
     .type = HANGAR_OPT_LIST,
     .help = "Leave out these tables, written as for include_tables."},
    {.name = "exclude_table_data",
     .type = HANGAR_OPT_LIST,
     .help = "Back up the definitions of these tables, but not their rows."},
    {.name = "globals",
     .type = HANGAR_OPT_ENUM,
     .default_value = "missing",
     .choices = globals_choices,
     .help = "Roles and tablespaces. On restore, missing creates the roles that do not exist and "
             "alters no other role; all runs everything in globals.sql; none does nothing, and "
             "leaves them out of backups."},
    {.name = "lock_timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "30s",
     .min = 100,
     .max = 3600 * 1000,
     .help = "How long to wait for tables that another session has locked exclusively, and, before "
             "live data is replaced, for sessions to disconnect."},
    {.name = "connect_timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "10s",
     .min = 1000,
     .max = 600 * 1000,
     .help = "How long to wait for a connection."},
    {.name = "object_size",
     .type = HANGAR_OPT_SIZE,
     .default_value = "256MiB",
     .min = 4096,
     .max = (int64_t)1 << 40,
     .help = "Approximate size of an object with rows: larger tables are cut into several objects, "
             "smaller ones share one."},
    {.name = "bin_dir",
     .type = HANGAR_OPT_PATH,
     .help =
         "The folder of pg_dump, pg_dumpall and pg_restore. Not set: the nearest version that is "
         "new enough, in /usr/lib/postgresql, /usr/pgsql-* or PATH."},
    {.name = "analyze",
     .type = HANGAR_OPT_BOOL,
     .default_value = "true",
     .help = "Collect statistics for the planner after a restore (ANALYZE)."},
    {.name = "replace_partial",
     .type = HANGAR_OPT_BOOL,
     .default_value = "false",
     .help = "Let a clean restore of a backup that was made with include_tables, exclude_tables or "
             "exclude_table_data remove what that backup leaves out."},
    {.name = "no_owner",
     .type = HANGAR_OPT_BOOL,
     .default_value = "false",
     .help = "On restore, user owns everything, and not the owners of the backup."},
    {.name = "no_privileges",
     .type = HANGAR_OPT_BOOL,
     .default_value = "false",
     .help = "On restore, leave out privileges (GRANT and REVOKE)."},
    {.name = "no_comments",
     .type = HANGAR_OPT_BOOL,
     .default_value = "false",
     .help = "On restore, leave out comments; only a superuser can comment on an extension that "
             "another role owns."},
    {.name = "missing_locale",
     .type = HANGAR_OPT_ENUM,
     .default_value = "fail",
     .choices = locale_choices,
     .help = "What a restore does when the server lacks the locale of a database: fail refuses; "
             "substitute uses C.UTF-8 or C with a warning, and texts are then ordered differently. "
             "Drills use substitute."},
    {.name = "older_server",
     .type = HANGAR_OPT_ENUM,
     .default_value = "refuse",
     .choices = older_choices,
     .help = "What a restore does when the server has an older major version than that of the "
             "backup: refuse; or try, which fails at the first statement that the "
             "server does not support."},
    {.name = "maintenance_db",
     .type = HANGAR_OPT_STRING,
     .default_value = "postgres",
     .help = "The database to connect to while others are created, dropped or renamed."},
    {.name = "rows_role",
     .type = HANGAR_OPT_STRING,
     .help = "Role that loads and compares the rows of a restore, as the owner of each table, "
             "instead of user. It needs no password, and gets all privileges on the data. Only for "
             "throw-away servers; drills use it."},
    {.name = "server_log",
     .type = HANGAR_OPT_STRING,
     .help = "File with the log of a throw-away server, each line with its SQLSTATE first. An "
             "error in what is loaded is then damage of the backup. Only for drills, which set "
             "it."},
    {.name = "drill_isolation",
     .type = HANGAR_OPT_ENUM,
     .default_value = "required",
     .choices = throwaway_isolation_choices,
     .help = THROWAWAY_ISOLATION_HELP},
    {.name = NULL}};

/* ---- options --------------------------------------------------------------------------- */

/* An empty option, as ${VAR:-} may leave it, counts as not set. */
static const char *pg_string_option(struct pg_source *src, const char *name)
{
    const char *value = src->host->opt_string(src->ctx, name);
    return value && *value ? value : NULL;
}

static enum pg_globals pg_globals_option(struct pg_source *src)
{
    const char *value = src->host->opt_string(src->ctx, "globals");
    return strcmp(value, "all") == 0    ? PG_GLOBALS_ALL
           : strcmp(value, "none") == 0 ? PG_GLOBALS_NONE
                                        : PG_GLOBALS_MISSING;
}

static enum hangar_rc pg_read_options(struct pg_source *src)
{
    const struct hangar_host *host = src->host;
    src->opt = (struct pg_options){
        .host = pg_string_option(src, "host"),
        .user = pg_string_option(src, "user"),
        .password = pg_string_option(src, "password"),
        .passfile = pg_string_option(src, "passfile"),
        .sslmode = pg_string_option(src, "sslmode"),
        .sslrootcert = pg_string_option(src, "sslrootcert"),
        .sslcert = pg_string_option(src, "sslcert"),
        .sslkey = pg_string_option(src, "sslkey"),
        .bin_dir = pg_string_option(src, "bin_dir"),
        .maintenance_db = pg_string_option(src, "maintenance_db"),
        .rows_role = pg_string_option(src, "rows_role"),
        .server_log = pg_string_option(src, "server_log"),
        .jobs = (uint32_t)host->opt_int(src->ctx, "jobs"),
        .globals = pg_globals_option(src),
        .lock_timeout_ms = host->opt_int(src->ctx, "lock_timeout"),
        .connect_timeout_ms = host->opt_int(src->ctx, "connect_timeout"),
        .object_size = (uint64_t)host->opt_int(src->ctx, "object_size"),
        .analyze = host->opt_bool(src->ctx, "analyze"),
        .replace_partial = host->opt_bool(src->ctx, "replace_partial"),
        .try_older_server = strcmp(host->opt_string(src->ctx, "older_server"), "try") == 0,
        .no_owner = host->opt_bool(src->ctx, "no_owner"),
        .no_privileges = host->opt_bool(src->ctx, "no_privileges"),
        .no_comments = host->opt_bool(src->ctx, "no_comments"),
        .substitute_locale =
            strcmp(host->opt_string(src->ctx, "missing_locale"), "substitute") == 0,
    };
    snprintf(src->port, sizeof(src->port), "%lld", (long long)host->opt_int(src->ctx, "port"));
    src->opt.port = src->port;
    if (!src->opt.maintenance_db) {
        return host->fail_option(src->ctx, "maintenance_db", "must not be empty");
    }
    if (src->opt.passfile && strcmp(src->opt.passfile, PG_NO_PASSFILE) == 0) {
        src->opt.passfile = NULL;
    }
    if (src->opt.password && src->opt.passfile) {
        return host->fail_option(
            src->ctx, "passfile",
            "cannot be combined with password: each of them sets the password");
    }
    return HANGAR_OK;
}

static enum hangar_rc pg_write_description(struct pg_source *src)
{
    const char *host = src->opt.host ? src->opt.host : getenv("PGHOST");
    src->where = pg_format("%s:%s", host && *host ? host : "localhost", src->opt.port);
    struct text text = {0};
    text_addf(&text, "PostgreSQL ");
    pg_describe_databases(src, &text);
    text_addf(&text, " on %s", src->where ? src->where : "");
    src->description = text.data;
    return text.failed || !src->where ? pg_no_memory(src) : HANGAR_OK;
}

/* ---- the instance ------------------------------------------------------------------------ */

static void pg_destroy(void *inst)
{
    struct pg_source *src = inst;
    pg_end(src, NULL);
    pg_restore_end(src, NULL);
    pg_scratch_stop(src);
    if (src->wake_fd >= 0) {
        close(src->wake_fd);
    }
    pg_databases_free(src);
    free(src->description);
    free(src->where);
    free(src->passfile);
    free(src);
}

static enum hangar_rc pg_create(const struct hangar_host *host, struct hangar_ctx *ctx, void **out)
{
    struct pg_source *src = calloc(1, sizeof(*src));
    if (!src) {
        return failure_raise_no_memory(host, ctx, "create the source");
    }
    src->host = host;
    src->ctx = ctx;
    src->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum hangar_rc rc = src->wake_fd < 0
                            ? host->fail(ctx, HANGAR_IO, errno, "cannot create an event descriptor")
                            : pg_read_options(src);
    if (rc == HANGAR_OK) {
        rc = pg_databases_read(src);
    }
    if (rc == HANGAR_OK) {
        rc = pg_write_description(src);
    }
    if (rc != HANGAR_OK) {
        pg_destroy(src);
        return rc;
    }
    *out = src;
    return HANGAR_OK;
}

/* Every wait polls wake_fd, and no code reads it, so that it stays readable. */
static void pg_cancel(void *inst)
{
    struct pg_source *src = inst;
    uint64_t one = 1;
    ssize_t written = write(src->wake_fd, &one, sizeof(one));
    (void)written; /* fails only when it is readable already */
}

static uint32_t pg_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static const char *pg_describe(void *inst)
{
    return ((struct pg_source *)inst)->description;
}

/* One more than there are sessions, so that reading the output of pg_dump keeps no session idle. */
static uint32_t pg_jobs(void *inst)
{
    return ((struct pg_source *)inst)->opt.jobs + 1;
}

static const struct hangar_source source = {
    .struct_size = sizeof(struct hangar_source),
    .check = pg_check,
    .jobs = pg_jobs,
    .prepare = pg_prepare,
    .begin = pg_begin,
    .next = pg_next,
    .read = pg_read,
    .close = pg_object_close,
    .end = pg_end,
    .restore_prepare = pg_restore_prepare,
    .restore_open = pg_restore_open,
    .restore_write = pg_restore_write,
    .restore_close = pg_restore_close,
    .restore_phase_end = pg_restore_phase_end,
    .restore_end = pg_restore_end,
    .restore_commands = pg_restore_commands,
    .scratch_start = pg_scratch_start,
    .scratch_stop = pg_scratch_stop,
    .inspect = pg_inspect,
    .prepare_safety = pg_prepare_safety,
};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "postgres",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "backs up and restores PostgreSQL databases",
    .license = "Apache-2.0",
    .options = options,
    .create = pg_create,
    .destroy = pg_destroy,
    .cancel = pg_cancel,
    .threads = pg_threads,
    .describe = pg_describe,
    .source = &source,
};

HANGAR_PLUGIN(plugin)
