/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * phases: what happens between the phases of a restore.  After phase 0: roles.  After phase 1:
 * the database with its settings, and all that must exist before its rows, with large objects,
 * sequences and the configuration of extensions.  After the rows: indexes, constraints and
 * triggers; the privileges of the database last.
 */
#include "restore/phases.h"

#include <stdlib.h>
#include <string.h>
#include "restore/rows/compare.h"
#include "restore/rows/check_indexes.h"
#include "restore/database/database.h"
#include "restore/rows/last_rows.h"
#include "restore/database/target_properties.h"
#include "restore/roles/roles.h"
#include "restore/roles/rows_role.h"
#include "restore/target/restore_state.h"
#include "restore/rows/tables_in.h"
#include "restore/rows/verdict.h"
#include "server/instance/args.h"
#include "server/programs/child.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/sql/quote.h"
#include "server/connection/settings.h"
#include "server/connection/statement.h"
#include "server/programs/tools.h"

/* A hint of the server that names the new database is useless: the database has that name only
 * until it replaces the other one. */
static void cut_temporary_hint(const struct pg_target *target, struct pg_error *err)
{
    static const char *const next[] = {" LINE ", " QUERY: ", " CONTEXT: ", " Command was: "};
    char *hint = strstr(err->text, " HINT: "), *end = hint ? hint + strlen(hint) : NULL;
    if (!target->clean || !strstr(err->text, target->into)) {
        return;
    }
    for (size_t i = 0; hint && i < sizeof(next) / sizeof(next[0]); i++) {
        char *at = strstr(hint, next[i]);
        end = at && at < end ? at : end;
    }
    if (hint && memmem(hint, (size_t)(end - hint), target->into, strlen(target->into))) {
        memmove(hint, end, strlen(end) + 1);
    }
    char *what =
        pg_format("%s is the new database that was to replace %s: a statement that works only in a "
                  "database of that name is restored without --mode clean",
                  target->into, target->name);
    if (what) {
        pg_add_hint(err, what);
    }
    free(what);
}

static void explain_pg_restore_error(const struct pg_target *target, struct pg_error *err)
{
    const struct pg_source *src = target->src;
    const char *globals = src->host->attr_get(src->restore->how->facts, "globals");
    const bool backed_up = !globals || strcmp(globals, "none") != 0;
    /* the main process of pg_restore writes this line for each error that a worker has reported */
    pg_cut_text(err, " pg_restore: error: a worker process died unexpectedly");
    if (strstr(err->text, "role \"") && strstr(err->text, "does not exist")) {
        pg_add_hint(err, backed_up && src->opt.globals == PG_GLOBALS_NONE
                             ? "create the missing role, or set globals to missing, or no_owner "
                               "and no_privileges to true"
                             : "create the missing role, which the backup does not have, or set "
                               "no_owner and no_privileges to true");
    } else if (strstr(err->text, "must be owner of") && strstr(err->text, "COMMENT ON")) {
        pg_add_hint(err, "set no_comments to true, or restore as a superuser");
    } else if (strstr(err->text, "must be able to SET ROLE") ||
               strstr(err->text, "must be member of role")) {
        pg_add_hint(err, "set no_owner to true, or restore as a superuser");
    } else if (strstr(err->text, "does not exist")) {
        pg_explain_missing(err, strstr(err->text, " CONTEXT: "));
    }
    cut_temporary_hint(target, err);
}

/* Does pg_restore switch off limits of time that the server does not have?  See tolerated.h.  It
 * then runs with one session: the lines of several would be mixed. */
static bool limits_are_unknown(const struct pg_source *src)
{
    int server = src->restore->server_version / 10000;
    return server < 17 && src->tools.major > server;
}

/* Reports why pg_restore failed; returns the result. */
static enum hangar_rc raise_section_error(struct pg_target *target, const struct pg_child *child,
                                          const char *section)
{
    struct pg_error err = *pg_child_error(child);
    pg_verdict(target, &err);
    explain_pg_restore_error(target, &err);
    return pg_raise(target->src, &err, "cannot restore the %s of database %s", section,
                    target->name);
}

static enum hangar_rc run_pg_restore(struct pg_target *target, const char *archive,
                                     const char *section, uint32_t jobs, const char *doing)
{
    struct pg_source *src = target->src;
    struct pg_args args = {0};
    struct text database = {0};
    struct pg_tolerated_errors tolerated = {0};
    pg_add_conninfo(&database, target->into);
    pg_arg(&args, "pg_restore");
    pg_arg(&args, "--no-password");
    bool goes_on = src->restore->how->flags & HANGAR_RESTORE_CONTINUE;
    if (!goes_on && !limits_are_unknown(src)) {
        pg_arg(&args, "--exit-on-error");
    }
    pg_arg(&args, "--section=%s", section);
    if (target->no_tablespaces) {
        pg_arg(&args, "--no-tablespaces");
    }
    if (src->opt.no_owner) {
        pg_arg(&args, "--no-owner");
    }
    if (src->opt.no_privileges) {
        pg_arg(&args, "--no-privileges");
    }
    if (src->opt.no_comments) {
        pg_arg(&args, "--no-comments");
    }
    if (jobs > 1 && !limits_are_unknown(src)) {
        pg_arg(&args, "--jobs=%u", jobs);
    }
    pg_arg(&args, "--dbname=%s", text_str(&database));
    pg_arg(&args, "%s", archive);
    args.failed |= database.failed;
    text_free(&database);
    src->host->alive(src->ctx, doing);
    struct pg_child *child = NULL;
    enum hangar_rc rc = pg_spawn(src, "pg_restore", NULL, &args, false, &child);
    if (rc == HANGAR_OK && limits_are_unknown(src)) {
        pg_child_tolerate(child, &tolerated);
    }
    if (rc == HANGAR_OK && (rc = pg_child_finish(child, doing)) != HANGAR_OK) {
        bool recorded = goes_on && rc != HANGAR_CANCELLED &&
                        pg_failures_add(&src->restore->failures, target, pg_child_errors(child),
                                        tolerated.ended);
        rc = recorded ? HANGAR_OK : raise_section_error(target, child, section);
    }
    pg_child_free(child);
    pg_args_free(&args);
    return rc;
}

/* Restores large objects, sequences and rows of extensions; with very many tables, large
 * objects have an archive of their own. */
static enum hangar_rc restore_data_section(struct pg_target *target)
{
    static const char doing[] = "restoring large objects and sequences";
    enum hangar_rc rc = run_pg_restore(target, target->schema_path, "data", 1, doing);
    if (rc == HANGAR_OK && target->large_path) {
        rc = run_pg_restore(target, target->large_path, "data", 1, doing);
    }
    return rc;
}

static enum hangar_rc begin_restore_target(struct pg_target *target)
{
    if (!target->schema_path) {
        return target->src->host->fail(target->src->ctx, HANGAR_CORRUPT, 0,
                                       "cannot restore database %s: its schema.dump is missing",
                                       target->name);
    }
    enum hangar_rc rc = pg_target_create(target);
    if (rc != HANGAR_OK) {
        return rc;
    }
    target->touched = true;
    /* before all else, as with pg_restore: what the server computes depends on them, and one that
     * this role may not make is found before anything is loaded */
    rc = pg_target_settings(target);
    if (rc == HANGAR_OK) {
        rc = run_pg_restore(target, target->schema_path, "pre-data", 1, "restoring definitions");
    }
    /* before rows: what is computed from them may read the configuration of an extension */
    if (rc == HANGAR_OK) {
        rc = restore_data_section(target);
    }
    return rc == HANGAR_OK ? pg_rows_role_prepare(target) : rc;
}

/* ANALYZE of a database ends at the first table that fails, such as one with partitions on a server
 * that does not answer.  Then each table is a statement of its own.  Missing statistics make
 * queries slow, and nothing wrong: they are a warning. */
static void collect_statistics(struct pg_target *target, struct pg_conn *conn)
{
    static const char query[] =
        "SELECT pg_catalog.format('ANALYZE %I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm')"
        " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
    struct pg_source *src = target->src;
    PGresult *res = NULL;
    if (pg_command(conn, "ANALYZE") == HANGAR_OK || conn->err.rc == HANGAR_CANCELLED) {
        return;
    }
    src->host->log(src->ctx, HANGAR_LOG_WARN,
                   "cannot collect all statistics of database %s: %s; hint: queries may be slow "
                   "until ANALYZE has succeeded",
                   target->name, conn->err.text);
    if (pg_query(conn, query, NULL, NULL, &res) != HANGAR_OK) {
        return;
    }
    for (int i = 0; i < PQntuples(res) && !pg_cancelled(src); i++) {
        pg_command(conn, PQgetvalue(res, i, 0));
    }
    PQclear(res);
}

/* Collects statistics, and flushes everything: the sessions that wrote rows did not wait for
 * the disk, but a transaction that does also flushes all earlier ones. */
static enum hangar_rc analyze_and_flush(struct pg_target *target)
{
    struct pg_conn *conn;
    enum hangar_rc rc = pg_connect(target->src, target->into, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    conn->doing = "collecting statistics";
    if (pg_set(conn, "client_min_messages", "error") == HANGAR_OK && target->src->opt.analyze) {
        collect_statistics(target, conn);
    }
    if (pg_command(conn, "SELECT pg_catalog.txid_current()") != HANGAR_OK) {
        rc = pg_raise(target->src, &conn->err, "cannot end the load of database %s", target->name);
    }
    pg_close(conn);
    return rc;
}

enum hangar_rc pg_finish_target(struct pg_target *target)
{
    struct pg_source *src = target->src;
    enum hangar_rc rc = pg_last_rows_load(target);
    pg_target_close_idle(target);
    if (rc == HANGAR_OK) {
        rc = pg_tables_check(target);
    }
    if (rc == HANGAR_OK && (src->restore->how->flags & HANGAR_RESTORE_COMPARE)) {
        rc = pg_compare(target);
    }
    if (rc == HANGAR_OK) {
        rc = run_pg_restore(target, target->schema_path, "post-data", src->opt.jobs,
                            "building indexes and constraints");
    }
    if (rc == HANGAR_OK && (src->restore->how->flags & HANGAR_RESTORE_COMPARE)) {
        rc = pg_check_indexes(target);
    }
    if (rc == HANGAR_OK) {
        rc = analyze_and_flush(target);
    }
    if (rc == HANGAR_OK) {
        rc = pg_target_properties(target);
    }
    target->finished = rc == HANGAR_OK;
    return rc;
}

static enum hangar_rc restore_globals(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    if (restore->roles_done || !restore->globals_path) {
        return HANGAR_OK;
    }
    restore->roles_done = true;
    return pg_roles_restore(src, restore->globals_path);
}

enum hangar_rc pg_restore_phase_end(void *inst, uint32_t phase)
{
    struct pg_source *src = inst;
    struct pg_restore *restore = src->restore;
    if (phase == 0) {
        return restore_globals(src);
    }
    /* rows may have several phases */
    if (phase > 1 && phase < restore->last_phase) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < restore->target_count && rc == HANGAR_OK; i++) {
        if (!restore->targets[i].skipped) {
            rc = phase == 1 ? begin_restore_target(&restore->targets[i])
                            : pg_finish_target(&restore->targets[i]);
        }
    }
    return rc;
}
