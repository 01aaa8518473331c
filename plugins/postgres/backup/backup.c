/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup.c: what the core calls on backup, and the order of the objects:
 * globals.sql, the archives of pg_dump, rows of all databases by several threads,
 * and last, when all rows are counted, tables.jsonl.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "backup/backup.h"

#define GLOBALS_END "PostgreSQL database cluster dump complete"

/* ---- begin and end ------------------------------------------------------------------- */

static void free_backup(struct pg_source *src)
{
    struct pg_backup *backup = src->backup;
    if (!backup) {
        return;
    }
    for (size_t i = 0; i < backup->db_count; i++) {
        pg_db_free(&backup->dbs[i]);
    }
    free(backup->dbs);
    text_free(&backup->absent);
    pthread_cond_destroy(&backup->changed);
    pthread_mutex_destroy(&backup->mutex);
    free(backup);
    src->backup = NULL;
}

static struct pg_backup *new_backup(struct pg_source *src)
{
    struct pg_backup *backup = calloc(1, sizeof(*backup));
    if (!backup) {
        return NULL;
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&backup->mutex, NULL);
    pthread_cond_init(&backup->changed, &attr);
    pthread_condattr_destroy(&attr);
    src->backup = backup;
    backup->dbs = calloc(src->database_count, sizeof(*backup->dbs));
    if (!backup->dbs) {
        return NULL;
    }
    return backup;
}

static enum hangar_rc add_db(struct pg_source *src, const char *name)
{
    struct pg_backup *backup = src->backup;
    struct pg_db *db = &backup->dbs[backup->db_count];
    struct text folder = {0};
    db->src = src;
    db->name = name;
    pg_add_folder(&folder, name);
    if (folder.failed) {
        return PG_NO_MEMORY(src);
    }
    db->folder = folder.data;
    backup->db_count++;
    return HANGAR_OK;
}

/* All that the options name; of a safety backup those that are there. */
static enum hangar_rc add_dbs(struct pg_source *src)
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
            rc = add_db(src, src->databases[i]);
        }
        pg_close(conn);
    }
    if (rc == HANGAR_OK && !src->backup->db_count) {
        rc = src->host->fail(src->ctx, HANGAR_NOT_FOUND, 0,
                             "cannot back up what is not there: %s on %s", text_str(absent),
                             pg_where(src));
    }
    return rc == HANGAR_OK && absent->failed ? PG_NO_MEMORY(src) : rc;
}

enum hangar_rc pg_prepare_safety(void *inst)
{
    ((struct pg_source *)inst)->safety = true;
    return pg_prepare(inst);
}

enum hangar_rc pg_prepare(void *inst)
{
    struct pg_source *src = inst;
    struct pg_backup *backup = new_backup(src);
    if (!backup) {
        return PG_NO_MEMORY(src);
    }
    enum hangar_rc rc = add_dbs(src);
    if (rc != HANGAR_OK) {
        return rc;
    }
    for (size_t i = 0; i < backup->db_count; i++) {
        rc = pg_db_prepare(&backup->dbs[i]);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    struct pg_conn *lead = backup->dbs[0].lead;
    const char *version = PQparameterStatus(lead->pq, "server_version");
    backup->version = lead->version;
    snprintf(backup->server_version, sizeof(backup->server_version), "%s", version ? version : "");
    rc = pg_globals_prepare(src, lead, &backup->globals);
    return rc == HANGAR_OK ? pg_find_tools(src, lead->version / 10000) : rc;
}

enum hangar_rc pg_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point)
{
    struct pg_source *src = inst;
    struct pg_backup *backup = src->backup;
    for (size_t i = 0; i < backup->db_count; i++) {
        char lsn[64], name[32] = "lsn";
        int64_t taken_ms;
        enum hangar_rc rc = pg_db_begin(&backup->dbs[i], &taken_ms, lsn, sizeof(lsn));
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (i == 0) {
            *time_ms = taken_ms;
        } else {
            snprintf(name, sizeof(name), "lsn.%zu", i + 1);
        }
        src->host->attr_set(point, name, lsn);
    }
    return HANGAR_OK;
}

enum hangar_rc pg_end(void *inst, struct hangar_attrs *facts)
{
    struct pg_source *src = inst;
    struct pg_backup *backup = src->backup;
    const struct hangar_host *host = src->host;
    enum hangar_rc rc = HANGAR_OK;
    if (!facts || !backup) {
        free_backup(src);
        return HANGAR_OK;
    }
    bool all = backup->globals_given && !backup->failed && backup->given == backup->closed;
    for (size_t i = 0; i < backup->db_count; i++) {
        all &= backup->dbs[i].tables_given;
    }
    if (all) {
        if (backup->db_count == 1) {
            pg_props_set(&backup->dbs[0], facts);
        }
        host->attr_set(facts, "server_version", backup->server_version);
        host->attr_setf(facts, "server_version_num", "%d", backup->version);
        host->attr_set(facts, "client_version", src->tools.version);
        host->attr_setf(facts, "databases", "%zu", backup->db_count);
        if (backup->absent.size) {
            host->attr_set(facts, "absent", text_str(&backup->absent));
        }
        host->attr_setf(facts, "tables", "%llu", (unsigned long long)backup->tables);
        host->attr_setf(facts, "rows", "%llu", (unsigned long long)backup->rows);
        host->attr_setf(facts, "large_objects", "%llu", (unsigned long long)backup->large_objects);
        host->attr_set(facts, "globals",
                       src->opt.globals == PG_GLOBALS_NONE ? "none"
                       : backup->globals.passwords         ? "full"
                                                           : "without passwords");
    } else {
        rc = host->fail(src->ctx, HANGAR_INTERNAL, 0, "cannot end the backup: objects are missing");
    }
    free_backup(src);
    return rc;
}

/* ---- the next object -------------------------------------------------------------------- */

static struct pg_reader *new_reader(struct pg_source *src, struct pg_db *db,
                                    enum pg_reader_kind kind)
{
    struct pg_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) {
        return NULL;
    }
    reader->src = src;
    reader->db = db;
    reader->kind = kind;
    return reader;
}

/* Hands an object over to the core.  Holding the mutex. */
static enum hangar_rc give(struct pg_reader *reader, uint32_t phase, uint64_t size_hint,
                           struct hangar_object_info *info, struct hangar_object **out)
{
    reader->src->backup->given++;
    info->name = reader->name;
    info->phase = phase;
    info->size_hint = size_hint;
    *out = (struct hangar_object *)reader;
    return HANGAR_OK;
}

static enum hangar_rc next_globals(struct pg_source *src, struct pg_reader **out)
{
    struct pg_reader *reader = new_reader(src, NULL, PG_READ_GLOBALS);
    if (!reader) {
        return PG_NO_MEMORY(src);
    }
    snprintf(reader->name, sizeof(reader->name), "globals.sql");
    enum hangar_rc rc = pg_globals_spawn(src, &src->backup->globals, &reader->child);
    if (rc != HANGAR_OK) {
        free(reader);
        return rc;
    }
    src->backup->globals_given = true;
    *out = reader;
    return HANGAR_OK;
}

static enum hangar_rc next_archive(struct pg_db *db, enum pg_reader_kind kind, const char *file,
                                   struct pg_child **child, bool *given, struct pg_reader **out)
{
    struct pg_reader *reader = new_reader(db->src, db, kind);
    if (!reader) {
        return PG_NO_MEMORY(db->src);
    }
    snprintf(reader->name, sizeof(reader->name), "%s/%s", db->folder, file);
    reader->child = *child;
    *child = NULL;
    *given = true;
    *out = reader;
    return HANGAR_OK;
}

/* Objects of pg_dump and pg_dumpall: of phase 0 and 1; *out NULL when all are given. */
static enum hangar_rc next_from_tools(struct pg_source *src, struct pg_reader **out)
{
    struct pg_backup *backup = src->backup;
    *out = NULL;
    if (src->opt.globals == PG_GLOBALS_NONE) {
        backup->globals_given = true;
    }
    if (!backup->globals_given) {
        return next_globals(src, out);
    }
    for (size_t i = 0; i < backup->db_count; i++) {
        struct pg_db *db = &backup->dbs[i];
        if (!db->dump_given) {
            return next_archive(db, PG_READ_DUMP, "schema.dump", &db->dump, &db->dump_given, out);
        }
        if (!db->large_given) {
            return next_archive(db, PG_READ_LARGE, "large_objects.dump", &db->large,
                                &db->large_given, out);
        }
    }
    return HANGAR_OK;
}

static enum hangar_rc plan(struct pg_db *db)
{
    struct pg_backup *backup = db->src->backup;
    enum hangar_rc rc = pg_plan_tables(db);
    if (rc != HANGAR_OK) {
        return rc;
    }
    db->planned = true;
    for (uint32_t i = 0; i < db->tables.count; i++) {
        backup->tables += db->tables.items[i].is_target;
    }
    return HANGAR_OK;
}

static enum hangar_rc next_rows(struct pg_db *db, struct pg_reader **out, uint64_t *bytes)
{
    bool extras = !db->extras_given;
    struct pg_reader *reader = new_reader(db->src, db, extras ? PG_READ_EXTRAS : PG_READ_ROWS);
    if (!reader) {
        return PG_NO_MEMORY(db->src);
    }
    if (extras) {
        snprintf(reader->name, sizeof(reader->name), "%s/sequences.sql", db->folder);
        db->extras_given = true;
    } else {
        enum hangar_rc rc = pg_plan_next(db, &reader->slices, &reader->slice_count, bytes);
        if (rc != HANGAR_OK) {
            free(reader);
            return rc;
        }
        snprintf(reader->name, sizeof(reader->name), "%s/data/%04u.sql", db->folder,
                 db->plan.objects);
    }
    reader->worker = db->workers[--db->worker_free];
    db->src->backup->open_data++;
    *out = reader;
    return HANGAR_OK;
}

/* Waits for another thread to close an object.  Timed, so that cancel, which must
 * not wait for a mutex, needs none. */
static enum hangar_rc wait_for_others(struct pg_source *src)
{
    struct pg_backup *backup = src->backup;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += 200 * 1000 * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&backup->changed, &backup->mutex, &until);
    if (pg_cancelled(src)) {
        return src->host->fail(src->ctx, HANGAR_CANCELLED, 0, "cancelled");
    }
    if (backup->failed) {
        return src->host->fail(src->ctx, HANGAR_CANCELLED, 0, "another object failed");
    }
    return HANGAR_OK;
}

/* Rows of any database that has some left and a session free; *out NULL: all given. */
static enum hangar_rc next_data(struct pg_source *src, struct pg_reader **out, uint64_t *bytes)
{
    struct pg_backup *backup = src->backup;
    *out = NULL;
    for (;;) {
        bool left = false;
        for (size_t i = 0; i < backup->db_count; i++) {
            struct pg_db *db = &backup->dbs[i];
            enum hangar_rc rc = db->planned ? HANGAR_OK : plan(db);
            if (rc != HANGAR_OK) {
                return rc;
            }
            if (db->extras_given && db->plan.at == db->plan.order_count) {
                continue;
            }
            left = true;
            if (db->worker_free) {
                return next_rows(db, out, bytes);
            }
        }
        if (!left && !backup->open_data) {
            return HANGAR_OK;
        }
        enum hangar_rc rc = wait_for_others(src);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
}

static enum hangar_rc next_locked(struct pg_source *src, struct hangar_object_info *info,
                                  struct hangar_object **out)
{
    struct pg_backup *backup = src->backup;
    struct pg_reader *reader;
    uint64_t bytes = 0;
    enum hangar_rc rc = next_from_tools(src, &reader);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (reader) {
        return give(reader, reader->kind == PG_READ_GLOBALS ? 0 : 1, 0, info, out);
    }
    rc = next_data(src, &reader, &bytes);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (reader) {
        return give(reader, 2, bytes, info, out);
    }
    for (size_t i = 0; i < backup->db_count; i++) {
        struct pg_db *db = &backup->dbs[i];
        if (db->tables_given) {
            continue;
        }
        reader = new_reader(src, db, PG_READ_TABLES);
        if (!reader) {
            return PG_NO_MEMORY(src);
        }
        snprintf(reader->name, sizeof(reader->name), "%s/tables.jsonl", db->folder);
        db->tables_given = true;
        return give(reader, 1, 0, info, out);
    }
    return HANGAR_EOF;
}

enum hangar_rc pg_next(void *inst, struct hangar_object_info *info, struct hangar_object **out)
{
    struct pg_source *src = inst;
    pthread_mutex_lock(&src->backup->mutex);
    enum hangar_rc rc = next_locked(src, info, out);
    pthread_mutex_unlock(&src->backup->mutex);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Keeps the first and the last bytes, to see that the output is whole. */
static void remember_ends(struct pg_reader *reader, const char *data, size_t size)
{
    for (size_t i = 0; i < size && reader->bytes + i < sizeof(reader->head); i++) {
        reader->head[reader->bytes + i] = data[i];
    }
    reader->bytes += size;
    size_t room = sizeof(reader->tail);
    size_t fresh = size < room ? size : room;
    size_t old = reader->tail_len < room - fresh ? reader->tail_len : room - fresh;
    memmove(reader->tail, reader->tail + reader->tail_len - old, old);
    memcpy(reader->tail + old, data + size - fresh, fresh);
    reader->tail_len = old + fresh;
}

static const char *tool_of(const struct pg_reader *reader)
{
    return reader->kind == PG_READ_GLOBALS ? "dump the roles" : "dump the schema of database ";
}

/* pg_dump that was refused a lock, or met a definition that was just dropped, may
 * succeed another time. */
static enum hangar_rc tool_failed(struct pg_reader *reader)
{
    struct pg_error err = *pg_child_error(reader->child);
    struct pg_backup *backup = reader->src->backup;
    char waits[400] = "";
    if (err.rc == HANGAR_IO && strstr(err.text, "LOCK TABLE")) {
        err.rc = HANGAR_RETRY;
        pthread_mutex_lock(&backup->mutex);
        pg_db_who_waits(reader->db, waits, sizeof(waits));
        pthread_mutex_unlock(&backup->mutex);
    } else if (err.rc == HANGAR_IO && (strstr(err.text, "cache lookup failed") ||
                                       strstr(err.text, "could not open relation"))) {
        err.rc = HANGAR_RETRY;
    }
    return pg_raise(reader->src, &err, "cannot %s%s%s", tool_of(reader),
                    reader->db ? reader->db->name : "", waits);
}

static enum hangar_rc read_tool(struct pg_reader *reader, void *buffer, size_t size, size_t *got)
{
    if (pg_child_read(reader->child, buffer, size, got) != HANGAR_OK) {
        return tool_failed(reader);
    }
    if (*got) {
        remember_ends(reader, buffer, *got);
        return HANGAR_OK;
    }
    if (pg_child_finish(reader->child, "waiting for the end of pg_dump") != HANGAR_OK) {
        return tool_failed(reader);
    }
    bool whole;
    if (reader->kind == PG_READ_GLOBALS) {
        whole = memmem(reader->tail, reader->tail_len, GLOBALS_END, strlen(GLOBALS_END)) != NULL;
    } else {
        whole = memcmp(reader->head, "PGDMP", 5) == 0;
    }
    if (!whole) {
        return reader->src->host->fail(reader->src->ctx, HANGAR_IO, 0,
                                       "cannot %s%s: what the tool wrote is not whole",
                                       tool_of(reader), reader->db ? reader->db->name : "");
    }
    reader->ended = true;
    return HANGAR_OK;
}

/* Objects whose text is made here, piece by piece. */
static enum hangar_rc read_text(struct pg_reader *reader, void *buffer, size_t size, size_t *got,
                                enum hangar_rc (*more)(struct pg_reader *reader))
{
    while (reader->text_at == reader->text.size && !reader->ended) {
        text_clear(&reader->text);
        reader->text_at = 0;
        enum hangar_rc rc = more(reader);
        if (rc == HANGAR_EOF) {
            reader->ended = true;
        } else if (rc != HANGAR_OK) {
            return rc;
        }
        if (reader->text.failed) {
            return PG_NO_MEMORY(reader->src);
        }
    }
    size_t left = reader->text.size - reader->text_at;
    *got = left < size ? left : size;
    if (*got) {
        memcpy(buffer, reader->text.data + reader->text_at, *got);
    }
    reader->text_at += *got;
    return HANGAR_OK;
}

enum hangar_rc pg_read(struct hangar_object *object, void *buffer, size_t size, size_t *got)
{
    struct pg_reader *reader = (struct pg_reader *)object;
    switch (reader->kind) {
    case PG_READ_TABLES:
        return read_text(reader, buffer, size, got, pg_tables_read);
    case PG_READ_EXTRAS:
        return read_text(reader, buffer, size, got, pg_extras_read);
    case PG_READ_ROWS:
        return pg_rows_read(reader, buffer, size, got);
    default:
        return read_tool(reader, buffer, size, got);
    }
}

/* ---- closing -------------------------------------------------------------------------------- */

static enum hangar_rc set_attrs(struct pg_reader *reader, struct hangar_attrs *attrs)
{
    const struct hangar_host *host = reader->src->host;
    struct pg_db *db = reader->db;
    if (reader->kind == PG_READ_DUMP) {
        enum hangar_rc rc = pg_props_read(db);
        if (rc != HANGAR_OK) {
            return rc;
        }
        pg_props_set(db, attrs);
        int column = PQfnumber(db->props, "large_objects");
        reader->src->backup->large_objects += strtoull(PQgetvalue(db->props, 0, column), NULL, 10);
    } else if (reader->kind == PG_READ_ROWS) {
        host->attr_setf(attrs, "rows", "%llu", (unsigned long long)reader->rows);
        host->attr_setf(attrs, "tables", "%zu", reader->slice_count);
        db->rows += reader->rows;
        reader->src->backup->rows += reader->rows;
    } else if (reader->kind == PG_READ_TABLES) {
        host->attr_setf(attrs, "rows", "%llu", (unsigned long long)db->rows);
    }
    return HANGAR_OK;
}

/* Gives a worker back to its database; one that stands within a COPY is closed. */
static void return_worker(struct pg_reader *reader)
{
    struct pg_db *db = reader->db;
    reader->worker->doing = NULL;
    if (reader->worker->busy) {
        pg_close(reader->worker);
    } else {
        db->workers[db->worker_free++] = reader->worker;
    }
    reader->src->backup->open_data--;
}

enum hangar_rc pg_object_close(struct hangar_object *object, struct hangar_attrs *attrs)
{
    struct pg_reader *reader = (struct pg_reader *)object;
    struct pg_backup *backup = reader->src->backup;
    enum hangar_rc rc = HANGAR_OK;
    pg_child_free(reader->child);
    pthread_mutex_lock(&backup->mutex);
    if (attrs && !reader->ended) {
        rc = reader->src->host->fail(reader->src->ctx, HANGAR_INTERNAL, 0,
                                     "cannot close %s: it was not read to its end", reader->name);
    } else if (attrs) {
        rc = set_attrs(reader, attrs);
    }
    if (reader->worker) {
        return_worker(reader);
    }
    if (!attrs || rc != HANGAR_OK) {
        backup->failed = true;
    }
    backup->closed++;
    pthread_cond_broadcast(&backup->changed);
    pthread_mutex_unlock(&backup->mutex);
    PQfreemem(reader->row);
    PQclear(reader->settings);
    free(reader->slices);
    text_free(&reader->text);
    free(reader);
    return rc;
}
