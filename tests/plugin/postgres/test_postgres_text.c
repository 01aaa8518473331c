/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * text: what the postgres plugin writes into statements and scripts, and what it lets a server
 * write into them.
 */
#include "backup/plan/globals_text.h"
#include "restore/roles/globals_in.h"
#include "server/sql/grammar.h"
#include "server/sql/quote.h"
#include "server/programs/tolerated.h"
#include "suite.h"

static const char *setting_value(const char *setting, const char *value)
{
    static struct text text;
    text_clear(&text);
    pg_add_setting_value(&text, setting, value);
    return text_str(&text);
}

START_TEST(a_list_of_names_is_quoted_name_by_name)
{
    static const char *const cases[][2] = {
        {"public", "'public'"},
        {"\"$user\", public", "'$user', 'public'"},
        {"\"a\"\"b\",c", "'a\"b', 'c'"},
        {"\"it's\"", "'it''s'"},
        {"\"a, b\" , \"\"", "'a, b', ''"},
        {"", "''"},
        {"a;ALTER/**/ROLE/**/x/**/SUPERUSER", "'a;ALTER/**/ROLE/**/x/**/SUPERUSER'"},
        /* what is not a list is one literal */
        {"a; ALTER ROLE x SUPERUSER", "'a; ALTER ROLE x SUPERUSER'"},
        {"\"a", "'\"a'"},
        {"a,", "'a,'"},
        {"a b", "'a b'"},
        {"', x; --", "''', x; --'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_str_eq(setting_value("Search_Path", cases[i][0]), cases[i][1]);
        ck_assert_str_eq(setting_value("temp_tablespaces", cases[i][0]), cases[i][1]);
    }
    ck_assert_str_eq(setting_value("datestyle", "ISO, MDY"), "'ISO, MDY'");
    ck_assert_str_eq(setting_value("my.key", "a', 'b"), "'a'', ''b'");
}
END_TEST

START_TEST(a_word_for_the_shell_stays_in_its_line)
{
    static const char *const cases[][2] = {
        {"shop", "shop"},       {"", "''"},
        {"it's", "'it'\\''s'"}, {"$(x)\\", "'$(x)\\'"},
        {"a\nb", "$'a\\012b'"}, {"a\n'\\\x1b", "$'a\\012\\'\\\\\\033'"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text text = {0};
        pg_add_shell(&text, cases[i][0]);
        ck_assert_str_eq(text_str(&text), cases[i][1]);
        text_free(&text);
    }
}
END_TEST

START_TEST(rows_have_the_form_of_copy)
{
    static const char *const good[] = {"",          "1\ttwo",    "\\N\t\\\\.", "\\b\\f\\n\\r\\t\\v",
                                       "a\x01\x7f", "\\\\x00ff", "\xc3\xb6"};
    static const char *const bad[] = {"\\.",   "\\! id", "a\\",    "a\r",   "a\nb",
                                      "\\x41", "\\101",  "\\copy", "a\t\\."};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(pg_is_row(good[i], strlen(good[i])), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!pg_is_row(bad[i], strlen(bad[i])), "%s", bad[i]);
    }
    ck_assert(!pg_is_row("a\0b", 3));
    ck_assert(pg_is_column_list("\"a\", \"b\"\"c\""));
    ck_assert(!pg_is_column_list(""));
    ck_assert(!pg_is_column_list("\"a\" "));
    ck_assert(!pg_is_column_list("1) TO PROGRAM 'id' --"));
    ck_assert(!pg_is_column_list("\"a\", b"));
}
END_TEST

/* Whether the text passes, cut into pieces of any size. */
static bool globals_pass(const char *sql)
{
    bool passes = false;
    for (size_t step = 1; step <= strlen(sql); step++) {
        struct pg_globals_text text = {0};
        bool good = true;
        for (size_t at = 0; at < strlen(sql); at += step) {
            size_t left = strlen(sql) - at;
            good &= pg_globals_text_add(&text, sql + at, step < left ? step : left);
        }
        good &= pg_globals_text_ends(&text);
        ck_assert_msg(step == 1 || good == passes, "%s", sql);
        passes = good;
    }
    return passes;
}

START_TEST(globals_hold_no_command_of_psql)
{
    static const char *const good[] = {
        "--\n-- Roles: \\! in a comment\n--\n\\restrict aB3\nCREATE ROLE a;\n\\unrestrict aB3\n",
        "COMMENT ON ROLE a IS 'it''s \\! : $x$ /* --';\n",
        "COMMENT ON ROLE a IS E'a\\\\b\\'c';\nALTER ROLE \"x\\! '\"\"y\" SET a TO 'b';\n",
        "ALTER ROLE a SET search_path TO E'a\\\\b', 'c', E'd''e\\'';\nALTER ROLE a SET b TO 'c';\n",
        "CREATE ROLE \"with\nline \\!\";\n",
        "ALTER ROLE a WITH PASSWORD 'SCRAM-SHA-256$4096:a==$b=:c=';\n",
    };
    static const char *const bad[] = {
        "-- Role x\n\\! id\n",
        "\\! id\n",
        "CREATE ROLE a; \\! id\n",
        "CREATE ROLE a \\restrict x\n",
        "\\restrict a b\n",
        "\\restrict `id`\n",
        "\\restrict \n",
        "-- x\r\\! id\n",
        "CREATE ROLE a$x$ ' $x$ \\! id\n'",
        "/* ' */ \\! id\n'",
        "ALTER ROLE a SET b TO :'c';\n",
        "COMMENT ON ROLE a IS E'x\\' \\! id\n",
        "COMMENT ON ROLE a IS aE'x\\' \\! id\n';",
        "COMMENT ON ROLE a IS E'x'\n'\\' ' \\! id\n';",
        "COMMENT ON ROLE a IS E'x' -- y\n'\\' ' \\! id\n';",
        "COMMENT ON ROLE a IS 'open",
        "\\restrict abc",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(globals_pass(good[i]), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!globals_pass(bad[i]), "%s", bad[i]);
    }
}
END_TEST

START_TEST(statements_of_globals_name_whom_they_concern)
{
    static const struct {
        const char *sql;
        enum pg_global_kind kind;
        const char *name, *other, *grantor;
    } cases[] = {
        {"SET client_encoding = 'UTF8'", PG_GLOBAL_SETTING, "", "", ""},
        {"CREATE ROLE \"a\"\"; b\"", PG_GLOBAL_CREATE_ROLE, "a\"; b", "", ""},
        {"ALTER ROLE a WITH LOGIN", PG_GLOBAL_ATTRIBUTES, "a", "", ""},
        {"ALTER ROLE a SET b TO ' WITH;'", PG_GLOBAL_OF_ROLE, "a", "", ""},
        {"COMMENT ON ROLE \"with\" IS E'\\';'", PG_GLOBAL_OF_ROLE, "with", "", ""},
        {"SECURITY LABEL FOR \"x ON ROLE y\" ON ROLE a IS 'l'", PG_GLOBAL_OF_ROLE, "a", "", ""},
        {"GRANT a TO b", PG_GLOBAL_MEMBERSHIP, "a", "b", ""},
        {"GRANT set TO b WITH ADMIN OPTION, SET FALSE GRANTED BY \"c d\"", PG_GLOBAL_MEMBERSHIP,
         "set", "b", "c d"},
        {"GRANT SET, ALTER SYSTEM ON PARAMETER \"x TO y\" TO b WITH GRANT OPTION", PG_GLOBAL_RIGHT,
         "", "b", ""},
        {"GRANT ALL ON PARAMETER x.y TO PUBLIC", PG_GLOBAL_RIGHT, "", "", ""},
        {"REVOKE ALL ON TABLESPACE t FROM \"PUBLIC\"", PG_GLOBAL_TABLESPACE_RIGHT, "t", "PUBLIC",
         ""},
        {"SET SESSION AUTHORIZATION g", PG_GLOBAL_BECOME, "g", "", ""},
        {"RESET SESSION AUTHORIZATION", PG_GLOBAL_RESET, "", "", ""},
        {"CREATE TABLESPACE t OWNER a LOCATION '/x'", PG_GLOBAL_CREATE_TABLESPACE, "t", "", ""},
        {"SECURITY LABEL FOR x ON TABLESPACE t IS 'l'", PG_GLOBAL_OF_TABLESPACE, "t", "", ""},
        {"GRANT SELECT ON t TO b", PG_GLOBAL_UNKNOWN, "", "", ""},
        {"DROP ROLE a", PG_GLOBAL_UNKNOWN, "", "", ""},
    };
    struct pg_global global = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char file[200];
        snprintf(file, sizeof(file), "-- a;b\n\\restrict x\n%s;\nRESET x;\n", cases[i].sql);
        struct pg_globals_reader in = {.at = file, .end = file + strlen(file)};
        ck_assert(pg_global_next(&in, &global));
        ck_assert_mem_eq(global.text, cases[i].sql, global.size);
        ck_assert_uint_eq(global.size, strlen(cases[i].sql));
        ck_assert_msg(global.kind == cases[i].kind, "%s: %d", cases[i].sql, global.kind);
        if (cases[i].kind != PG_GLOBAL_UNKNOWN) {
            ck_assert_str_eq(text_str(&global.name), cases[i].name);
            ck_assert_str_eq(text_str(&global.other), cases[i].other);
            ck_assert_str_eq(text_str(&global.grantor), cases[i].grantor);
        }
        ck_assert(pg_global_next(&in, &global) && !pg_global_next(&in, &global));
    }
    pg_global_free(&global);
}
END_TEST

/* To name an attribute needs a right, even one that a new role has anyway. */
START_TEST(a_new_role_gets_the_attributes_that_it_lacks)
{
    static const char *const cases[][2] = {
        {"ALTER ROLE a WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION "
         "NOBYPASSRLS",
         ""},
        {"ALTER ROLE a WITH SUPERUSER NOINHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS",
         " SUPERUSER NOINHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS"},
        {"ALTER ROLE a WITH NOSUPERUSER LOGIN NOBYPASSRLS CONNECTION LIMIT 3 PASSWORD 'NOLOGIN "
         "INHERIT' VALID UNTIL 'x'",
         " LOGIN CONNECTION LIMIT 3 PASSWORD 'NOLOGIN INHERIT' VALID UNTIL 'x'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text file = {0}, text = {0};
        text_addf(&file, "%s;", cases[i][0]);
        struct pg_globals_reader in = {.at = text_str(&file), .end = text_str(&file) + file.size};
        struct pg_global global = {0};
        ck_assert(pg_global_next(&in, &global));
        pg_global_add_attributes(&text, &global);
        ck_assert_str_eq(text_str(&text), cases[i][1]);
        pg_global_free(&global);
        text_free(&text);
        text_free(&file);
    }
}
END_TEST

static void collect_rest(void *arg, const char *data, size_t size)
{
    strncat(arg, data, size);
}

/* Fed byte by byte, and in one piece. */
static bool postgres_text_tolerates(const char *text, char rest[1024])
{
    bool only[2];
    for (size_t i = 0; i < 2; i++) {
        struct pg_tolerated_errors tolerated = {0};
        size_t size = strlen(text), step = i ? size : 1;
        rest[0] = '\0';
        for (size_t at = 0; at < size; at += step) {
            pg_tolerated_add(&tolerated, text + at, step, collect_rest, rest);
        }
        only[i] = pg_tolerated_only(&tolerated, collect_rest, rest);
    }
    ck_assert(only[0] == only[1]);
    return only[0];
}

#define QUERY_ERROR "pg_restore: error: could not execute query: ERROR:  "
#define LIMIT_ERROR                                                                                \
    QUERY_ERROR "unrecognized configuration parameter \"transaction_timeout\"\n"                   \
                "Command was: SET transaction_timeout = 0;\n\n\n"
#define SUMMARY "pg_restore: warning: errors ignored on restore: 1\n"

START_TEST(only_a_limit_that_the_server_lacks_is_tolerated)
{
    static const char *const good[] = {
        LIMIT_ERROR SUMMARY,
        LIMIT_ERROR LIMIT_ERROR SUMMARY,
        LIMIT_ERROR "pg_restore: WARNING:  harmless\n" SUMMARY,
        "pg_restore: error: could not execute query: FEHLER:  Parameter »transaction_timeout«\n"
        "Command was: SET transaction_timeout = 0;\n\n\n" SUMMARY,
    };
    static const char *const bad[] = {
        "",
        LIMIT_ERROR,
        SUMMARY "x\n",
        LIMIT_ERROR QUERY_ERROR "no\nCommand was: CREATE INDEX i;\n\n" SUMMARY,
        LIMIT_ERROR "pg_restore: error: connection lost\n" SUMMARY,
        QUERY_ERROR "a_timeout\nCommand was: SET a = 0;\n\n" SUMMARY,
        QUERY_ERROR "a_timeout\nCommand was: SET _timeout = 0;\n\n" SUMMARY,
        QUERY_ERROR "a_timeout\nCommand was: SET a_timeout = 0; DROP TABLE t;\n\n" SUMMARY,
        QUERY_ERROR "a_timeout\n" SUMMARY,
        QUERY_ERROR "a_timeout\nCommand was: SELECT 'x\n" LIMIT_ERROR "';\n\n" SUMMARY,
        /* the text of the server imitates that of hangar */
        (QUERY_ERROR
         "x_timeout\nCommand was: SET x_timeout = 0;\nCommand was: SELECT f();\n" SUMMARY),
        ("pg_restore: error: COPY failed: x_timeout\nCommand was: SET x_timeout = 0;\n" SUMMARY),
    };
    char rest[1024];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(postgres_text_tolerates(good[i], rest), "%s", good[i]);
        ck_assert_msg(!strstr(rest, "timeout") && !strstr(rest, "ignored"), "%s", rest);
    }
    ck_assert(postgres_text_tolerates(good[2], rest));
    ck_assert_str_eq(rest, "pg_restore: WARNING:  harmless\n");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!postgres_text_tolerates(bad[i], rest), "%s", bad[i]);
    }
    postgres_text_tolerates(bad[3], rest);
    ck_assert_str_eq(rest, QUERY_ERROR "no\nCommand was: CREATE INDEX i;\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_list_of_names_is_quoted_name_by_name,
        a_word_for_the_shell_stays_in_its_line,
        rows_have_the_form_of_copy,
        globals_hold_no_command_of_psql,
        statements_of_globals_name_whom_they_concern,
        a_new_role_gets_the_attributes_that_it_lacks,
        only_a_limit_that_the_server_lacks_is_tolerated,
    };
    return SUITE_RUN("postgres/text", tests, NULL, NULL);
}
