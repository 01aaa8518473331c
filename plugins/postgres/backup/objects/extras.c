/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * extras: with very many tables pg_dump is not asked for data, and what it would have written
 * besides the rows of the workers is made here: the values of sequences, and the rows of tables
 * that extensions mark as configuration.
 */
#include "backup/objects/extras.h"

#include <string.h>
#include "backup/objects/rows_out.h"
#include "backup/plan/tables.h"
#include "server/sql/catalog.h"
#include "server/connection/connection.h"
#include "server/connection/copy.h"
#include "server/instance/error.h"
#include "server/sql/grammar.h"
#include "server/instance/instance.h"
#include "server/sql/quote.h"
#include "server/connection/statement.h"

#define BATCH "200"             /* sequences read by one query */
#define CHUNK_BYTES (64 * 1024) /* bytes of rows read at a time */

enum stage { BEGIN, SEQUENCES, SETTINGS, ROWS };

static enum hangar_rc raise_extras_error(struct pg_reader *reader, const char *what)
{
    return pg_raise(reader->src, &reader->worker->err, "cannot read the %s of database %s", what,
                    reader->db->name);
}

/* ---- sequences ----------------------------------------------------------------------- */

/* The sequences that pg_dump dumps.  A sequence that a table owns is dumped with its table,
 * too, and that of an identity column only so; a sequence of an extension is dumped only when
 * the extension marks it as configuration. */
static void add_sequences_query(struct pg_reader *reader, struct text *sql)
{
    text_add(
        sql,
        "DECLARE hangar_sequences CURSOR FOR SELECT n.nspname, c.relname, c.oid FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid"
        " AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0"
        " AND d.deptype IN ('a', 'i')"
        " LEFT JOIN pg_class o ON o.oid = d.refobjid"
        " LEFT JOIN pg_namespace p ON p.oid = o.relnamespace"
        " WHERE c.relkind = 'S' AND " PG_IS_USER_RELATION
        " AND (c.oid IN (SELECT unnest(extconfig) FROM pg_extension)"
        " OR " PG_IS_NOT_OF_EXTENSION ") AND ((o.oid IS NOT NULL AND ");
    pg_add_selection(reader->src, sql, "p.nspname", "o.relname");
    text_add(sql, ") OR (d.deptype IS DISTINCT FROM 'i' AND ");
    pg_add_selection(reader->src, sql, "n.nspname", "c.relname");
    text_add(sql, ")) ORDER BY c.oid");
}

static enum hangar_rc begin_extras(struct pg_reader *reader)
{
    pg_add_rows_head(&reader->text, reader->db->encoding);
    text_add(&reader->text, "\n");
    struct text sql = {0};
    add_sequences_query(reader, &sql);
    reader->extras.stage = SEQUENCES;
    return pg_command_text(reader->worker, &sql) == HANGAR_OK
               ? HANGAR_OK
               : raise_extras_error(reader, "sequences");
}

/* Appends a query for what is in `SELECT pg_catalog.setval('"s"."q"', 42, true);`.  A view may have
 * taken the place of the sequence.  Where the server cannot refuse to run the code of a view, the
 * sequence is read by its oid; that returns no value of one that was never used. */
static void add_sequence_query(struct text *sql, const PGresult *names, int row, bool restricts)
{
    struct text quoted = {0};
    pg_add_ident(&quoted, PQgetvalue(names, row, 0));
    text_add(&quoted, ".");
    pg_add_ident(&quoted, PQgetvalue(names, row, 1));
    text_addf(sql, "%sSELECT ", sql->size ? " UNION ALL " : "");
    pg_add_literal(sql, text_str(&quoted));
    if (restricts) {
        text_addf(sql, ", last_value, is_called, true FROM %s", text_str(&quoted));
    } else {
        text_add(sql, ", coalesce(v.last, s.seqstart), v.last IS NOT NULL, v.last IS NOT NULL"
                      " FROM pg_catalog.pg_sequence s,"
                      " LATERAL pg_catalog.pg_sequence_last_value(s.seqrelid) AS v(last)"
                      " WHERE s.seqrelid = ");
        pg_add_literal(sql, PQgetvalue(names, row, 2));
    }
    sql->failed |= quoted.failed;
    text_free(&quoted);
}

static enum hangar_rc add_sequence_value(void *arg, const PGresult *res)
{
    struct pg_reader *reader = arg;
    struct text line = {0};
    text_add(&line, "SELECT pg_catalog.setval(");
    pg_add_literal(&line, PQgetvalue(res, 0, 0));
    text_addf(&line, ", %s, %s);\n", PQgetvalue(res, 0, 1),
              PQgetvalue(res, 0, 2)[0] == 't' ? "true" : "false");
    reader->extras.unused += PQgetvalue(res, 0, 3)[0] != 't';
    enum hangar_rc rc = HANGAR_OK;
    if (line.failed) {
        rc = HANGAR_NO_MEMORY;
    } else if (!pg_is_setval(text_str(&line))) {
        rc = pg_set_error(&reader->worker->err, HANGAR_CORRUPT, NULL,
                          "the server sent a value that is not a number");
    }
    text_add(&reader->text, text_str(&line));
    text_free(&line);
    return rc;
}

/* A sequence that was dropped or replaced since the list was made: another attempt may succeed. */
static enum hangar_rc raise_sequences_error(struct pg_reader *reader)
{
    struct pg_error *err = &reader->worker->err;
    if (strcmp(err->sqlstate, PG_UNDEFINED_TABLE) == 0 ||
        strcmp(err->sqlstate, PG_UNDEFINED_SCHEMA) == 0 ||
        strcmp(err->sqlstate, PG_NOT_IN_PREREQUISITE_STATE) == 0 ||
        strstr(err->text, "could not open relation")) {
        err->rc = HANGAR_RETRY;
    }
    return raise_extras_error(reader, "sequences");
}

static void warn_about_unused(struct pg_reader *reader)
{
    if (reader->extras.unused) {
        reader->src->host->log(
            reader->src->ctx, HANGAR_LOG_WARN,
            "database %s: %zu sequences that were never used are stored with their start value; "
            "hint: update the server to a minor version of August 2024 or later",
            reader->db->name, reader->extras.unused);
    }
}

static enum hangar_rc read_sequences(struct pg_reader *reader)
{
    PGresult *names;
    struct text sql = {0};
    if (pg_query(reader->worker, "FETCH " BATCH " FROM hangar_sequences", NULL, NULL, &names) !=
        HANGAR_OK) {
        return raise_extras_error(reader, "sequences");
    }
    for (int i = 0; i < PQntuples(names); i++) {
        add_sequence_query(&sql, names, i, reader->worker->restricts);
    }
    PQclear(names);
    enum hangar_rc rc = HANGAR_OK;
    if (sql.failed) {
        rc = pg_no_memory(reader->src);
    } else if (!sql.size) {
        warn_about_unused(reader);
        reader->extras.stage = SETTINGS;
    } else if (pg_each_row(reader->worker, text_str(&sql), add_sequence_value, reader) !=
               HANGAR_OK) {
        rc = raise_sequences_error(reader);
    }
    text_free(&sql);
    return rc;
}

/* ---- configuration tables of extensions --------------------------------------------------- */

/* In the order in which they were created: a table refers only to earlier ones.  A backup of
 * selected tables has no extensions, and so no such tables. */
static enum hangar_rc list_settings(struct pg_reader *reader)
{
    struct text sql = {0};
    text_addf(&sql,
              "SELECT format('\"%%s\".\"%%s\"', replace(n.nspname, '\"', '\"\"'),"
              " replace(c.relname, '\"', '\"\"')),"
              " " PG_COPY_COLUMNS_FORMAT ", u.condition"
              " FROM pg_extension e, LATERAL unnest(e.extconfig, e.extcondition) u(oid, condition)"
              " JOIN pg_class c ON c.oid = u.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
              " WHERE c.relkind = 'r' AND %s AND ",
              PG_NOT_GENERATED(reader->worker->version),
              pg_selected(reader->src, "include_tables", 0) ? "false" : "true");
    pg_add_selection(reader->src, &sql, "n.nspname", "c.relname");
    text_add(&sql, " ORDER BY c.oid");
    enum hangar_rc rc = HANGAR_OK;
    if (sql.failed) {
        rc = pg_no_memory(reader->src);
    } else if (pg_query(reader->worker, text_str(&sql), NULL, NULL, &reader->extras.settings) !=
               HANGAR_OK) {
        rc = raise_extras_error(reader, "extensions");
    }
    text_free(&sql);
    reader->extras.stage = ROWS;
    return rc;
}

static enum hangar_rc begin_settings_table(struct pg_reader *reader, int row)
{
    const char *table = PQgetvalue(reader->extras.settings, row, 0);
    const char *columns = PQgetvalue(reader->extras.settings, row, 1);
    struct text sql = {0};
    text_addf(&sql, "COPY (SELECT %s FROM ONLY %s %s) TO STDOUT", columns, table,
              PQgetvalue(reader->extras.settings, row, 2));
    if (sql.failed) {
        return pg_no_memory(reader->src);
    }
    /* the extension may insert rows of its own on restore: the table is never emptied */
    enum hangar_rc rc =
        pg_begin_table(reader, text_str(&sql), table, *columns ? columns : NULL, PG_KIND_PART);
    text_free(&sql);
    return rc == HANGAR_OK ? rc : raise_extras_error(reader, "extensions");
}

static enum hangar_rc end_settings_table(struct pg_reader *reader)
{
    if (pg_end_table(reader) != HANGAR_OK) {
        return raise_extras_error(reader, "extensions");
    }
    reader->extras.table_at++;
    return HANGAR_OK;
}

static enum hangar_rc read_settings(struct pg_reader *reader)
{
    if (!reader->copy.active) {
        if (reader->extras.table_at == (size_t)PQntuples(reader->extras.settings)) {
            return HANGAR_EOF;
        }
        return begin_settings_table(reader, (int)reader->extras.table_at);
    }
    while (reader->text.size < CHUNK_BYTES) {
        char *row;
        size_t len;
        enum hangar_rc rc = pg_copy_next(reader->worker, -1, &row, &len);
        if (rc == HANGAR_EOF) {
            return end_settings_table(reader);
        }
        if (rc == HANGAR_OK) {
            rc = pg_count_rows(reader, row, len);
            text_add_bytes(&reader->text, row, len);
            PQfreemem(row);
        }
        if (rc != HANGAR_OK) {
            return raise_extras_error(reader, "extensions");
        }
    }
    return HANGAR_OK;
}

enum hangar_rc pg_extras_read(struct pg_reader *reader)
{
    switch (reader->extras.stage) {
    case BEGIN:
        return begin_extras(reader);
    case SEQUENCES:
        return read_sequences(reader);
    case SETTINGS:
        return list_settings(reader);
    default:
        return read_settings(reader);
    }
}
