/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rows_out: objects that hold rows: a text that psql can read, made of what COPY TO returns.
 * Rows pass through as they arrive; one at a time is in memory.  The format is described in
 * docs/plugins/postgres.md.
 */
#include "backup/objects/rows_out.h"

#include <string.h>
#include "backup/snapshot/snapshot.h"
#include "backup/snapshot/state.h"
#include "backup/plan/tables.h"
#include "server/connection/copy.h"
#include "server/instance/error.h"
#include "server/sql/grammar.h"
#include "server/sql/quote.h"
#include "server/sql/rows_format.h"
#include "server/connection/settings.h"
#include "server/connection/statement.h"

#define FREEZE_BYTES (1024 * 1024)
#define LOCK_BATCH 16 /* tables that a worker locks at once */
#define LINGER_MS 500 /* how long a read that already has bytes waits for more */

void pg_add_rows_head(struct text *text, const char *encoding)
{
    text_add(text, PG_ROWS_FIRST_LINE);
    pg_add_prelude(text, PG_ROWS_FORMAT, encoding);
}

enum hangar_rc pg_begin_table(struct pg_reader *reader, const char *sql, const char *table,
                              const char *columns, const char *kind)
{
    /* a table may send nothing for a long time, for example one with only dead rows */
    reader->worker->doing = "reading rows";
    struct text line = {0};
    const char *name_end, *head_end;
    text_addf(&line, "COPY %s", table);
    if (columns) {
        text_addf(&line, " (%s)", columns);
    }
    text_add(&line, " FROM stdin;\n");
    enum hangar_rc rc = HANGAR_OK;
    if (!line.failed && !pg_is_copy(text_str(&line), &name_end, &head_end)) {
        rc = pg_set_error(&reader->worker->err, HANGAR_CORRUPT, NULL,
                          "the server sent names of columns that are not quoted");
    }
    if (rc == HANGAR_OK) {
        rc = pg_copy_start(reader->worker, sql, PGRES_COPY_OUT);
    }
    if (rc == HANGAR_OK) {
        reader->copy = (struct pg_copy_progress){.active = true};
        text_addf(&reader->text, "\n-- %s table\n", kind);
        text_add_bytes(&reader->text, line.data, line.size);
        reader->text.failed |= line.failed;
    }
    text_free(&line);
    return rc;
}

enum hangar_rc pg_count_rows(struct pg_reader *reader, const char *rows, size_t size)
{
    struct pg_copy_progress *copy = &reader->copy;
    const char *at = rows, *end = rows + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline) {
            return pg_set_error(&reader->worker->err, HANGAR_IO, NULL,
                                "a row without its newline arrived");
        }
        if (!pg_is_row(at, (size_t)(newline - at))) {
            return pg_set_error(
                &reader->worker->err, HANGAR_CORRUPT, NULL,
                "the server sent a row that COPY does not write; hint: check that this is a "
                "PostgreSQL server, and that it can be trusted");
        }
        pg_digest_row(&copy->digest, at, (size_t)(newline - at));
        copy->rows++;
        at = newline + 1;
    }
    return HANGAR_OK;
}

enum hangar_rc pg_end_table(struct pg_reader *reader)
{
    struct pg_copy_progress *copy = &reader->copy;
    uint64_t counted = 0;
    enum hangar_rc rc = pg_copy_finish(reader->worker, &counted);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (counted != copy->rows) {
        return pg_set_error(&reader->worker->err, HANGAR_IO, NULL,
                            "%llu rows arrived of the %llu that the server sent",
                            (unsigned long long)copy->rows, (unsigned long long)counted);
    }
    char hex[PG_DIGEST_HEX];
    pg_digest_hex(&copy->digest, hex);
    text_addf(&reader->text, "\\.\n" PG_ROWS_TRAILER, (unsigned long long)counted, hex);
    copy->active = false;
    return HANGAR_OK;
}

static void add_copy_statement(struct text *sql, const struct pg_list *list,
                               const struct pg_slice *slice, const char *columns)
{
    const struct pg_table *table = &list->items[slice->table];
    const bool computed = table->computed_count > 0;
    text_add(sql, "COPY ");
    if (slice->whole && !computed) {
        pg_add_table(sql, list, slice->table);
        if (columns) {
            text_addf(sql, " (%s)", columns);
        }
    } else {
        text_addf(sql, "(SELECT %s%s%s FROM ONLY ", columns ? columns : "", computed ? ", " : "",
                  computed ? pg_pool(list, table->computed) : "");
        pg_add_table(sql, list, slice->table);
        if (!slice->whole) {
            text_addf(sql, " WHERE ctid >= '(%llu,0)'", (unsigned long long)slice->from_page);
        }
        if (slice->to_page) {
            text_addf(sql, " AND ctid < '(%llu,0)'", (unsigned long long)slice->to_page);
        }
        text_add(sql, ")");
    }
    text_add(sql, " TO STDOUT");
}

static enum hangar_rc raise_rows_error(struct pg_reader *reader)
{
    struct pg_db *db = reader->db;
    struct pg_backup *backup = reader->src->backup;
    char waits[400] = "";
    if (strcmp(reader->worker->err.sqlstate, PG_LOCK_NOT_AVAILABLE) == 0) {
        pthread_mutex_lock(&backup->mutex);
        pg_db_describe_waiter(db, waits, sizeof(waits));
        pthread_mutex_unlock(&backup->mutex);
    }
    struct text name = {0};
    pg_add_table(&name, &db->tables, reader->rows.slices[reader->rows.slice_at].table);
    enum hangar_rc rc =
        pg_raise(reader->src, &reader->worker->err, "cannot read table %s of database %s%s",
                 text_str(&name), db->name, waits);
    text_free(&name);
    return rc;
}

/* ---- locks --------------------------------------------------------------------- */

/* The slices of the batch that begins at slice_at. */
static size_t batch_end(const struct pg_reader *reader)
{
    size_t end = reader->rows.slice_at + LOCK_BATCH;
    return end < reader->rows.slice_count ? end : reader->rows.slice_count;
}

/* Every worker has a SAVEPOINT: rolling back to it releases the locks of the batch before.
 * NOWAIT, because the lead session holds the same locks: a wait could only be for a session
 * that is queued behind that lock and waits for the lead session. */
static enum hangar_rc lock_batch(struct pg_reader *reader)
{
    struct text sql = {0};
    const size_t first = reader->rows.slice_at;
    text_add(&sql, "LOCK TABLE ");
    for (size_t i = first; i < batch_end(reader); i++) {
        text_add(&sql, i > first ? ", ONLY " : "ONLY ");
        pg_add_table(&sql, &reader->db->tables, reader->rows.slices[i].table);
    }
    text_add(&sql, " IN ACCESS SHARE MODE NOWAIT");
    enum hangar_rc rc = pg_command(reader->worker, "ROLLBACK TO SAVEPOINT hangar");
    if (rc == HANGAR_OK) {
        rc = pg_command_text(reader->worker, &sql);
    }
    text_free(&sql);
    return rc;
}

/* COPY finds a table by its name, and a schema can be renamed while its tables are locked: another
 * table of that name would have no rows in this snapshot.  So before and after the tables of a
 * batch are read, each name must belong to the oid that the snapshot shows.  A session learns of
 * the changes of others when it locks a relation that it had not locked: here pg_class. */
static enum hangar_rc check_batch_names(struct pg_reader *reader, size_t first, size_t end)
{
    const struct pg_list *list = &reader->db->tables;
    struct text sql = {0}, name = {0};
    PGresult *res = NULL;
    text_add(&sql, "SELECT v.name FROM (VALUES ");
    for (size_t i = first; i < end; i++) {
        uint32_t table = reader->rows.slices[i].table;
        text_clear(&name);
        pg_add_table(&name, list, table);
        text_add(&sql, i > first ? ", (" : "(");
        pg_add_literal(&sql, text_str(&name));
        text_addf(&sql, ", %u::oid)", list->items[table].oid);
    }
    text_add(&sql, ") v(name, oid) WHERE EXISTS (SELECT FROM pg_catalog.pg_class)"
                   " AND pg_catalog.to_regclass(v.name) IS DISTINCT FROM v.oid");
    struct pg_error *err = &reader->worker->err;
    enum hangar_rc rc = HANGAR_OK;
    if (sql.failed || name.failed) {
        rc = pg_set_no_memory(err);
    } else {
        rc = pg_query(reader->worker, text_str(&sql), NULL, NULL, &res);
    }
    if (rc == HANGAR_OK && PQntuples(res) > 0) {
        rc =
            pg_set_error(err, HANGAR_RETRY, NULL,
                         "%.200s was renamed or replaced during the backup", PQgetvalue(res, 0, 0));
    }
    PQclear(res);
    text_free(&sql);
    text_free(&name);
    return rc;
}

/* ---- slices -------------------------------------------------------------------- */

/* The kind of table that stands in the line before its COPY.  A restore empties a whole table
 * first so that rows can be stored as frozen; that costs a new file, which a small table is not
 * worth. */
static const char *slice_kind(const struct pg_table *table, const struct pg_slice *slice)
{
    if (!slice->whole || table->root_oid) {
        return PG_KIND_PART;
    }
    /* rows that are stored as frozen are visible at once, also to a function that reads the table
     * while it is loaded */
    return table->entire || table->heap_bytes < FREEZE_BYTES ? PG_KIND_SMALL : PG_KIND_WHOLE;
}

static enum hangar_rc begin_slice(struct pg_reader *reader)
{
    const struct pg_slice *slice = &reader->rows.slices[reader->rows.slice_at];
    const struct pg_list *list = &reader->db->tables;
    const struct pg_table *table = &list->items[slice->table];
    const char *columns = table->columns == PG_NONE ? NULL : pg_pool(list, table->columns);
    struct text sql = {0}, target = {0};
    add_copy_statement(&sql, list, slice, columns);
    pg_add_table(&target, list, table->target);
    enum hangar_rc rc = HANGAR_OK;
    const size_t at = reader->rows.slice_at;
    if (sql.failed || target.failed) {
        rc = pg_no_memory(reader->src);
    } else if (at % LOCK_BATCH == 0 &&
               (lock_batch(reader) != HANGAR_OK ||
                check_batch_names(reader, at, batch_end(reader)) != HANGAR_OK)) {
        rc = raise_rows_error(reader);
    } else if (pg_begin_table(reader, text_str(&sql), text_str(&target), columns,
                              slice_kind(table, slice)) != HANGAR_OK) {
        rc = raise_rows_error(reader);
    } else {
        reader->copy.computed = table->computed_count;
    }
    text_free(&sql);
    text_free(&target);
    return rc;
}

static enum hangar_rc end_slice(struct pg_reader *reader)
{
    struct pg_backup *backup = reader->src->backup;
    const struct pg_slice *slice = &reader->rows.slices[reader->rows.slice_at];
    struct pg_list *list = &reader->db->tables;
    const size_t next = reader->rows.slice_at + 1;
    const bool last = next % LOCK_BATCH == 0 || next == reader->rows.slice_count;
    if (pg_end_table(reader) != HANGAR_OK ||
        (last &&
         (pg_command(reader->worker, "ROLLBACK TO SAVEPOINT hangar") != HANGAR_OK ||
          check_batch_names(reader, (next - 1) / LOCK_BATCH * LOCK_BATCH, next) != HANGAR_OK))) {
        return raise_rows_error(reader);
    }
    pthread_mutex_lock(&backup->mutex);
    struct pg_table *target = &list->items[list->items[slice->table].target];
    target->rows += reader->copy.rows;
    pg_digest_add(&target->digest, reader->copy.digest.high, reader->copy.digest.low);
    pg_digest_add(&target->computed_digest, reader->copy.computed_digest.high,
                  reader->copy.computed_digest.low);
    pthread_mutex_unlock(&backup->mutex);
    reader->rows.total += reader->copy.rows;
    reader->rows.slice_at++;
    return HANGAR_OK;
}

/* Generated columns are read for their digest only: the server computes them when the row is
 * loaded. */
static enum hangar_rc cut_computed(struct pg_reader *reader)
{
    char *row = reader->rows.row;
    const size_t size = reader->rows.row_len - 1; /* without its newline */
    size_t stored = pg_cut_columns(row, size, reader->copy.computed);
    if (row[size] != '\n' || memchr(row, '\n', size) || stored == size) {
        return pg_set_error(&reader->worker->err, HANGAR_IO, NULL,
                            "a row without its generated columns arrived");
    }
    pg_digest_row(&reader->copy.computed_digest, row, size);
    row[stored] = '\n';
    reader->rows.row_len = stored + 1;
    return HANGAR_OK;
}

/* Reads the next row, waiting up to timeout_ms; *quiet: none arrived. */
static enum hangar_rc read_next_row(struct pg_reader *reader, int timeout_ms, bool *quiet)
{
    struct pg_conn *conn = reader->worker;
    reader->rows.row_at = 0;
    enum hangar_rc rc = pg_copy_next(conn, timeout_ms, &reader->rows.row, &reader->rows.row_len);
    *quiet = rc == HANGAR_OK && !reader->rows.row;
    if (rc == HANGAR_EOF) {
        return end_slice(reader);
    }
    if (rc == HANGAR_OK && reader->rows.row && reader->copy.computed) {
        rc = cut_computed(reader);
    }
    if (rc == HANGAR_OK && reader->rows.row) {
        rc = pg_count_rows(reader, reader->rows.row, reader->rows.row_len);
    }
    return rc == HANGAR_OK ? rc : raise_rows_error(reader);
}

/* Copies bytes of a text or a row; *at is how much of it has been copied. */
static size_t copy_bytes_out(char *out, size_t room, const char *from, size_t len, size_t *at)
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
    if (!reader->rows.begun) {
        reader->rows.begun = true;
        pg_add_rows_head(&reader->text, reader->db->encoding);
    }
    while (rc == HANGAR_OK && n < size) {
        if (reader->text.failed) {
            return pg_no_memory(reader->src);
        }
        if (reader->text_at < reader->text.size) {
            n += copy_bytes_out(out + n, size - n, reader->text.data, reader->text.size,
                                &reader->text_at);
            continue;
        }
        text_clear(&reader->text);
        reader->text_at = 0;
        if (reader->rows.row) {
            n += copy_bytes_out(out + n, size - n, reader->rows.row, reader->rows.row_len,
                                &reader->rows.row_at);
            if (reader->rows.row_at == reader->rows.row_len) {
                PQfreemem(reader->rows.row);
                reader->rows.row = NULL;
            }
        } else if (reader->copy.active) {
            bool quiet;
            rc = read_next_row(reader, n ? LINGER_MS : -1, &quiet);
            if (quiet) {
                break;
            }
        } else if (reader->rows.slice_at < reader->rows.slice_count) {
            rc = begin_slice(reader);
        } else {
            reader->ended = n == 0;
            break;
        }
    }
    *got = n;
    return rc;
}
