/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: how a backup begins and ends.
 */
#include "backup/backup.h"

#include <stdio.h>
#include "backup/plan/globals.h"
#include "backup/checks/patterns.h"
#include "backup/snapshot/properties.h"
#include "backup/snapshot/snapshot.h"
#include "backup/snapshot/state.h"
#include "backup/checks/tools_suit.h"
#include "backup/checks/unseen.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/sql/quote.h"
#include "server/programs/tools.h"
#include "clock.h"
#include "server/connection/databases.h"

static enum hangar_rc add_database(struct pg_source *src, const char *name)
{
    struct pg_backup *backup = src->backup;
    struct pg_db *db = &backup->dbs[backup->db_count];
    db->src = src;
    db->name = name;
    struct text folder = {0};
    pg_add_folder(&folder, name);
    if (folder.failed) {
        return pg_no_memory(src);
    }
    db->folder = folder.data;
    backup->db_count++;
    return HANGAR_OK;
}

/* All databases of the options; for a safety backup, those of them that exist. */
static enum hangar_rc add_databases(struct pg_source *src)
{
    struct text *absent = &src->backup->absent;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < src->database_count && rc == HANGAR_OK; i++) {
        struct pg_conn *conn = NULL;
        struct pg_error err = {0};
        if (src->safety &&
            pg_open(src, src->databases[i], false, &conn, &err) == HANGAR_NOT_FOUND) {
            text_addf(absent, "%s%s", absent->size ? ", " : "", src->databases[i]);
        } else {
            rc = add_database(src, src->databases[i]);
        }
        pg_close(conn);
    }
    if (rc == HANGAR_OK && !src->backup->db_count) {
        rc = src->host->fail(src->ctx, HANGAR_NOT_FOUND, 0,
                             "cannot back up %s: no such database on %s", text_str(absent),
                             pg_where(src));
    }
    return rc == HANGAR_OK && absent->failed ? pg_no_memory(src) : rc;
}

/* A pattern that names nothing is a mistake; see patterns.h. */
static enum hangar_rc check_patterns(struct pg_source *src)
{
    struct pg_patterns patterns = {0};
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < src->backup->db_count && rc == HANGAR_OK; i++) {
        const struct pg_db *db = &src->backup->dbs[i];
        rc = pg_patterns_match(db->lead, db->name, &patterns);
    }
    if (rc == HANGAR_OK) {
        rc = pg_patterns_refuse_unmatched(src, &patterns);
    }
    pg_patterns_free(&patterns);
    return rc;
}

/* Finds the client tools, and refuses those whose archive no server could restore. */
static enum hangar_rc choose_tools(struct pg_source *src)
{
    struct pg_backup *backup = src->backup;
    enum hangar_rc rc = pg_find_tools(src, backup->version / 10000, "the server");
    for (size_t i = 0; i < backup->db_count && rc == HANGAR_OK; i++) {
        struct pg_db *db = &backup->dbs[i];
        rc = pg_require_suitable_tools(db->lead, db->name, &backup->least_server);
    }
    if (rc == HANGAR_OK) {
        pg_warn_of_newer_tools(src, backup->version, backup->least_server);
    }
    return rc;
}

enum hangar_rc pg_prepare_safety(void *inst)
{
    ((struct pg_source *)inst)->safety = true;
    return pg_prepare(inst);
}

enum hangar_rc pg_prepare(void *inst)
{
    struct pg_source *src = inst;
    enum hangar_rc rc = pg_databases_find(src);
    struct pg_backup *backup = rc == HANGAR_OK ? pg_backup_new(src) : NULL;
    if (!backup) {
        return rc == HANGAR_OK ? pg_no_memory(src) : rc;
    }
    rc = add_databases(src);
    if (rc != HANGAR_OK) {
        return rc;
    }
    for (size_t i = 0; i < backup->db_count; i++) {
        rc = pg_db_prepare(&backup->dbs[i]);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    rc = check_patterns(src);
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct pg_conn *lead = backup->dbs[0].lead;
    const char *version = PQparameterStatus(lead->pq, "server_version");
    backup->version = lead->version;
    snprintf(backup->server_version, sizeof(backup->server_version), "%s", version ? version : "");
    rc = pg_globals_prepare(src, lead, &backup->globals);
    return rc == HANGAR_OK ? choose_tools(src) : rc;
}

/* A set of attributes has a limit: of more databases, only the attributes of each schema.dump
 * have the recovery point. */
enum { LISTED_DATABASES_MAX = 64 };

static size_t listed_databases(const struct pg_backup *backup)
{
    return backup->db_count < LISTED_DATABASES_MAX ? backup->db_count : LISTED_DATABASES_MAX;
}

enum hangar_rc pg_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point)
{
    struct pg_source *src = inst;
    struct pg_backup *backup = src->backup;
    for (size_t i = 0; i < backup->db_count; i++) {
        enum hangar_rc rc = pg_db_begin(&backup->dbs[i]);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    *time_ms = backup->dbs[0].taken_ms;
    src->host->attr_set(point, "lsn", backup->dbs[0].lsn);
    for (size_t i = 1; i < listed_databases(backup); i++) {
        char name[32], time[CLOCK_ISO_SIZE];
        pg_db_time(&backup->dbs[i], time);
        snprintf(name, sizeof(name), "time.%zu", i + 1);
        src->host->attr_set(point, name, time);
        snprintf(name, sizeof(name), "lsn.%zu", i + 1);
        src->host->attr_set(point, name, backup->dbs[i].lsn);
    }
    return HANGAR_OK;
}

/* Of several databases: the facts of each, numbered like its position in the WAL. */
static void set_each_database(struct pg_source *src, struct hangar_attrs *facts)
{
    const struct pg_backup *backup = src->backup;
    for (size_t i = 0; i < listed_databases(backup); i++) {
        const struct pg_db *db = &backup->dbs[i];
        uint64_t tables = 0;
        char name[40];
        for (uint32_t k = 0; k < db->tables.count; k++) {
            tables += db->tables.items[k].is_target;
        }
        snprintf(name, sizeof(name), "database.%zu", i + 1);
        src->host->attr_set(facts, name, db->name);
        snprintf(name, sizeof(name), "tables.%zu", i + 1);
        src->host->attr_setf(facts, name, "%llu", (unsigned long long)tables);
        snprintf(name, sizeof(name), "rows.%zu", i + 1);
        src->host->attr_setf(facts, name, "%llu", (unsigned long long)db->rows);
    }
}

/* What the backup lacks, and what pg_dump warned of: a log line alone is forgotten until the day on
 * which the backup is restored. */
static void add_doubts(struct pg_source *src, struct hangar_attrs *facts)
{
    struct pg_backup *backup = src->backup;
    struct text unseen = {0};
    for (size_t i = 0; i < backup->db_count; i++) {
        const struct text *one = &backup->dbs[i].unseen;
        text_add(&unseen, unseen.size && one->size ? "; " : "");
        text_add(&unseen, text_str(one));
    }
    if (src->opt.globals != PG_GLOBALS_NONE && !backup->globals.passwords) {
        pg_add_unseen_passwords(&unseen);
    }
    pg_report_unseen(src, &unseen, facts);
    text_free(&unseen);
    if (backup->warnings.size) {
        src->host->attr_setf(facts, "warnings", "%.8000s", text_str(&backup->warnings));
    }
}

enum hangar_rc pg_end(void *inst, struct hangar_attrs *facts)
{
    struct pg_source *src = inst;
    struct pg_backup *backup = src->backup;
    const struct hangar_host *host = src->host;
    enum hangar_rc rc = HANGAR_OK;
    if (!facts || !backup) {
        pg_backup_free(src);
        return HANGAR_OK;
    }
    bool all = backup->globals_given && !backup->failed && backup->given == backup->closed;
    for (size_t i = 0; i < backup->db_count; i++) {
        all &= backup->dbs[i].tables_given;
    }
    if (all) {
        if (backup->db_count == 1) {
            pg_props_set(&backup->dbs[0], facts);
        } else {
            set_each_database(src, facts);
        }
        host->attr_set(facts, "server_version", backup->server_version);
        host->attr_setf(facts, "server_version_num", "%d", backup->version);
        host->attr_set(facts, "client_version", src->tools.version);
        if (backup->least_server) {
            host->attr_setf(facts, "least_server", "%d", backup->least_server);
        }
        host->attr_setf(facts, "databases", "%zu", backup->db_count);
        if (backup->absent.size) {
            host->attr_set(facts, "absent", text_str(&backup->absent));
        }
        add_doubts(src, facts);
        pg_patterns_set(src, facts);
        host->attr_setf(facts, "tables", "%llu", (unsigned long long)backup->tables);
        host->attr_setf(facts, "rows", "%llu", (unsigned long long)backup->rows);
        host->attr_setf(facts, "large_objects", "%llu", (unsigned long long)backup->large_objects);
        host->attr_set(facts, "globals",
                       src->opt.globals == PG_GLOBALS_NONE ? "none"
                       : backup->globals.passwords         ? "full"
                                                           : "without passwords");
    } else {
        rc = host->fail(src->ctx, HANGAR_INTERNAL, 0,
                        "cannot finish the backup: not all objects were read");
    }
    pg_backup_free(src);
    return rc;
}
