/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * patterns: see patterns.h.
 */
#include "backup/checks/patterns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "server/sql/catalog.h"
#include "server/sql/quote.h"
#include "text.h"

static const char *const pattern_options[] = {"include_tables", "exclude_tables",
                                              "exclude_table_data", NULL};

/* Calls `each` for every pattern, with its place in patterns->matched. */
static enum hangar_rc each_pattern(struct pg_source *src,
                                   enum hangar_rc (*each)(void *arg, const char *option,
                                                          const char *pattern, size_t place),
                                   void *arg)
{
    size_t place = 0;
    for (size_t o = 0; pattern_options[o]; o++) {
        const char *pattern;
        for (size_t i = 0; (pattern = pg_selected(src, pattern_options[o], i)) != NULL; i++) {
            enum hangar_rc rc = each(arg, pattern_options[o], pattern, place++);
            if (rc != HANGAR_OK) {
                return rc;
            }
        }
    }
    return HANGAR_OK;
}

static enum hangar_rc count_pattern(void *arg, const char *option, const char *pattern,
                                    size_t place)
{
    (void)option, (void)pattern;
    *(size_t *)arg = place + 1;
    return HANGAR_OK;
}

struct pattern_search {
    struct pg_conn *conn;
    const char *database;
    struct pg_patterns *patterns;
};

/* Views, sequences and foreign tables count, too: pg_dump applies the patterns to them. */
static enum hangar_rc match_pattern(void *arg, const char *option, const char *pattern,
                                    size_t place)
{
    struct pattern_search *search = arg;
    struct pg_source *src = search->conn->src;
    PGresult *res;
    (void)option;
    if (search->patterns->matched[place]) {
        return HANGAR_OK;
    }
    struct text sql = {0};
    text_add(&sql, "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n"
                   " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"
                   " AND " PG_IS_USER_RELATION " AND ");
    pg_add_match(&sql, pattern, "n.nspname", "c.relname");
    text_add(&sql, ")");
    enum hangar_rc rc = sql.failed ? pg_no_memory(src) : HANGAR_OK;
    if (rc == HANGAR_OK && pg_query(search->conn, text_str(&sql), NULL, NULL, &res) != HANGAR_OK) {
        rc = pg_raise(src, &search->conn->err, "cannot apply the pattern %s to database %s",
                      pattern, search->database);
    } else if (rc == HANGAR_OK) {
        search->patterns->matched[place] = PQgetvalue(res, 0, 0)[0] == 't';
        PQclear(res);
    }
    text_free(&sql);
    return rc;
}

enum hangar_rc pg_patterns_match(struct pg_conn *conn, const char *database,
                                 struct pg_patterns *patterns)
{
    struct pattern_search search = {conn, database, patterns};
    if (!patterns->matched) {
        each_pattern(conn->src, count_pattern, &patterns->count);
        patterns->matched = calloc(patterns->count + 1, sizeof(*patterns->matched));
        if (!patterns->matched) {
            return pg_no_memory(conn->src);
        }
    }
    return each_pattern(conn->src, match_pattern, &search);
}

struct pattern_verdict {
    struct pg_source *src;
    const struct pg_patterns *patterns;
};

static enum hangar_rc refuse_pattern(void *arg, const char *option, const char *pattern,
                                     size_t place)
{
    const struct pattern_verdict *v = arg;
    if (place >= v->patterns->count || v->patterns->matched[place] ||
        strspn(pattern, "*?.") == strlen(pattern)) {
        return HANGAR_OK;
    }
    return v->src->host->fail_option(
        v->src->ctx, option,
        "\"%s\" matches no table of database%s %s%s; hint: correct it or remove it: SCHEMA.TABLE, "
        "or TABLE in any schema, with * and ?, in upper and lower case as in the database",
        pattern, v->src->database_count > 1 ? "s" : "", v->src->databases[0],
        v->src->database_count > 1 ? " and the others" : "");
}

enum hangar_rc pg_patterns_refuse_unmatched(struct pg_source *src,
                                            const struct pg_patterns *patterns)
{
    struct pattern_verdict verdict = {src, patterns};
    return each_pattern(src, refuse_pattern, &verdict);
}

void pg_patterns_set(struct pg_source *src, struct hangar_attrs *facts)
{
    for (size_t o = 0; pattern_options[o]; o++) {
        const char *pattern;
        for (size_t i = 0; (pattern = pg_selected(src, pattern_options[o], i)) != NULL; i++) {
            char name[64];
            snprintf(name, sizeof(name), "%s.%zu", pattern_options[o], i);
            src->host->attr_set(facts, name, pattern);
        }
    }
}

void pg_patterns_free(struct pg_patterns *patterns)
{
    free(patterns->matched);
    *patterns = (struct pg_patterns){0};
}
