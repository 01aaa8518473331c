/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * copy_out.c: objects that hold rows: the text that psql reads, made of what
 * COPY TO gives.  Rows pass through as they arrive; of each one is held, as
 * libpq gives it.  The format is described in docs/plugins/postgres.md.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "backup.h"

#define LINGER_MS 500 /* how long a read waits for more when it has something */

void pg_add_copy_head(struct pg_text *text, const struct pg_list *list, uint32_t table,
                      const char *columns, bool whole)
{
    pg_add(text, "\n-- %s table\nCOPY ", whole ? "whole" : "part of a");
    pg_add_table(text, list, table);
    if (columns)
        pg_add(text, " (%s)", columns);
    pg_add(text, " FROM stdin;\n");
}

void pg_add_copy_end(struct pg_text *text, uint64_t rows, const struct pg_digest *digest)
{
    char hex[PG_DIGEST_HEX];
    pg_digest_hex(digest, hex);
    pg_add(text, "\\.\n-- rows: %llu digest: %s\n", (unsigned long long)rows, hex);
}

/*
 * The SAVEPOINT that each worker has made gives the lock of the table before
 * back.  NOWAIT: the lead session holds this lock, so the only thing to wait for
 * is somebody queued behind it, who waits for us.
 */
static void add_copy(struct pg_text *sql, const struct pg_list *list, const struct pg_slice *slice,
                     const char *columns)
{
    pg_add(sql, "ROLLBACK TO SAVEPOINT hangar; LOCK TABLE ONLY ");
    pg_add_table(sql, list, slice->table);
    pg_add(sql, " IN ACCESS SHARE MODE NOWAIT; COPY ");
    if (slice->whole) {
        pg_add_table(sql, list, slice->table);
        if (columns)
            pg_add(sql, " (%s)", columns);
    } else {
        pg_add(sql, "(SELECT %s FROM ONLY ", columns ? columns : "");
        pg_add_table(sql, list, slice->table);
        pg_add(sql, " WHERE ctid >= '(%llu,0)'", (unsigned long long)slice->from_page);
        if (slice->to_page)
            pg_add(sql, " AND ctid < '(%llu,0)'", (unsigned long long)slice->to_page);
        pg_add(sql, ")");
    }
    pg_add(sql, " TO STDOUT");
}

static enum hangar_rc read_failed(struct pg_reader *reader)
{
    struct pg_db *db = reader->db;
    struct pg_backup *backup = reader->src->backup;
    struct pg_text name = {0};
    char waits[400] = "";
    if (strcmp(reader->worker->err.sqlstate, "55P03") == 0) {
        pthread_mutex_lock(&backup->mutex);
        pg_db_who_waits(db, waits, sizeof(waits));
        pthread_mutex_unlock(&backup->mutex);
    }
    pg_add_table(&name, &db->tables, reader->slices[reader->slice_at].table);
    enum hangar_rc rc =
        pg_raise(reader->src, &reader->worker->err, "cannot read table %s of database %s%s",
                 pg_str(&name), db->name, waits);
    pg_text_free(&name);
    return rc;
}

static enum hangar_rc begin_slice(struct pg_reader *reader)
{
    const struct pg_slice *slice = &reader->slices[reader->slice_at];
    const struct pg_list *list = &reader->db->tables;
    const struct pg_table *table = &list->items[slice->table];
    const char *columns = table->columns == PG_NONE ? NULL : pg_pool(list, table->columns);
    struct pg_text sql = {0};
    add_copy(&sql, list, slice, columns);
    if (sql.failed)
        return PG_NO_MEMORY(reader->src);
    enum hangar_rc rc = pg_copy_start(reader->worker, pg_str(&sql), PGRES_COPY_OUT);
    pg_text_free(&sql);
    if (rc != HANGAR_OK)
        return read_failed(reader);
    pg_add_copy_head(&reader->text, list, table->target, columns,
                     slice->whole && table->target == slice->table);
    reader->copying = true;
    reader->slice_rows = 0;
    reader->digest = (struct pg_digest){0};
    return HANGAR_OK;
}

static enum hangar_rc end_slice(struct pg_reader *reader)
{
    struct pg_backup *backup = reader->src->backup;
    const struct pg_slice *slice = &reader->slices[reader->slice_at];
    struct pg_list *list = &reader->db->tables;
    uint64_t counted = 0;
    if (pg_copy_finish(reader->worker, &counted) != HANGAR_OK)
        return read_failed(reader);
    if (counted != reader->slice_rows) {
        pg_set_error(&reader->worker->err, HANGAR_IO, NULL,
                     "%llu rows arrived of the %llu that the server sent",
                     (unsigned long long)reader->slice_rows, (unsigned long long)counted);
        return read_failed(reader);
    }
    pg_add_copy_end(&reader->text, counted, &reader->digest);
    pthread_mutex_lock(&backup->mutex);
    struct pg_table *target = &list->items[list->items[slice->table].target];
    target->rows += counted;
    pg_digest_add(&target->digest, reader->digest.high, reader->digest.low);
    pthread_mutex_unlock(&backup->mutex);
    reader->rows += counted;
    reader->copying = false;
    reader->slice_at++;
    return HANGAR_OK;
}

/* Counts and digests what libpq gave: the server sends a row at a time, but a
 * digest must not depend on that. */
static enum hangar_rc take_row(struct pg_reader *reader)
{
    const char *at = reader->row, *end = at + reader->row_len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline) {
            pg_set_error(&reader->worker->err, HANGAR_IO, NULL, "a row without an end arrived");
            return read_failed(reader);
        }
        pg_digest_row(&reader->digest, at, (size_t)(newline - at));
        reader->slice_rows++;
        at = newline + 1;
    }
    return HANGAR_OK;
}

/* The next row; *quiet: there is none just now.  Waits up to timeout_ms. */
static enum hangar_rc next_row(struct pg_reader *reader, int timeout_ms, bool *quiet)
{
    struct pg_conn *conn = reader->worker;
    *quiet = false;
    for (;;) {
        int n = PQgetCopyData(conn->pq, &reader->row, 1);
        if (n > 0) {
            reader->row_len = (size_t)n;
            reader->row_at = 0;
            return take_row(reader);
        }
        reader->row = NULL;
        if (n == -1)
            return end_slice(reader);
        if (n < -1) {
            pg_conn_failed(conn);
            /* the result says it better: with its SQLSTATE */
            uint64_t rows;
            struct pg_error first = conn->err;
            if (PQstatus(conn->pq) != CONNECTION_OK || pg_copy_finish(conn, &rows) == HANGAR_OK)
                conn->err = first;
            return read_failed(reader);
        }
        bool ready;
        if (pg_wait(conn, POLLIN, timeout_ms, &ready) != HANGAR_OK)
            return read_failed(reader);
        if (!ready) {
            *quiet = true;
            return HANGAR_OK;
        }
        if (!PQconsumeInput(conn->pq)) {
            pg_conn_failed(conn);
            return read_failed(reader);
        }
    }
}

/* Copies from a text or a row; how far it got is in *at. */
static size_t give(char *out, size_t room, const char *from, size_t len, size_t *at)
{
    size_t n = len - *at < room ? len - *at : room;
    memcpy(out, from + *at, n);
    *at += n;
    return n;
}

enum hangar_rc pg_rows_read(struct pg_reader *reader, void *buffer, size_t size, size_t *got)
{
    char *out = buffer;
    size_t n = 0;
    enum hangar_rc rc = HANGAR_OK;
    if (!reader->begun) {
        reader->begun = true;
        pg_add(&reader->text, "-- hangar postgres rows, format 1\n");
        pg_add_prelude(&reader->text, reader->db->encoding);
    }
    while (rc == HANGAR_OK && n < size) {
        if (reader->text.failed)
            return PG_NO_MEMORY(reader->src);
        if (reader->text_at < reader->text.len) {
            n += give(out + n, size - n, reader->text.data, reader->text.len, &reader->text_at);
            continue;
        }
        pg_clear(&reader->text);
        reader->text_at = 0;
        if (reader->row) {
            n += give(out + n, size - n, reader->row, reader->row_len, &reader->row_at);
            if (reader->row_at == reader->row_len) {
                PQfreemem(reader->row);
                reader->row = NULL;
            }
        } else if (reader->copying) {
            bool quiet;
            rc = next_row(reader, n ? LINGER_MS : -1, &quiet);
            if (quiet)
                break;
        } else if (reader->slice_at < reader->slice_count) {
            rc = begin_slice(reader);
        } else {
            reader->ended = n == 0;
            break;
        }
    }
    *got = n;
    return rc;
}
