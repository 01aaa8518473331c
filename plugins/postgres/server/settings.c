/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * settings.c: the settings of a session.
 */
#include "server/settings.h"

#include <stdio.h>
#include "server/quote.h"
#include "server/startup.h"
#include "server/statement.h"

struct pg_setting {
    const char *name, *value;
    bool quoted; /* in the text of the prelude */
};

/* After the encoding: what the text of rows is made with.  It was the prelude of format 1, too. */
static const struct pg_setting reading[] = {
    {"standard_conforming_strings", "on", false},
    {"DateStyle", "ISO, MDY", true},
    {"IntervalStyle", "postgres", true},
    {"TimeZone", "UTC", true},
    {"lc_monetary", "C", true},
    {"bytea_output", "hex", true},
    {"extra_float_digits", "3", false},
    {"xmloption", "content", true},
    {"search_path", "", true},
    {"row_security", "off", false},
    {"statement_timeout", "0", false},
    {"lock_timeout", "0", false},
    {"idle_in_transaction_session_timeout", "0", false},
    {"default_transaction_read_only", "off", false},
};
#define READING_COUNT (sizeof(reading) / sizeof(reading[0]))

/* After the encoding: what that text needs to be read back as the same values.  Its dates are ISO,
 * its times have their offset from UTC, its intervals a sign wherever one could be missed, and its
 * floats all digits: so the database's own DateStyle, TimeZone, IntervalStyle and the rest stay in
 * force for what the server computes while it loads, as with pg_restore. */
static const struct pg_setting loading[] = {
    {"standard_conforming_strings", "on", false},
    {"array_nulls", "on", false},
    {"lc_monetary", "C", true},
    {"xmloption", "content", true},
    {"search_path", "", true},
    {"row_security", "off", false},
    {"statement_timeout", "0", false},
    {"lock_timeout", "0", false},
    {"idle_in_transaction_session_timeout", "0", false},
    {"default_transaction_read_only", "off", false},
};
#define LOADING_COUNT (sizeof(loading) / sizeof(loading[0]))

void pg_add_prelude(struct text *text, int format, const char *encoding)
{
    const struct pg_setting *all = format == 1 ? reading : loading;
    const size_t count = format == 1 ? READING_COUNT : LOADING_COUNT;
    text_addf(text, "SET client_encoding = '%s';\n", encoding);
    for (size_t i = 0; i < count; i++) {
        const char *quote = all[i].quoted ? "'" : "";
        text_addf(text, "SET %s = %s%s%s;\n", all[i].name, quote, all[i].value, quote);
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

static void add_settings(struct text *sql, const struct pg_setting *all, size_t count,
                         const char *encoding)
{
    add_setting(sql, "client_encoding", encoding);
    for (size_t i = 0; i < count; i++) {
        add_setting(sql, all[i].name, all[i].value);
    }
}

enum hangar_rc pg_apply_prelude(struct pg_conn *conn, const char *encoding)
{
    struct text sql = {0};
    add_settings(&sql, loading, LOADING_COUNT, encoding);
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

/* The limits of time that the server ends a session by. */
static void add_no_limits(struct pg_conn *conn, struct text *sql)
{
    add_setting(sql, "client_min_messages", "warning");
    if (conn->version >= 140000) {
        add_setting(sql, "idle_session_timeout", "0");
    }
    if (conn->version >= 170000) {
        add_setting(sql, "transaction_timeout", "0");
    }
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
    char lock_timeout[24];
    add_settings(&sql, reading, READING_COUNT, database_encoding(conn));
    add_no_limits(conn, &sql);
    /* rows in the order of the heap, read by one process, without compiling the same small
     * condition for each slice */
    add_setting(&sql, "synchronize_seqscans", "off");
    add_setting(&sql, "max_parallel_workers_per_gather", "0");
    if (conn->version >= 110000) {
        add_setting(&sql, "jit", "off");
    }
    snprintf(lock_timeout, sizeof(lock_timeout), "%lld", (long long)conn->src->opt.lock_timeout_ms);
    add_setting(&sql, "lock_timeout", lock_timeout);
    enum hangar_rc rc = pg_command_text(conn, &sql);
    return rc == HANGAR_OK ? restrict_relations(conn) : rc;
}

enum hangar_rc pg_set_up_writer(struct pg_conn *conn)
{
    struct text sql = {0};
    add_settings(&sql, loading, LOADING_COUNT, database_encoding(conn));
    add_no_limits(conn, &sql);
    add_setting(&sql, "synchronous_commit", "off");
    return pg_command_text(conn, &sql);
}

enum hangar_rc pg_set_up_maintenance(struct pg_conn *conn)
{
    struct text sql = {0};
    add_setting(&sql, "client_encoding", "UTF8");
    add_setting(&sql, "synchronous_commit", "on");
    add_setting(&sql, "lock_timeout", "5s");
    add_no_limits(conn, &sql);
    return pg_command_text(conn, &sql);
}
