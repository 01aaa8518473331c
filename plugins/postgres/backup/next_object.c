/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * next_object: the order of objects: globals.sql; the archives of pg_dump; rows of all
 * databases, by several threads; last, when all rows are counted, tables.jsonl.
 */
#include "backup/next_object.h"

#include <stdio.h>
#include <stdlib.h>
#include "backup/plan/globals.h"
#include "backup/objects/object.h"
#include "backup/plan/plan.h"
#include "backup/snapshot/state.h"
#include "clock.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "thread.h"

#define OTHERS_WAIT_MS 200 /* how often a wait for another thread checks for cancel */

static struct pg_reader *pg_reader_new(struct pg_source *src, struct pg_db *db,
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

/* Returns an object to the core.  The caller holds the mutex. */
static enum hangar_rc hand_out_object(struct pg_reader *reader, uint32_t phase, uint64_t size_hint,
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
    struct pg_reader *reader = pg_reader_new(src, NULL, PG_READ_GLOBALS);
    if (!reader) {
        return pg_no_memory(src);
    }
    snprintf(reader->name, sizeof(reader->name), "globals.sql");
    enum hangar_rc rc = pg_globals_spawn(src, &src->backup->globals, &reader->tool.child);
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
    struct pg_reader *reader = pg_reader_new(db->src, db, kind);
    if (!reader) {
        return pg_no_memory(db->src);
    }
    snprintf(reader->name, sizeof(reader->name), "%s/%s", db->folder, file);
    reader->tool.child = *child;
    *child = NULL;
    *given = true;
    *out = reader;
    return HANGAR_OK;
}

/* Objects of phases 0 and 1, from pg_dumpall and pg_dump; *out is NULL when there are no more. */
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

static enum hangar_rc plan_database(struct pg_db *db)
{
    struct pg_backup *backup = db->src->backup;
    enum hangar_rc rc = pg_plan_tables(db->lead, db->name, &db->tables, &db->plan);
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
    struct pg_reader *reader = pg_reader_new(db->src, db, extras ? PG_READ_EXTRAS : PG_READ_ROWS);
    if (!reader) {
        return pg_no_memory(db->src);
    }
    if (extras) {
        snprintf(reader->name, sizeof(reader->name), "%s/sequences.sql", db->folder);
        db->extras_given = true;
    } else {
        enum hangar_rc rc = pg_plan_next(db->src, &db->tables, &db->plan, &reader->rows.slices,
                                         &reader->rows.slice_count, bytes);
        if (rc != HANGAR_OK) {
            free(reader);
            return rc;
        }
        snprintf(reader->name, sizeof(reader->name), "%s/data/%04u.sql", db->folder,
                 db->plan.objects);
        reader->rows.level = db->tables.items[reader->rows.slices[0].table].level;
    }
    reader->worker = db->workers[--db->worker_free];
    db->src->backup->open_data++;
    *out = reader;
    return HANGAR_OK;
}

/* Waits until another thread closes an object.  The wait has a time limit because cancel must
 * not lock the mutex and so cannot signal the condition. */
static enum hangar_rc wait_for_other_threads(struct pg_source *src)
{
    struct pg_backup *backup = src->backup;
    thread_cond_wait(&backup->changed, &backup->mutex, clock_monotonic_ms() + OTHERS_WAIT_MS);
    if (pg_cancelled(src)) {
        return pg_raise_cancelled(src);
    }
    if (backup->failed) {
        return src->host->fail(src->ctx, HANGAR_CANCELLED, 0, "another object failed");
    }
    return HANGAR_OK;
}

/* Rows of any database that has some left and a free session; *out is NULL when there are no
 * more. */
static enum hangar_rc next_data(struct pg_source *src, struct pg_reader **out, uint64_t *bytes)
{
    struct pg_backup *backup = src->backup;
    *out = NULL;
    for (;;) {
        bool left = false;
        for (size_t i = 0; i < backup->db_count; i++) {
            struct pg_db *db = &backup->dbs[i];
            enum hangar_rc rc = db->planned ? HANGAR_OK : plan_database(db);
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
        enum hangar_rc rc = wait_for_other_threads(src);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
}

/* Values of sequences and configuration of extensions come before rows, in a phase of their own. */
static uint32_t rows_phase(const struct pg_reader *reader)
{
    return reader->kind == PG_READ_EXTRAS ? 2 : (reader->db->many ? 3 : 2) + reader->rows.level;
}

static enum hangar_rc next_object_locked(struct pg_source *src, struct hangar_object_info *info,
                                         struct hangar_object **out)
{
    struct pg_backup *backup = src->backup;
    struct pg_reader *reader;
    enum hangar_rc rc = next_from_tools(src, &reader);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (reader) {
        return hand_out_object(reader, reader->kind == PG_READ_GLOBALS ? 0 : 1, 0, info, out);
    }
    uint64_t bytes = 0;
    rc = next_data(src, &reader, &bytes);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (reader) {
        return hand_out_object(reader, rows_phase(reader), bytes, info, out);
    }
    for (size_t i = 0; i < backup->db_count; i++) {
        struct pg_db *db = &backup->dbs[i];
        if (db->tables_given) {
            continue;
        }
        reader = pg_reader_new(src, db, PG_READ_TABLES);
        if (!reader) {
            return pg_no_memory(src);
        }
        snprintf(reader->name, sizeof(reader->name), "%s/tables.jsonl", db->folder);
        db->tables_given = true;
        return hand_out_object(reader, 1, 0, info, out);
    }
    return HANGAR_EOF;
}

enum hangar_rc pg_next(void *inst, struct hangar_object_info *info, struct hangar_object **out)
{
    struct pg_source *src = inst;
    pthread_mutex_lock(&src->backup->mutex);
    enum hangar_rc rc = next_object_locked(src, info, out);
    pthread_mutex_unlock(&src->backup->mutex);
    return rc;
}
