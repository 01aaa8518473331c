/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * settings: the settings of a session.
 */
#include "server/connection/settings.h"

#include <stdio.h>
#include "server/sql/quote.h"
#include "server/connection/startup.h"
#include "server/connection/statement.h"

enum { READS = 1, LOADS = 2 };

/* The settings of sessions with rows, in the order in which they stand at the head of an object,
 * after the encoding.
 *
 * READS: the text of rows is made with these; the head of format 1 had them, too.
 * LOADS: that text needs these to be read back as the same values.  Its dates are ISO, its times
 * have their offset from UTC, its intervals a sign wherever one could be missed, and its floats all
 * digits: so the database's own DateStyle, TimeZone, IntervalStyle and the rest stay in force for
 * what the server computes while it loads, as with pg_restore. */
static const struct pg_setting {
    const char *name, *value;
    bool quoted; /* in the text of the head */
    int uses;
} row_settings[] = {
    {"standard_conforming_strings", "on", false, READS | LOADS},
    {"array_nulls", "on", false, LOADS},
    {"DateStyle", "ISO, MDY", true, READS},
    {"IntervalStyle", "postgres", true, READS},
    {"TimeZone", "UTC", true, READS},
    {"lc_monetary", "C", true, READS | LOADS},
    {"bytea_output", "hex", true, READS},
    {"extra_float_digits", "3", false, READS},
    {"xmloption", "content", true, READS | LOADS},
    {"search_path", "", true, READS | LOADS},
    {"row_security", "off", false, READS | LOADS},
    {"statement_timeout", "0", false, READS | LOADS},
    {"lock_timeout", "0", false, READS | LOADS},
    {"idle_in_transaction_session_timeout", "0", false, READS | LOADS},
    {"default_transaction_read_only", "off", false, READS | LOADS},
};
#define ROW_SETTINGS (sizeof(row_settings) / sizeof(row_settings[0]))

void pg_add_prelude(struct text *text, int format, const char *encoding)
{
    const int use = format == 1 ? READS : LOADS;
    text_addf(text, "SET client_encoding = '%s';\n", encoding);
    for (size_t i = 0; i < ROW_SETTINGS; i++) {
        const struct pg_setting *one = &row_settings[i];
        const char *quote = one->quoted ? "'" : "";
        if (one->uses & use) {
            text_addf(text, "SET %s = %s%s%s;\n", one->name, quote, one->value, quote);
        }
    }
}

/* Appends a setting to a SELECT that makes several of them. */
static void add_setting(struct text *sql, const char *name, const char *value)
{
    text_add(sql, sql->size ? ", pg_catalog.set_config(" : "SELECT pg_catalog.set_config(");
    pg_add_literal(sql, name);
    text_add(sql, ", ");
    pg_add_literal(sql, value);
    text_add(sql, ", false)");
}

static void add_row_settings(struct text *sql, int use, const char *encoding)
{
    add_setting(sql, "client_encoding", encoding);
    for (size_t i = 0; i < ROW_SETTINGS; i++) {
        if (row_settings[i].uses & use) {
            add_setting(sql, row_settings[i].name, row_settings[i].value);
        }
    }
}

enum hangar_rc pg_apply_prelude(struct pg_conn *conn, const char *encoding)
{
    struct text sql = {0};
    add_row_settings(&sql, LOADS, encoding);
    return pg_command_text(conn, &sql);
}

enum hangar_rc pg_set(struct pg_conn *conn, const char *name, const char *value)
{
    PGresult *res;
    enum hangar_rc rc =
        pg_query(conn, "SELECT pg_catalog.set_config($1, $2, false)", name, value, &res);
    if (rc == HANGAR_OK) {
        PQclear(res);
    }
    return rc;
}

static const char *database_encoding(const struct pg_conn *conn)
{
    const char *encoding = PQparameterStatus(conn->pq, "server_encoding");
    return encoding ? encoding : "SQL_ASCII";
}

/* A server without this setting is older than August 2024. */
static enum hangar_rc restrict_relations(struct pg_conn *conn)
{
    PGresult *res;
    enum hangar_rc rc = pg_query(conn,
                                 "SELECT pg_catalog.set_config(name, $2, false)"
                                 " FROM pg_catalog.pg_settings WHERE name = $1",
                                 PG_RESTRICT_SETTING, PG_RESTRICT_VALUE, &res);
    if (rc == HANGAR_OK) {
        conn->restricts = PQntuples(res) == 1;
        PQclear(res);
    }
    return rc;
}

enum hangar_rc pg_set_up_reader(struct pg_conn *conn)
{
    struct text sql = {0};
    add_row_settings(&sql, READS, database_encoding(conn));
    add_setting(&sql, "client_min_messages", "warning");
    /* rows in the order of the heap, read by one process, without compiling the same small
     * condition for each slice */
    add_setting(&sql, "synchronize_seqscans", "off");
    add_setting(&sql, "max_parallel_workers_per_gather", "0");
    if (conn->version >= 110000) {
        add_setting(&sql, "jit", "off");
    }
    char lock_timeout[24];
    snprintf(lock_timeout, sizeof(lock_timeout), "%lld", (long long)conn->src->opt.lock_timeout_ms);
    add_setting(&sql, "lock_timeout", lock_timeout);
    enum hangar_rc rc = pg_command_text(conn, &sql);
    return rc == HANGAR_OK ? restrict_relations(conn) : rc;
}

enum hangar_rc pg_set_up_writer(struct pg_conn *conn)
{
    struct text sql = {0};
    add_row_settings(&sql, LOADS, database_encoding(conn));
    add_setting(&sql, "client_min_messages", "warning");
    add_setting(&sql, "synchronous_commit", "off");
    return pg_command_text(conn, &sql);
}

enum hangar_rc pg_set_up_maintenance(struct pg_conn *conn)
{
    struct text sql = {0};
    add_setting(&sql, "client_encoding", "UTF8");
    add_setting(&sql, "synchronous_commit", "on");
    add_setting(&sql, "lock_timeout", "5s");
    add_setting(&sql, "client_min_messages", "warning");
    return pg_command_text(conn, &sql);
}
