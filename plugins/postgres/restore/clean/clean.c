/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean: replacing a database that is in use, up to the swap: the conditions for it, and the
 * removal of what a dead restore left.
 *
 * While a restore works on a target it holds an advisory lock in the maintenance database, which
 * ends with its session; nothing is removed without that lock.
 */
#include "restore/clean/clean.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include "clock.h"
#include "restore/database/database.h"
#include "restore/target/maintenance.h"
#include "restore/database/marks.h"
#include "restore/clean/obstacles.h"
#include "restore/clean/partial.h"
#include "restore/target/restore_state.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/sql/quote.h"
#include "server/connection/databases.h"

#define LOCK_WAIT_MS 5000  /* the server may need a moment to notice that a client is dead */
#define LEAVE_WAIT_MS 3000 /* hangar's own last sessions may need a moment to end */

/* ---- leftovers --------------------------------------------------------------- */

/* Calls `each` for the name of each database that an earlier restore of this target left. */
static enum hangar_rc each_leftover(struct pg_target *target, struct pg_conn *conn,
                                    enum hangar_rc (*each)(struct pg_target *target,
                                                           const char *name))
{
    struct pg_replacement *clean = target->clean;
    struct text sql = {0};
    PGresult *res;
    text_addf(&sql,
              "SELECT d.datname FROM pg_catalog.pg_database d,"
              " pg_catalog.shobj_description(d.oid, 'pg_database') AS mark"
              " WHERE d.datname ~ '^hangar_(new|old)_%08x_[0-9a-f]{8}$' AND (mark IN (",
              pg_clean_hash(target));
    pg_add_literal(&sql, text_str(&clean->new_mark));
    text_add(&sql, ", ");
    pg_add_literal(&sql, text_str(&clean->old_mark));
    text_addf(&sql, ") OR (mark IS NULL AND d.datconnlimit = %d)) ORDER BY 1", PG_CLEAN_LIMIT);
    if (sql.failed) {
        text_free(&sql);
        return pg_no_memory(target->src);
    }
    enum hangar_rc rc = pg_query(conn, text_str(&sql), NULL, NULL, &res);
    text_free(&sql);
    if (rc != HANGAR_OK) {
        return pg_raise(target->src, &conn->err,
                        "cannot list the databases that a dead restore of database %s left",
                        target->name);
    }
    for (int i = 0; i < PQntuples(res) && rc == HANGAR_OK; i++) {
        rc = each(target, PQgetvalue(res, i, 0));
    }
    PQclear(res);
    return rc;
}

static enum hangar_rc list_leftover(struct pg_target *target, const char *name)
{
    struct text *text = &target->clean->leftovers;
    text_addf(text, "%s%s", text->size ? ", " : "", name);
    return text->failed ? pg_no_memory(target->src) : HANGAR_OK;
}

static enum hangar_rc drop_leftover(struct pg_target *target, const char *name)
{
    struct pg_source *src = target->src;
    if (pg_cancelled(src)) {
        return pg_raise_cancelled(src);
    }
    struct pg_error err = {0};
    if (pg_drop_database(src, name, &err)) {
        src->host->log(src->ctx, HANGAR_LOG_INFO,
                       "dropped database %s, a leftover of a dead restore, with %s", name,
                       pg_leftover_is_old(name) ? "the data from before that restore"
                                                : "the data of the backup, perhaps not all of it");
    } else {
        src->host->log(src->ctx, HANGAR_LOG_WARN,
                       "cannot drop database %s, a leftover of a dead restore: %s; hint: drop it",
                       name, err.text);
    }
    return HANGAR_OK;
}

/* ---- the lock ------------------------------------------------------------------------------ */

static enum hangar_rc lock_target(struct pg_target *target, struct pg_conn *keeper)
{
    struct pg_source *src = target->src;
    char key[16], class[16];
    int64_t deadline = clock_monotonic_ms() + LOCK_WAIT_MS;
    snprintf(class, sizeof(class), "%d", PG_LOCK_CLASS);
    snprintf(key, sizeof(key), "%d", (int)pg_clean_hash(target));
    for (;;) {
        PGresult *res;
        if (pg_query(keeper, "SELECT pg_catalog.pg_try_advisory_lock($1::int, $2::int)", class, key,
                     &res) != HANGAR_OK) {
            return pg_raise(src, &keeper->err, "cannot lock database %s", target->name);
        }
        bool locked = PQgetvalue(res, 0, 0)[0] == 't';
        PQclear(res);
        if (locked) {
            return HANGAR_OK;
        }
        if (clock_monotonic_ms() > deadline) {
            return src->host->fail(src->ctx, HANGAR_RETRY, 0,
                                   "cannot replace database %s: another restore is replacing it",
                                   target->name);
        }
        if (src->host->sleep(src->ctx, 100) != HANGAR_OK) {
            return pg_raise_cancelled(src);
        }
    }
}

/* ---- conditions -------------------------------------------------------------- */

static enum hangar_rc check_owner(struct pg_target *target, struct pg_conn *conn)
{
    struct pg_source *src = target->src;
    PGresult *res;
    enum hangar_rc rc = pg_target_check_create(target, conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (pg_query(conn,
                 "SELECT pg_catalog.pg_has_role(d.datdba, 'USAGE'), r.rolname"
                 " FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles r ON r.oid = d.datdba"
                 " WHERE d.oid = $1::oid",
                 target->clean->oid, NULL, &res) != HANGAR_OK) {
        return pg_raise(src, &conn->err, "cannot read the privileges on database %s", target->name);
    }
    if (PQntuples(res) != 1 || PQgetvalue(res, 0, 0)[0] != 't') {
        rc = src->host->fail(
            src->ctx, HANGAR_AUTH, 0,
            "cannot replace database %s on %s: user %s does not own it; hint: connect as %s or "
            "as a superuser",
            target->name, pg_where(src), PQuser(conn->pq),
            PQntuples(res) == 1 ? PQgetvalue(res, 0, 1) : "its owner");
    }
    PQclear(res);
    return rc;
}

/* The free bytes of the server's disk; false: it is not on this machine, or this role may not
 * read its folder. */
static bool free_server_bytes(struct pg_conn *conn, uint64_t *bytes)
{
    const char *host = PQhost(conn->pq);
    PGresult *res;
    if (!host || host[0] != '/' ||
        pg_query(conn, "SELECT pg_catalog.current_setting('data_directory')", NULL, NULL, &res) !=
            HANGAR_OK) {
        return false;
    }
    struct statvfs disk;
    bool known = statvfs(PQgetvalue(res, 0, 0), &disk) == 0;
    PQclear(res);
    *bytes = known ? (uint64_t)disk.f_bavail * disk.f_frsize : 0;
    return known;
}

/* Both databases exist for a while.  With indexes, rows on disk mostly take more bytes than
 * their text, and seldom less than a quarter of it. */
static enum hangar_rc check_disk_space(struct pg_source *src, struct pg_conn *conn)
{
    const struct hangar_restore *how = src->restore->how;
    const uint64_t mib = 1024 * 1024;
    uint64_t needed = 0, there;
    for (size_t i = 0; i < how->object_count; i++) {
        needed += how->objects[i].size_hint;
    }
    if (!free_server_bytes(conn, &there) || there > needed) {
        return HANGAR_OK;
    }
    if (there < needed / 4) {
        return src->host->fail(
            src->ctx, HANGAR_NO_SPACE, 0,
            "cannot load %llu MiB beside the existing databases: the disk of the server has %llu "
            "MiB free",
            (unsigned long long)(needed / mib), (unsigned long long)(there / mib));
    }
    src->host->log(
        src->ctx, HANGAR_LOG_WARN,
        "the disk of the server has %llu MiB free, and %llu MiB of rows are loaded beside the "
        "existing databases",
        (unsigned long long)(there / mib), (unsigned long long)(needed / mib));
    return HANGAR_OK;
}

/* Sessions are an obstacle, unless they are to be ended. */
static enum hangar_rc check_sessions(struct pg_target *target, struct pg_conn *conn)
{
    struct pg_source *src = target->src;
    struct pg_replacement *clean = target->clean;
    unsigned long count = 0, protected_count = 0;
    if (!src->restore->disconnect) {
        return pg_await_disconnect(target, conn, LEAVE_WAIT_MS);
    }
    enum hangar_rc rc =
        pg_list_sessions(conn, clean->oid, &clean->sessions, &count, &protected_count);
    if (rc == HANGAR_OK && protected_count) {
        rc = src->host->fail(
            src->ctx, HANGAR_AUTH, 0,
            "cannot replace database %s: user %s may not end %lu of the sessions in it: %s; "
            "hint: GRANT pg_signal_backend TO that user, or end the sessions as a superuser",
            target->name, PQuser(conn->pq), protected_count, text_str(&clean->sessions));
    }
    return rc;
}

/* The new database is loaded under another name, and there an extension that the server allows in
 * the database of one name only cannot be created. */
static enum hangar_rc check_extensions(struct pg_target *target, struct pg_conn *conn)
{
    static const char query[] =
        "SELECT extname, s.name FROM pg_catalog.pg_extension, (VALUES"
        " ('pg_cron', 'cron.database_name')) s(extension, name) WHERE extname = s.extension";
    struct pg_source *src = target->src;
    PGresult *res;
    if (pg_query(conn, query, NULL, NULL, &res) != HANGAR_OK) {
        return pg_raise(src, &conn->err, "cannot list the extensions of database %s", target->name);
    }
    enum hangar_rc rc = HANGAR_OK;
    if (PQntuples(res) > 0) {
        rc = src->host->fail(
            src->ctx, HANGAR_UNSUPPORTED, 0,
            "cannot replace database %s on %s: it has the extension %s, which the server allows "
            "only in the database that %s names, and so not in the new database beside it; hint: "
            "rename the database, or drop it after a backup, and restore it without --mode clean",
            target->name, pg_where(src), PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
    }
    PQclear(res);
    return rc;
}

/* Clears *empty when the database holds anything. */
static enum hangar_rc check_content(struct pg_target *target, bool *empty)
{
    struct pg_source *src = target->src;
    struct pg_conn *conn;
    enum hangar_rc rc = pg_connect(target->src, target->name, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct text what = {0};
    rc = pg_target_contents(target, conn, &what);
    if (rc == HANGAR_OK) {
        rc = check_extensions(target, conn);
    }
    *empty = *empty && what.size == 0;
    if (rc == HANGAR_OK && what.size) {
        rc = pg_partial_refuse(target, conn);
    }
    text_free(&what);
    pg_close(conn);
    return rc == HANGAR_OK && pg_cancelled(src) ? pg_raise_cancelled(src) : rc;
}

static enum hangar_rc check_clean_target(struct pg_target *target, struct pg_conn *conn,
                                         bool *empty)
{
    struct pg_source *src = target->src;
    struct pg_replacement *clean = target->clean;
    if (strcmp(target->name, src->opt.maintenance_db) == 0) {
        return src->host->fail(
            src->ctx, HANGAR_CONFIG, 0,
            "cannot replace database %s: the restore itself connects to it (maintenance_db); hint: "
            "connect to another one with --set %s.maintenance_db=template1",
            target->name, src->host->instance_name(src->ctx));
    }
    if (strcmp(target->name, "template0") == 0 || strcmp(target->name, "template1") == 0) {
        return src->host->fail(src->ctx, HANGAR_UNSUPPORTED, 0,
                               "cannot replace database %s: it is a template of the server",
                               target->name);
    }
    enum hangar_rc rc = pg_clean_find_oid(target, conn, target->name, clean->oid);
    target->exists = clean->oid[0];
    if (rc == HANGAR_OK && !target->exists) {
        return pg_target_check_create(target, conn);
    }
    if (rc == HANGAR_OK) {
        rc = check_owner(target, conn);
    }
    if (rc == HANGAR_OK) {
        rc = pg_clean_obstacles(target, conn);
    }
    if (rc == HANGAR_OK) {
        rc = check_sessions(target, conn); /* before hangar connects */
    }
    return rc == HANGAR_OK ? check_content(target, empty) : rc;
}

enum hangar_rc pg_clean_prepare(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    bool empty = true;
    enum hangar_rc rc = pg_databases_refuse_unsafe(src);
    if (rc == HANGAR_OK) {
        rc = pg_maintenance_open(src, &restore->keeper);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    restore->server_version = restore->keeper->version;
    for (size_t i = 0; i < restore->target_count && rc == HANGAR_OK; i++) {
        struct pg_target *target = &restore->targets[i];
        if (target->skipped) {
            continue;
        }
        rc = pg_clean_new(target);
        if (rc == HANGAR_OK) {
            rc = check_clean_target(target, restore->keeper, &empty);
        }
        if (rc == HANGAR_OK && !restore->dry) {
            rc = lock_target(target, restore->keeper);
        }
        if (rc == HANGAR_OK) {
            rc = each_leftover(target, restore->keeper,
                               restore->dry ? list_leftover : drop_leftover);
        }
    }
    if (rc == HANGAR_OK) {
        rc = check_disk_space(src, restore->keeper);
    }
    if (rc == HANGAR_OK && restore->how->target_empty) {
        *restore->how->target_empty = empty;
    }
    return rc;
}

/* ---- the plan -------------------------------------------------------------------------------- */

void pg_clean_plan(const struct pg_target *target)
{
    struct pg_source *src = target->src;
    const struct pg_replacement *clean = target->clean;
    struct hangar_text *plan = src->restore->how->plan;
    const struct hangar_host *host = src->host;
    if (clean->leftovers.size) {
        host->text(plan, "drop the leftovers of a dead restore: %s\n", text_str(&clean->leftovers));
    }
    host->text(plan, "database %s: load %s into a new database beside it with %u sessions\n",
               target->name, target->source, src->opt.jobs);
    if (!target->exists) {
        host->text(plan, "database %s: does not exist; the new database gets its name\n",
                   target->name);
        return;
    }
    host->text(plan, "database %s: %s%s\n", target->name,
               clean->sessions.size ? "end the sessions in it: " : "no sessions are connected",
               text_str(&clean->sessions));
    host->text(
        plan,
        "database %s: rename it and the new database in one step, during which no client can "
        "connect; rows written to it after its safety backup began are lost\n",
        target->name);
    host->text(plan, "database %s: drop the old database\n", target->name);
}
