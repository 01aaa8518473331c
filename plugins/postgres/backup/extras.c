/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * extras.c: with very many tables pg_dump is not asked for data, and what it would have written
 * besides our rows is made here: the values of sequences, and the rows of tables that extensions
 * mark as configuration.
 */
#include "backup/extras.h"

#include "backup/rows_out.h"
#include "backup/tables.h"
#include "server/connection.h"
#include "server/copy.h"
#include "server/error.h"
#include "server/instance.h"
#include "server/quote.h"
#include "server/statement.h"

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
    text_add(sql, "DECLARE hangar_sequences CURSOR FOR SELECT n.nspname, c.relname FROM pg_class c"
                  " JOIN pg_namespace n ON n.oid = c.relnamespace"
                  " LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid"
                  " AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0"
                  " AND d.deptype IN ('a', 'i')"
                  " LEFT JOIN pg_class o ON o.oid = d.refobjid"
                  " LEFT JOIN pg_namespace p ON p.oid = o.relnamespace"
                  " WHERE c.relkind = 'S' AND c.relpersistence <> 't'"
                  " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
                  " AND (c.oid IN (SELECT unnest(extconfig) FROM pg_extension)"
                  " OR NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass"
                  " AND e.objid = c.oid AND e.deptype = 'e')) AND ((o.oid IS NOT NULL AND ");
    pg_add_selection(reader->src, sql, "p.nspname", "o.relname");
    text_add(sql, ") OR (d.deptype IS DISTINCT FROM 'i' AND ");
    pg_add_selection(reader->src, sql, "n.nspname", "c.relname");
    text_add(sql, ")) ORDER BY c.oid");
}

static enum hangar_rc begin_extras(struct pg_reader *reader)
{
    struct text sql = {0};
    pg_add_rows_head(&reader->text, reader->db->encoding);
    text_add(&reader->text, "\n");
    add_sequences_query(reader, &sql);
    reader->stage = SEQUENCES;
    return pg_command_text(reader->worker, &sql) == HANGAR_OK
               ? HANGAR_OK
               : raise_extras_error(reader, "sequences");
}

/* Appends a query for what is in `SELECT pg_catalog.setval('"s"."q"', 42, true);`. */
static void add_sequence_query(struct text *sql, const char *schema, const char *name)
{
    struct text quoted = {0};
    pg_add_ident(&quoted, schema);
    text_add(&quoted, ".");
    pg_add_ident(&quoted, name);
    text_addf(sql, "%sSELECT ", sql->size ? " UNION ALL " : "");
    pg_add_literal(sql, text_str(&quoted));
    text_addf(sql, ", last_value, is_called FROM %s", text_str(&quoted));
    sql->failed |= quoted.failed;
    text_free(&quoted);
}

static enum hangar_rc add_sequence_value(void *arg, const PGresult *res)
{
    struct text *text = arg;
    text_add(text, "SELECT pg_catalog.setval(");
    pg_add_literal(text, PQgetvalue(res, 0, 0));
    text_addf(text, ", %s, %s);\n", PQgetvalue(res, 0, 1),
              PQgetvalue(res, 0, 2)[0] == 't' ? "true" : "false");
    return text->failed ? HANGAR_NO_MEMORY : HANGAR_OK;
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
        add_sequence_query(&sql, PQgetvalue(names, i, 0), PQgetvalue(names, i, 1));
    }
    PQclear(names);
    enum hangar_rc rc = HANGAR_OK;
    if (sql.failed) {
        rc = pg_no_memory(reader->src);
    } else if (!sql.size) {
        reader->stage = SETTINGS;
    } else if (pg_each_row(reader->worker, text_str(&sql), add_sequence_value, &reader->text) !=
               HANGAR_OK) {
        rc = raise_extras_error(reader, "sequences");
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
              " (SELECT string_agg('\"' || replace(a.attname, '\"', '\"\"') || '\"', ', '"
              " ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0"
              " AND NOT a.attisdropped%s), u.condition"
              " FROM pg_extension e, LATERAL unnest(e.extconfig, e.extcondition) u(oid, condition)"
              " JOIN pg_class c ON c.oid = u.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
              " WHERE c.relkind = 'r' AND %s AND ",
              reader->worker->version >= 120000 ? " AND a.attgenerated = ''" : "",
              pg_selected(reader->src, "include_tables", 0) ? "false" : "true");
    pg_add_selection(reader->src, &sql, "n.nspname", "c.relname");
    text_add(&sql, " ORDER BY c.oid");
    enum hangar_rc rc = HANGAR_OK;
    if (sql.failed) {
        rc = pg_no_memory(reader->src);
    } else if (pg_query(reader->worker, text_str(&sql), NULL, NULL, &reader->settings) !=
               HANGAR_OK) {
        rc = raise_extras_error(reader, "extensions");
    }
    text_free(&sql);
    reader->stage = ROWS;
    return rc;
}

static enum hangar_rc begin_settings_table(struct pg_reader *reader, int row)
{
    const char *table = PQgetvalue(reader->settings, row, 0);
    const char *columns = PQgetvalue(reader->settings, row, 1);
    struct text sql = {0};
    text_addf(&sql, "COPY (SELECT %s FROM ONLY %s %s) TO STDOUT", columns, table,
              PQgetvalue(reader->settings, row, 2));
    if (sql.failed) {
        return pg_no_memory(reader->src);
    }
    reader->worker->doing = "reading rows"; /* the condition of the extension may be slow */
    enum hangar_rc rc = pg_copy_start(reader->worker, text_str(&sql), PGRES_COPY_OUT);
    text_free(&sql);
    if (rc != HANGAR_OK) {
        return raise_extras_error(reader, "extensions");
    }
    /* the extension may insert rows of its own on restore: the table is never emptied */
    pg_add_copy_head(&reader->text, table, *columns ? columns : NULL, PG_KIND_PART);
    reader->slice_rows = 0;
    reader->digest = (struct pg_digest){0};
    reader->copying = true;
    return HANGAR_OK;
}

static enum hangar_rc end_settings_table(struct pg_reader *reader)
{
    uint64_t counted;
    if (pg_copy_finish(reader->worker, &counted) != HANGAR_OK) {
        return raise_extras_error(reader, "extensions");
    }
    if (counted != reader->slice_rows) {
        pg_set_error(&reader->worker->err, HANGAR_IO, NULL,
                     "%llu rows arrived of the %llu that the server sent",
                     (unsigned long long)reader->slice_rows, (unsigned long long)counted);
        return raise_extras_error(reader, "extensions");
    }
    pg_add_copy_end(&reader->text, counted, &reader->digest);
    reader->copying = false;
    reader->slice_at++;
    return HANGAR_OK;
}

static enum hangar_rc read_settings(struct pg_reader *reader)
{
    if (!reader->copying) {
        if (reader->slice_at == (size_t)PQntuples(reader->settings)) {
            return HANGAR_EOF;
        }
        return begin_settings_table(reader, (int)reader->slice_at);
    }
    while (reader->text.size < CHUNK_BYTES) {
        char *row;
        size_t len;
        enum hangar_rc rc = pg_copy_next(reader->worker, -1, &row, &len);
        if (rc == HANGAR_EOF) {
            return end_settings_table(reader);
        }
        if (rc == HANGAR_OK) {
            rc = pg_count_rows(reader->worker, row, len, &reader->slice_rows, &reader->digest);
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
    switch (reader->stage) {
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
