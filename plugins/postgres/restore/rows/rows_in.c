/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rows_in: reads what rows_out.c wrote, in pieces of any size, and loads it by COPY FROM.  Only
 * exactly that text is accepted, so that an object cannot make the server do anything but load
 * rows.  Each object is one transaction.
 */
#include "restore/rows/rows_in.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "restore/roles/rows_role.h"
#include "restore/target/restore_state.h"
#include "restore/target/tally.h"
#include "restore/rows/verdict.h"
#include "server/connection/connection.h"
#include "server/connection/copy.h"
#include "server/instance/error.h"
#include "server/sql/grammar.h"
#include "server/sql/rows_format.h"
#include "server/connection/settings.h"
#include "server/connection/statement.h"

#define LINE_LIMIT                                                                                 \
    (1024 * 1024) /* bytes of a statement: one with 1600 columns of 63 characters fits */
#define SEND_BYTES (64 * 1024) /* bytes that libpq gets at once */

static enum hangar_rc raise_corrupt_rows(struct pg_rows *rows, const char *what)
{
    return rows->target->src->host->fail(rows->target->src->ctx, HANGAR_CORRUPT, 0,
                                         "cannot read rows for database %s: %s", rows->target->name,
                                         what);
}

static enum hangar_rc raise_load_error(struct pg_rows *rows)
{
    pg_verdict(rows->target, &rows->conn->err);
    const struct pg_error *err = &rows->conn->err;
    const char *what = rows->table ? "table" : "an object",
               *table = rows->table ? rows->table : "with rows";
    if (rows->keeps_error && err->rc != HANGAR_CANCELLED) {
        return pg_set_error(&rows->err, err->rc, err->sqlstate, "%s %.300s: %.1600s", what, table,
                            err->text);
    }
    return pg_raise(rows->target->src, err, "cannot load %s %s of database %s", what, table,
                    rows->target->name);
}

/* ---- COPY FROM ------------------------------------------------------------------------- */

static enum hangar_rc flush_rows(struct pg_rows *rows)
{
    struct pg_conn *conn = rows->conn;
    int unsent;
    while ((unsent = PQflush(conn->pq)) > 0) {
        bool ready;
        if (pg_wait(conn, POLLIN | POLLOUT, -1, &ready) != HANGAR_OK) {
            return raise_load_error(rows);
        }
        /* the server may send a message before it reads on */
        if (pg_consume(conn) != HANGAR_OK) {
            return raise_load_error(rows);
        }
    }
    if (unsent < 0) {
        pg_conn_failed(conn);
        return raise_load_error(rows);
    }
    return HANGAR_OK;
}

/* Sends rows in pieces, so that the buffer of libpq stays small. */
static enum hangar_rc send_rows(struct pg_rows *rows, const char *data, size_t size)
{
    while (size) {
        size_t n = size < SEND_BYTES ? size : SEND_BYTES;
        int sent = PQputCopyData(rows->conn->pq, data, (int)n);
        if (sent < 0) {
            pg_conn_failed(rows->conn);
            return raise_load_error(rows);
        }
        enum hangar_rc rc = flush_rows(rows);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (sent) {
            data += n;
            size -= n;
        }
    }
    return HANGAR_OK;
}

/* A table that comes whole was created by this restore and is empty.  If this transaction empties
 * it again, its rows can be stored as frozen, which saves writing them a second time. */
static enum hangar_rc empty_table(struct pg_rows *rows)
{
    struct text sql = {0};
    text_addf(&sql, "TRUNCATE ONLY %s", rows->table);
    return pg_command_text(rows->conn, &sql);
}

static enum hangar_rc begin_loading(struct pg_rows *rows, const char *name_end,
                                    const char *head_end)
{
    const char *line = rows->line.data;
    const char *name = line + strlen("COPY ");
    struct text sql = {0};
    rows->table = strndup(name, (size_t)(name_end - name));
    text_add_bytes(&sql, line, (size_t)(head_end - line));
    text_addf(&sql, rows->whole ? " FROM STDIN WITH (FREEZE)" : " FROM STDIN");
    if (sql.failed || !rows->table) {
        text_free(&sql);
        return pg_no_memory(rows->target->src);
    }
    rows->conn->doing = "loading rows";
    enum hangar_rc rc = pg_rows_role_become_owner(rows->conn, rows->table);
    if (rc == HANGAR_OK && rows->whole) {
        rc = empty_table(rows);
    }
    if (rc == HANGAR_OK) {
        rc = pg_copy_start(rows->conn, text_str(&sql), PGRES_COPY_IN);
    }
    rows->conn->doing = NULL;
    text_free(&sql);
    if (rc != HANGAR_OK) {
        return raise_load_error(rows);
    }
    rows->rows = 0;
    rows->digest = (struct pg_digest){0};
    rows->partial = 0;
    rows->held_len = 0;
    rows->whole = false;
    rows->state = PG_ROWS_DATA;
    return HANGAR_OK;
}

static enum hangar_rc end_loading(struct pg_rows *rows)
{
    struct pg_conn *conn = rows->conn;
    int sent;
    while ((sent = PQputCopyEnd(conn->pq, NULL)) == 0) {
        enum hangar_rc rc = flush_rows(rows);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    if (sent < 0) {
        pg_conn_failed(conn);
        return raise_load_error(rows);
    }
    conn->doing = "loading rows";
    uint64_t loaded = 0;
    enum hangar_rc rc = pg_copy_finish(conn, &loaded);
    conn->doing = NULL;
    if (rc != HANGAR_OK) {
        return raise_load_error(rows);
    }
    if (loaded != rows->rows) {
        pg_set_error(&conn->err, HANGAR_IO, NULL, "%llu rows were sent, %llu were loaded",
                     (unsigned long long)rows->rows, (unsigned long long)loaded);
        return raise_load_error(rows);
    }
    rows->state = PG_ROWS_END;
    return HANGAR_OK;
}

/* Checks the line after the rows, which has their number and their digest. */
static enum hangar_rc check_rows_trailer(struct pg_rows *rows)
{
    struct pg_restore *restore = rows->target->src->restore;
    char expected[128], hex[PG_DIGEST_HEX];
    pg_digest_hex(&rows->digest, hex);
    snprintf(expected, sizeof(expected), PG_ROWS_TRAILER, (unsigned long long)rows->rows, hex);
    if (strcmp(rows->line.data, expected) != 0) {
        return raise_corrupt_rows(rows,
                                  "row count or digest does not match the trailer of a table");
    }
    enum hangar_rc rc = HANGAR_OK;
    /* tables.jsonl does not list the configuration tables of extensions */
    if (!rows->sequences) {
        pthread_mutex_lock(&restore->mutex);
        rc = pg_tally_add(&rows->target->tally, rows->table, rows->rows, &rows->digest);
        pthread_mutex_unlock(&restore->mutex);
    }
    rows->all_rows += rows->rows;
    free(rows->table);
    rows->table = NULL;
    rows->state = PG_ROWS_LINE;
    return rc == HANGAR_OK ? rc : pg_no_memory(rows->target->src);
}

/* ---- rows ------------------------------------------------------------------------------- */

/* Digests the end of a row, or its beginning when `ends` is false. */
static void digest_row_part(struct pg_rows *rows, const char *part, size_t size, bool ends)
{
    if (!rows->partial && ends) {
        pg_digest_row(&rows->digest, part, size);
        rows->rows++;
        return;
    }
    if (!rows->partial) {
        XXH3_128bits_reset(rows->hash);
    }
    XXH3_128bits_update(rows->hash, part, size);
    rows->partial += size;
    if (ends) {
        XXH128_hash_t hash = XXH3_128bits_digest(rows->hash);
        pg_digest_add(&rows->digest, hash.high64, hash.low64);
        rows->rows++;
        rows->partial = 0;
    }
}

/* The bytes held back begin \. or a row: resolves which, when it can.  *used: how many bytes
 * of data that took; *done: it was the end of the table. */
static enum hangar_rc resolve_held(struct pg_rows *rows, const char *data, size_t size,
                                   size_t *used, bool *done)
{
    static const char end[] = "\\.\n";
    *used = 0;
    *done = false;
    while (*used < size && rows->held_len < 3 && data[*used] == end[rows->held_len]) {
        rows->held[rows->held_len++] = data[(*used)++];
    }
    if (rows->held_len == 3) {
        rows->held_len = 0;
        *done = true;
        return HANGAR_OK;
    }
    if (*used == size) {
        return HANGAR_OK; /* not resolved yet */
    }
    size_t n = rows->held_len;
    rows->held_len = 0;
    digest_row_part(rows, rows->held, n, false);
    return send_rows(rows, rows->held, n);
}

/* Loads rows up to the end of the data or of the table; *used: how many bytes that were. */
static enum hangar_rc load_rows(struct pg_rows *rows, const char *data, size_t size, size_t *used)
{
    const char *from = data, *at = data, *end = data + size;
    enum hangar_rc rc;
    *used = size;
    if (rows->held_len) {
        size_t n;
        bool done;
        rc = resolve_held(rows, data, size, &n, &done);
        if (done) {
            *used = n;
            return end_loading(rows);
        }
        if (rc != HANGAR_OK || n == size) {
            return rc;
        }
        from = at = data + n;
    }
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at);
        if (!rows->partial && len && len <= 2 && memcmp(at, "\\.", len) == 0 &&
            (len == 2 || !newline)) {
            rc = send_rows(rows, from, (size_t)(at - from));
            if (rc != HANGAR_OK) {
                return rc;
            }
            if (newline) {
                *used = (size_t)(newline + 1 - data);
                return end_loading(rows);
            }
            memcpy(rows->held, at, len);
            rows->held_len = len;
            return HANGAR_OK;
        }
        digest_row_part(rows, at, len, newline != NULL);
        at += len + (newline != NULL);
    }
    return send_rows(rows, from, (size_t)(end - from));
}

/* ---- lines --------------------------------------------------------------------------------- */

/* Reads the settings.  The second line names the encoding, and from it the whole prelude is
 * known. */
static enum hangar_rc read_prelude(struct pg_rows *rows)
{
    const char *line = rows->line.data;
    if (!rows->prelude.size) {
        char encoding[33] = "";
        int end = 0;
        if (sscanf(line, "SET client_encoding = '%32[A-Za-z0-9_]';%n", encoding, &end) != 1 ||
            !end) {
            return raise_corrupt_rows(rows, "the settings at its head are missing");
        }
        pg_add_prelude(&rows->prelude, rows->format, encoding);
        if (rows->prelude.failed) {
            return pg_no_memory(rows->target->src);
        }
        snprintf(rows->encoding, sizeof(rows->encoding), "%s", encoding);
    }
    /* the text grows by whole lines; at each it must be a beginning of the prelude */
    if (rows->line.size > rows->prelude.size ||
        memcmp(line, rows->prelude.data, rows->line.size) != 0) {
        return raise_corrupt_rows(rows,
                                  "the settings at its head are not those that hangar writes");
    }
    if (rows->line.size < rows->prelude.size) {
        return HANGAR_EOF; /* more lines follow */
    }
    if (pg_apply_prelude(rows->conn, rows->encoding) != HANGAR_OK ||
        pg_command(rows->conn, "BEGIN") != HANGAR_OK) {
        return raise_load_error(rows);
    }
    rows->state = PG_ROWS_LINE;
    return HANGAR_OK;
}

static enum hangar_rc handle_line(struct pg_rows *rows)
{
    const char *line = rows->line.data, *name_end, *head_end;
    if (strcmp(line, "\n") == 0) {
        return HANGAR_OK;
    }
    bool whole = strcmp(line, "-- " PG_KIND_WHOLE " table\n") == 0;
    if (whole || strcmp(line, "-- " PG_KIND_SMALL " table\n") == 0 ||
        strcmp(line, "-- " PG_KIND_PART " table\n") == 0) {
        rows->whole = whole;
        return HANGAR_OK;
    }
    if (pg_is_copy(line, &name_end, &head_end)) {
        return begin_loading(rows, name_end, head_end);
    }
    if (rows->sequences && pg_is_setval(line)) {
        return pg_command(rows->conn, line) == HANGAR_OK ? HANGAR_OK : raise_load_error(rows);
    }
    return raise_corrupt_rows(rows, "it has a line that hangar did not write");
}

static enum hangar_rc handle_whole_line(struct pg_rows *rows)
{
    /* text behind a NUL would not be checked */
    if (strlen(rows->line.data) != rows->line.size) {
        return raise_corrupt_rows(rows, "it has a line that hangar did not write");
    }
    switch (rows->state) {
    case PG_ROWS_FIRST:
        rows->format = strcmp(rows->line.data, PG_ROWS_FIRST_LINE) == 0     ? PG_ROWS_FORMAT
                       : strcmp(rows->line.data, PG_ROWS_FIRST_LINE_1) == 0 ? 1
                                                                            : 0;
        if (!rows->format) {
            return raise_corrupt_rows(rows, "its format is unknown");
        }
        rows->state = PG_ROWS_PRELUDE;
        return HANGAR_OK;
    case PG_ROWS_PRELUDE:
        return read_prelude(rows);
    case PG_ROWS_END:
        return check_rows_trailer(rows);
    default:
        return handle_line(rows);
    }
}

/* Collects one line; names and values may have newlines between their quotes. */
static enum hangar_rc collect_line(struct pg_rows *rows, const char *data, size_t size,
                                   size_t *used)
{
    size_t n = 0;
    bool complete = false;
    while (n < size && !complete) {
        char c = data[n++];
        if (rows->quoted) {
            rows->quoted = c != rows->quote;
        } else if (rows->state == PG_ROWS_LINE && (c == '"' || c == '\'')) {
            rows->quoted = true;
            rows->quote = c;
        } else {
            complete = c == '\n';
        }
    }
    *used = n;
    if (rows->line.size + n > LINE_LIMIT) {
        return raise_corrupt_rows(rows, "it has a line of more than 1 MiB");
    }
    text_add_bytes(&rows->line, data, n);
    if (rows->line.failed) {
        return pg_no_memory(rows->target->src);
    }
    if (!complete) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = handle_whole_line(rows);
    if (rc == HANGAR_EOF) {
        return HANGAR_OK; /* more lines of the prelude follow in this text */
    }
    text_clear(&rows->line);
    return rc;
}

/* ---- the object ------------------------------------------------------------------------------ */

static enum hangar_rc get_loading_session(struct pg_target *target, struct pg_conn **out)
{
    struct pg_restore *restore = target->src->restore;
    *out = NULL;
    pthread_mutex_lock(&restore->mutex);
    if (target->idle_count) {
        *out = target->idle[--target->idle_count];
    }
    pthread_mutex_unlock(&restore->mutex);
    if (*out) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = pg_rows_role_connect(target, out);
    if (rc == HANGAR_OK && pg_set_up_writer(*out) != HANGAR_OK) {
        rc = pg_raise(target->src, &(*out)->err, "cannot set up a session in database %s",
                      target->name);
        pg_close(*out);
        *out = NULL;
    }
    return rc;
}

enum hangar_rc pg_rows_open(struct pg_target *target, bool sequences, struct pg_rows *rows)
{
    *rows = (struct pg_rows){.target = target, .sequences = sequences};
    rows->hash = XXH3_createState();
    if (!rows->hash) {
        return pg_no_memory(target->src);
    }
    enum hangar_rc rc = get_loading_session(target, &rows->conn);
    if (rc != HANGAR_OK) {
        XXH3_freeState(rows->hash);
    }
    return rc;
}

enum hangar_rc pg_rows_write(struct pg_rows *rows, const char *data, size_t size)
{
    while (size) {
        size_t used;
        enum hangar_rc rc = rows->state == PG_ROWS_DATA ? load_rows(rows, data, size, &used)
                                                        : collect_line(rows, data, size, &used);
        if (rc != HANGAR_OK) {
            return rc;
        }
        data += used;
        size -= used;
    }
    return HANGAR_OK;
}

enum hangar_rc pg_rows_close(struct pg_rows *rows, bool complete)
{
    struct pg_restore *restore = rows->target->src->restore;
    enum hangar_rc rc = HANGAR_OK;
    if (complete && (rows->state != PG_ROWS_LINE || rows->line.size)) {
        rc = raise_corrupt_rows(rows, "it is truncated");
    } else if (complete && pg_command(rows->conn, "COMMIT") != HANGAR_OK) {
        rc = raise_load_error(rows);
    }
    pthread_mutex_lock(&restore->mutex);
    if (complete && rc == HANGAR_OK) {
        rows->target->rows += rows->all_rows;
        if (rows->target->idle_count < PG_POOL) {
            rows->target->idle[rows->target->idle_count++] = rows->conn;
            rows->conn = NULL;
        }
    }
    pthread_mutex_unlock(&restore->mutex);
    pg_close(rows->conn);
    XXH3_freeState(rows->hash);
    text_free(&rows->line);
    text_free(&rows->prelude);
    free(rows->table);
    return rc;
}
