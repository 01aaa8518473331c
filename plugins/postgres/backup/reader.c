/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * reader: reads an object and closes it, by its kind.
 */
#include "backup/reader.h"

#include <stdlib.h>
#include <string.h>
#include "backup/objects/extras.h"
#include "backup/objects/object.h"
#include "backup/plan/order.h"
#include "backup/snapshot/properties.h"
#include "backup/objects/rows_out.h"
#include "backup/snapshot/state.h"
#include "backup/objects/tables_out.h"
#include "backup/objects/tool_out.h"
#include "server/programs/child.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"

/* Reads an object whose text this process makes, piece by piece. */
static enum hangar_rc read_made_text(struct pg_reader *reader, void *buffer, size_t size,
                                     size_t *got, enum hangar_rc (*more)(struct pg_reader *reader))
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
            return pg_no_memory(reader->src);
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
        return read_made_text(reader, buffer, size, got, pg_tables_read);
    case PG_READ_EXTRAS:
        return read_made_text(reader, buffer, size, got, pg_extras_read);
    case PG_READ_ROWS:
        return pg_rows_read(reader, buffer, size, got);
    default:
        return pg_tool_read(reader, buffer, size, got);
    }
}

/* ---- closing ----------------------------------------------------------------- */

static enum hangar_rc set_reader_attrs(struct pg_reader *reader, struct hangar_attrs *attrs)
{
    const struct hangar_host *host = reader->src->host;
    struct pg_db *db = reader->db;
    if (reader->kind == PG_READ_DUMP) {
        enum hangar_rc rc = pg_props_read(db);
        if (rc != HANGAR_OK) {
            return rc;
        }
        pg_props_set(db, attrs);
        if (reader->src->backup->db_count > 1) {
            char time[CLOCK_ISO_SIZE];
            pg_db_time(db, time);
            host->attr_set(attrs, "time", time);
            host->attr_set(attrs, "lsn", db->lsn);
        }
        int column = PQfnumber(db->props, "large_objects");
        reader->src->backup->large_objects += strtoull(PQgetvalue(db->props, 0, column), NULL, 10);
    } else if (reader->kind == PG_READ_ROWS) {
        host->attr_setf(attrs, "rows", "%llu", (unsigned long long)reader->rows.total);
        host->attr_setf(attrs, "tables", "%zu", reader->rows.slice_count);
        if (reader->rows.level == PG_ORDER_LAST) {
            host->attr_set(attrs, PG_ORDER_ATTR, PG_ORDER_LAST_ATTR);
        }
        db->rows += reader->rows.total;
        reader->src->backup->rows += reader->rows.total;
    } else if (reader->kind == PG_READ_TABLES) {
        host->attr_setf(attrs, "rows", "%llu", (unsigned long long)db->rows);
    }
    return HANGAR_OK;
}

/* Returns a worker to its database; one that is in the middle of a COPY is closed. */
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
    pg_child_free(reader->tool.child);
    pthread_mutex_lock(&backup->mutex);
    if (attrs && !reader->ended) {
        rc = reader->src->host->fail(reader->src->ctx, HANGAR_INTERNAL, 0,
                                     "cannot finish %s: it was not read to its end", reader->name);
    } else if (attrs) {
        rc = set_reader_attrs(reader, attrs);
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
    PQfreemem(reader->rows.row);
    PQclear(reader->extras.settings);
    free(reader->rows.slices);
    text_free(&reader->text);
    free(reader);
    return rc;
}
