/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * settings.c: the settings of a session.
 */
#include "server/settings.h"

#include "server/statement.h"

void pg_add_prelude(struct text *text, const char *encoding)
{
    text_addf(text,
              "SET client_encoding = '%s';\n"
              "SET standard_conforming_strings = on;\n"
              "SET DateStyle = 'ISO, MDY';\n"
              "SET IntervalStyle = 'postgres';\n"
              "SET TimeZone = 'UTC';\n"
              "SET lc_monetary = 'C';\n"
              "SET bytea_output = 'hex';\n"
              "SET extra_float_digits = 3;\n"
              "SET xmloption = 'content';\n"
              "SET search_path = '';\n"
              "SET row_security = off;\n"
              "SET statement_timeout = 0;\n"
              "SET lock_timeout = 0;\n"
              "SET idle_in_transaction_session_timeout = 0;\n"
              "SET default_transaction_read_only = off;\n",
              encoding);
}

/* The prelude, in the encoding of the database, and settings that do not change data. */
static void add_common_settings(struct pg_conn *conn, struct text *sql)
{
    const char *encoding = PQparameterStatus(conn->pq, "server_encoding");
    pg_add_prelude(sql, encoding ? encoding : "SQL_ASCII");
    text_add(sql, "SET client_min_messages = warning;\n");
    if (conn->version >= 140000) {
        text_add(sql, "SET idle_session_timeout = 0;\n");
    }
    if (conn->version >= 170000) {
        text_add(sql, "SET transaction_timeout = 0;\n");
    }
}

enum hangar_rc pg_set_up_reader(struct pg_conn *conn)
{
    struct text sql = {0};
    add_common_settings(conn, &sql);
    /* rows in the order of the heap, read by one process, without compiling the same small
     * condition for each slice */
    text_add(&sql, "SET synchronize_seqscans = off;\nSET max_parallel_workers_per_gather = 0;\n");
    if (conn->version >= 110000) {
        text_add(&sql, "SET jit = off;\n");
    }
    text_addf(&sql, "SET lock_timeout = %lld;\n", (long long)conn->src->opt.lock_timeout_ms);
    return pg_command_text(conn, &sql);
}

enum hangar_rc pg_set_up_writer(struct pg_conn *conn)
{
    struct text sql = {0};
    add_common_settings(conn, &sql);
    text_add(&sql, "SET synchronous_commit = off;\n");
    return pg_command_text(conn, &sql);
}
