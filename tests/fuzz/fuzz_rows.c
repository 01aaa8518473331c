/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_rows: the text of rows as a restore reads it.  libpq and the session are replaced
 * here.  For any text, the server gets only statements that hangar makes itself.  "?" in place
 * of the count and digest of a table is replaced by the right values, so that the code behind
 * that check is reached.
 */
#include "fuzz.h"

#include <stdarg.h>
#include <string.h>

#include "restore/rows/rows_in.h"
#include "restore/roles/rows_role.h"
#include "restore/target/restore_state.h"
#include "restore/rows/tables_in.h"
#include "restore/rows/verdict.h"
#include "server/connection/copy.h"
#include "server/connection/settings.h"
#include "server/connection/statement.h"

/* ---- the session ---- */

static struct pg_conn session;
static uint64_t sent_rows;
static bool in_copy;

/* One statement, in which only quoted names come from the text. */
static const char *skip_quoted(const char *sql, char quote)
{
    FUZZ_RULE(*sql == quote);
    for (sql++;; sql++) {
        FUZZ_RULE(*sql);
        if (*sql == quote && *++sql != quote) {
            return sql;
        }
    }
}

static const char *fuzz_rows_skip(const char *sql, const char *word)
{
    FUZZ_RULE(strncmp(sql, word, strlen(word)) == 0);
    return sql + strlen(word);
}

static const char *skip_table(const char *sql)
{
    return skip_quoted(fuzz_rows_skip(skip_quoted(sql, '"'), "."), '"');
}

enum hangar_rc pg_copy_start(struct pg_conn *conn, const char *sql, ExecStatusType direction)
{
    (void)conn, (void)direction;
    FUZZ_RULE(!in_copy);
    sql = skip_table(fuzz_rows_skip(sql, "COPY "));
    if (strncmp(sql, " (", 2) == 0) {
        sql = skip_quoted(sql + 2, '"');
        while (*sql == ',') {
            sql = skip_quoted(fuzz_rows_skip(sql, ", "), '"');
        }
        sql = fuzz_rows_skip(sql, ")");
    }
    FUZZ_RULE(strcmp(sql, " FROM STDIN") == 0 || strcmp(sql, " FROM STDIN WITH (FREEZE)") == 0);
    in_copy = true;
    sent_rows = 0;
    return HANGAR_OK;
}

enum hangar_rc pg_command(struct pg_conn *conn, const char *sql)
{
    (void)conn;
    FUZZ_RULE(!in_copy);
    if (strcmp(sql, "BEGIN") == 0 || strcmp(sql, "COMMIT") == 0) {
        return HANGAR_OK;
    }
    if (strncmp(sql, "TRUNCATE", 8) == 0) {
        FUZZ_RULE(!*skip_table(fuzz_rows_skip(sql, "TRUNCATE ONLY ")));
        return HANGAR_OK;
    }
    sql = fuzz_rows_skip(skip_quoted(fuzz_rows_skip(sql, "SELECT pg_catalog.setval("), '\''), ", ");
    sql += *sql == '-';
    FUZZ_RULE(strspn(sql, "0123456789"));
    sql += strspn(sql, "0123456789");
    FUZZ_RULE(strcmp(sql, ", true);\n") == 0 || strcmp(sql, ", false);\n") == 0);
    return HANGAR_OK;
}

enum hangar_rc pg_command_text(struct pg_conn *conn, struct text *sql)
{
    enum hangar_rc rc = pg_command(conn, text_str(sql));
    text_free(sql);
    return rc;
}

enum hangar_rc pg_apply_prelude(struct pg_conn *conn, const char *encoding)
{
    (void)conn;
    FUZZ_RULE(!in_copy && strcspn(encoding, "'\\") == strlen(encoding));
    return HANGAR_OK;
}

int PQputCopyData(PGconn *pq, const char *data, int size)
{
    (void)pq;
    FUZZ_RULE(in_copy);
    for (int i = 0; i < size; i++) {
        sent_rows += data[i] == '\n';
    }
    return 1;
}

int PQputCopyEnd(PGconn *pq, const char *problem)
{
    (void)pq;
    FUZZ_RULE(in_copy && !problem);
    in_copy = false;
    return 1;
}

enum hangar_rc pg_copy_finish(struct pg_conn *conn, uint64_t *rows)
{
    (void)conn;
    *rows = sent_rows;
    return HANGAR_OK;
}

int PQflush(PGconn *pq)
{
    (void)pq;
    return 0;
}

enum hangar_rc pg_consume(struct pg_conn *conn)
{
    (void)conn;
    return HANGAR_OK;
}

enum hangar_rc pg_wait(struct pg_conn *conn, short events, int timeout_ms, bool *ready)
{
    (void)conn, (void)events, (void)timeout_ms;
    *ready = true;
    return HANGAR_OK;
}

enum hangar_rc pg_conn_failed(struct pg_conn *conn)
{
    (void)conn;
    return HANGAR_IO;
}

enum hangar_rc pg_rows_role_connect(struct pg_target *target, struct pg_conn **out)
{
    (void)target;
    *out = &session;
    return HANGAR_OK;
}

enum hangar_rc pg_rows_role_become_owner(struct pg_conn *conn, const char *table)
{
    (void)conn;
    skip_table(table);
    return HANGAR_OK;
}

char *pg_target_attr(struct pg_target *target, const char *name)
{
    (void)target, (void)name;
    return NULL;
}

enum hangar_rc pg_set_up_writer(struct pg_conn *conn)
{
    (void)conn;
    return HANGAR_OK;
}

void pg_close(struct pg_conn *conn)
{
    (void)conn;
}

void pg_add_prelude(struct text *text, int format, const char *encoding)
{
    text_addf(text, "SET client_encoding = '%s';\nSET TimeZone = 'UTC';\n", encoding);
    if (format > 1) {
        text_add(text, "SET array_nulls = on;\n");
    }
}

enum hangar_rc pg_set_error(struct pg_error *err, enum hangar_rc rc, const char *sqlstate,
                            const char *fmt, ...)
{
    va_list args;
    (void)sqlstate;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    return err->rc = rc;
}

enum hangar_rc pg_no_memory(struct pg_source *src)
{
    return src->host->fail(src->ctx, HANGAR_NO_MEMORY, 0, "out of memory");
}

void pg_verdict(const struct pg_target *target, struct pg_error *err)
{
    (void)target;
    (void)err;
}

enum hangar_rc pg_raise(struct pg_source *src, const struct pg_error *err, const char *fmt, ...)
{
    (void)fmt;
    return src->host->fail(src->ctx, err->rc ? err->rc : HANGAR_IO, 0, "%s", err->text);
}

/* ---- the input ---- */

#define QUESTION "-- rows: ?\n"

/* The trailer of a table with these rows. */
static void add_end(struct text *text, const char *rows, const char *end)
{
    struct pg_digest digest = {0};
    unsigned long count = 0;
    for (const char *newline; rows < end && (newline = memchr(rows, '\n', (size_t)(end - rows)));
         rows = newline + 1, count++) {
        pg_digest_row(&digest, rows, (size_t)(newline - rows));
    }
    char hex[PG_DIGEST_HEX];
    pg_digest_hex(&digest, hex);
    text_addf(text, "-- rows: %lu digest: %s\n", count, hex);
}

static void fill_in(struct text *text, const char *data, size_t size)
{
    const char *end = data + size, *rows = data;
    while (data < end) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        size_t n = newline ? (size_t)(newline + 1 - data) : (size_t)(end - data);
        if (n == strlen(QUESTION) && memcmp(data, QUESTION, n) == 0) {
            add_end(text, rows, data - rows >= 3 ? data - 3 : rows);
        } else {
            text_add_bytes(text, data, n);
        }
        if (n >= 5 && memcmp(data, "COPY ", 5) == 0) {
            rows = data + n;
        }
        data += n;
    }
}

static void table_lines(const char *data, size_t size)
{
    struct pg_table_line line = {0};
    char *text = strndup(data, size);
    if (text && strlen(text) < 65536) {
        pg_table_line_parse(text, true, &line);
        pg_table_line_parse(text, false, &line);
    }
    pg_table_line_free(&line);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pg_source src = {.host = &fuzz_host};
    struct pg_restore restore = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct pg_target target = {.src = &src, .name = "shop"};
    src.restore = &restore;
    session = (struct pg_conn){.src = &src};
    in_copy = false;
    if (!size || size > 1u << 20) {
        return 0;
    }
    table_lines((const char *)data, size);
    struct text text = {0};
    fill_in(&text, (const char *)data + 1, size - 1);
    struct fuzz_pieces pieces = {(const uint8_t *)text_str(&text), text.size, data[0] & 127, 1};
    const uint8_t *piece;
    size_t n;
    struct pg_rows rows;
    if (pg_rows_open(&target, data[0] & 128, &rows)) {
        abort();
    }
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK && fuzz_piece(&pieces, &piece, &n)) {
        rc = pg_rows_write(&rows, (const char *)piece, n);
    }
    pg_rows_close(&rows, rc == HANGAR_OK);
    pg_tally_free(&target.tally);
    text_free(&text);
    return 0;
}
