/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore: how a restore begins and ends.
 */
#include "restore/restore.h"

#include <stdlib.h>
#include <string.h>
#include "restore/clean/clean.h"
#include "restore/database/database.h"
#include "restore/rows/last_rows.h"
#include "restore/database/marks.h"
#include "restore/choose.h"
#include "restore/phases.h"
#include "restore/target/restore_state.h"
#include "restore/clean/swap.h"
#include "restore/target/tally.h"
#include "restore/target/target.h"
#include "restore/target/versions.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/connection/leftovers.h"

/* ---- beginning --------------------------------------------------------------- */

static void write_restore_plan(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    struct hangar_text *plan = restore->how->plan;
    const struct hangar_host *host = src->host;
    static const char *const roles[] = {"create the missing roles, alter none",
                                        "run everything in globals.sql", "do not change the roles"};
    host->text(plan, "roles on %s: %s\n", pg_where(src), roles[src->opt.globals]);
    for (size_t i = 0; i < restore->target_count; i++) {
        const struct pg_target *target = &restore->targets[i];
        if (target->skipped) {
            host->text(plan, "database %s of the backup: do not restore it\n", target->source);
            continue;
        }
        if (restore->clean) {
            pg_clean_plan(target);
            continue;
        }
        host->text(plan, "database %s: %s, then restore %s into it with %u sessions\n",
                   target->name, target->exists ? "exists and is empty" : "create", target->source,
                   src->opt.jobs);
    }
    pg_plan_versions(src);
}

/* What the backup lacks of its source, in the plan and in the log of each restore. */
static void report_doubts(struct pg_source *src)
{
    static const struct {
        const char *fact, *means;
    } doubts[] = {{"not_seen", "not in the backup, because its role could not read it or its "
                               "server did not have it"},
                  {"warnings", "the client tools warned during the backup"}};
    const struct pg_restore *restore = src->restore;
    for (size_t i = 0; i < sizeof(doubts) / sizeof(doubts[0]); i++) {
        const char *text = src->host->attr_get(restore->how->facts, doubts[i].fact);
        if (text && restore->dry) {
            src->host->text(restore->how->plan, "%s: %s\n", doubts[i].means, text);
        } else if (text) {
            src->host->log(src->ctx, HANGAR_LOG_WARN, "%s: %s", doubts[i].means, text);
        }
    }
}

/* Gets a directory for every object that is spooled before it is used. */
static enum hangar_rc make_spool_dir(struct pg_source *src)
{
    const struct hangar_restore *how = src->restore->how;
    uint64_t bytes = 1024 * 1024;
    for (size_t i = 0; i < how->object_count; i++) {
        const struct hangar_object_info *info = &how->objects[i];
        if (info->phase < 2 || pg_is_of_last_rows(src, info)) {
            bytes += info->size_hint;
        }
    }
    return src->host->temp_dir(src->ctx, bytes, &src->restore->dir);
}

/* Beside the plan: what an earlier restore left on the server. */
static void restore_warn_of_leftovers(struct pg_source *src)
{
    struct pg_conn *conn = NULL;
    struct pg_error err = {0};
    if (pg_open(src, src->opt.maintenance_db, false, &conn, &err) != HANGAR_OK ||
        pg_warn_of_leftovers(conn) != HANGAR_OK) {
        src->host->log(src->ctx, HANGAR_LOG_INFO, "cannot list leftovers of restores on %s: %s",
                       pg_where(src), conn ? conn->err.text : err.text);
    }
    pg_close(conn);
}

enum hangar_rc pg_restore_prepare(void *inst, const struct hangar_restore *how)
{
    struct pg_source *src = inst;
    struct pg_restore *restore = src->restore = calloc(1, sizeof(*restore));
    if (!restore) {
        return pg_no_memory(src);
    }
    pthread_mutex_init(&restore->mutex, NULL);
    restore->how = how;
    for (size_t i = 0; i < how->object_count; i++) {
        uint32_t phase = how->objects[i].phase;
        restore->last_phase = phase > restore->last_phase ? phase : restore->last_phase;
    }
    enum hangar_rc rc = pg_choose_targets(src);
    restore->clean = how->flags & HANGAR_RESTORE_CLEAN;
    restore->dry = how->flags & HANGAR_RESTORE_DRY_RUN;
    restore->disconnect = how->flags & HANGAR_RESTORE_DISCONNECT;
    if (rc == HANGAR_OK && restore->clean) {
        rc = pg_clean_prepare(src);
    }
    for (size_t i = 0; rc == HANGAR_OK && !restore->clean && i < restore->target_count; i++) {
        if (!restore->targets[i].skipped) {
            rc = pg_target_examine(&restore->targets[i], &restore->server_version);
        }
    }
    if (rc == HANGAR_OK) {
        rc = pg_refuse_older_server(src);
    }
    if (rc == HANGAR_OK) {
        rc = pg_find_restore_tools(src);
    }
    if (rc == HANGAR_OK && restore->dry) {
        write_restore_plan(src);
        report_doubts(src);
        restore_warn_of_leftovers(src);
    } else if (rc == HANGAR_OK) {
        report_doubts(src);
        rc = make_spool_dir(src);
    }
    return rc;
}

/* ---- ending ------------------------------------------------------------------ */

static void free_restore(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    for (size_t i = 0; i < restore->target_count; i++) {
        struct pg_target *target = &restore->targets[i];
        pg_tally_free(&target->tally);
        pg_last_rows_free(target);
        text_free(&target->not_compared);
        free(target->schema_path);
        free(target->large_path);
        free(target->tables_path);
        free(target->folder);
        free(target->new_name);
        pg_clean_free(target);
    }
    pg_close(restore->keeper);
    free(restore->targets);
    free(restore->globals_path);
    pg_failures_free(&restore->failures);
    pthread_mutex_destroy(&restore->mutex);
    free(restore);
    src->restore = NULL;
}

/* A backup without rows has no phase 2: its databases are finished here. */
static enum hangar_rc finish_remaining_targets(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    for (size_t i = 0; i < restore->target_count; i++) {
        struct pg_target *target = &restore->targets[i];
        enum hangar_rc rc =
            target->skipped || target->finished ? HANGAR_OK : pg_finish_target(target);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    return HANGAR_OK;
}

/* Every table that was read back matched the backup: otherwise the restore has failed before. */
static void report_comparison(const struct pg_restore *restore, const struct hangar_host *host,
                              struct hangar_attrs *report)
{
    uint64_t tables = 0, rows = 0, generated = 0, indexes = 0;
    struct text rest = {0};
    for (size_t i = 0; i < restore->target_count; i++) {
        const struct pg_target *target = &restore->targets[i];
        tables += target->compared_tables;
        rows += target->compared_rows;
        generated += target->compared_generated;
        indexes += target->checked_indexes;
        if (target->not_compared.size) {
            text_addf(&rest, "%sin database %s: %s", rest.size ? "; " : "", target->name,
                      text_str(&target->not_compared));
        }
        if (target->locale) {
            host->attr_setf(report, "substituted_locale", "%s in database %s", target->locale,
                            target->name);
        }
    }
    if (!(restore->how->flags & HANGAR_RESTORE_COMPARE)) {
        text_free(&rest);
        return;
    }
    host->attr_setf(report, "compared_tables", "%llu", (unsigned long long)tables);
    host->attr_setf(report, "compared_rows", "%llu", (unsigned long long)rows);
    host->attr_setf(report, "compared_digests", "%llu", (unsigned long long)tables);
    host->attr_setf(report, "compared_generated", "%llu", (unsigned long long)generated);
    host->attr_setf(report, "checked_indexes", "%llu", (unsigned long long)indexes);
    if (rest.size) {
        host->attr_setf(report, "not_compared", "%.8000s", text_str(&rest));
    }
    text_free(&rest);
}

enum hangar_rc pg_restore_end(void *inst, struct hangar_attrs *report)
{
    struct pg_source *src = inst;
    struct pg_restore *restore = src->restore;
    const struct hangar_host *host = src->host;
    if (!restore) {
        return HANGAR_OK;
    }
    bool dry = restore->dry;
    enum hangar_rc rc = report && !dry ? finish_remaining_targets(src) : HANGAR_OK;
    if (rc == HANGAR_OK && report && !dry && restore->clean) {
        rc = pg_clean_swap(src, report);
    }
    uint64_t tables = 0, rows = 0, databases = 0;
    for (size_t i = 0; i < restore->target_count; i++) {
        struct pg_target *target = &restore->targets[i];
        pg_target_close_idle(target);
        if ((!report || rc != HANGAR_OK) && !dry) {
            pg_target_undo(target);
        }
        tables += target->tables;
        rows += target->rows;
        databases += !target->skipped;
    }
    if (!report && restore->roles_created && !src->opt.rows_role) { /* a drill's server is gone */
        host->log(
            src->ctx, HANGAR_LOG_WARN,
            "%zu roles that this restore created stay on %s; hint: the next restore uses them",
            restore->roles_created, pg_where(src));
    }
    if (report && rc == HANGAR_OK && !dry) {
        host->attr_setf(report, "into", "PostgreSQL %d", restore->server_version / 10000);
        host->attr_setf(report, "databases", "%llu", (unsigned long long)databases);
        host->attr_setf(report, "objects", "%llu", (unsigned long long)restore->objects);
        host->attr_setf(report, "tables", "%llu", (unsigned long long)tables);
        host->attr_setf(report, "rows", "%llu", (unsigned long long)rows);
        report_comparison(restore, host, report);
        pg_failures_report(&restore->failures, host, report);
    }
    free_restore(src);
    return rc;
}
