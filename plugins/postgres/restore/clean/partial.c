/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * partial: see partial.h.  The facts of a backup name its patterns (backup/checks/patterns.c); what
 * they left out of the backed up database, they leave out of the one that is to be replaced.
 */
#include "restore/clean/partial.h"

#include <stdio.h>
#include <stdlib.h>
#include "restore/target/restore_state.h"
#include "server/sql/catalog.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/sql/quote.h"

#define NAMED 5 /* so many are named in the message */

/* Appends a condition on pg_class c and pg_namespace n: that a pattern of the option matches;
 * false: the backup was made without this option. */
static bool add_matches(const struct pg_source *src, struct text *sql, const char *option)
{
    for (size_t i = 0;; i++) {
        char fact[64];
        snprintf(fact, sizeof(fact), "%s.%zu", option, i);
        const char *pattern = src->host->attr_get(src->restore->how->facts, fact);
        if (!pattern) {
            text_add(sql, i ? ")" : "false");
            return i > 0;
        }
        text_add(sql, i ? " OR " : "(");
        pg_add_match(sql, pattern, "n.nspname", "c.relname");
    }
}

/* Sequences of columns go with their tables. */
static void add_relations(struct text *sql, const char *format)
{
    text_addf(sql,
              "SELECT pg_catalog.format('%s', n.nspname, c.relname) AS what FROM pg_class c"
              " JOIN pg_namespace n ON n.oid = c.relnamespace"
              " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND " PG_IS_USER_RELATION
              " AND " PG_IS_NOT_OF_EXTENSION " AND NOT EXISTS (SELECT FROM pg_depend o"
              " WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid"
              " AND o.deptype IN ('a', 'i') AND c.relkind = 'S') AND ",
              format);
}

/* A backup with include_tables has no functions and no types, other than those of the tables. */
static const char others_query[] =
    " UNION ALL SELECT pg_catalog.format('function %I.%I', n.nspname, p.proname) FROM pg_proc p"
    " JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^pg_'"
    " AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend ext"
    " WHERE ext.classid = 'pg_proc'::regclass AND ext.objid = p.oid AND ext.deptype = 'e')"
    " UNION ALL SELECT pg_catalog.format('type %I.%I', n.nspname, t.typname) FROM pg_type t"
    " JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('d', 'e', 'r')"
    " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM"
    " pg_depend ext WHERE ext.classid = 'pg_type'::regclass AND ext.objid = t.oid"
    " AND ext.deptype = 'e')";

/* Adds the query for what options left out of the backup of this database; false: nothing was. */
static bool add_lost_query(const struct pg_source *src, struct text *sql)
{
    struct text included = {0}, excluded = {0}, without_rows = {0};
    bool only = add_matches(src, &included, "include_tables");
    bool all_but = add_matches(src, &excluded, "exclude_tables");
    bool no_rows = add_matches(src, &without_rows, "exclude_table_data");
    add_relations(sql, "%I.%I");
    text_addf(sql, "(%s OR NOT %s)", text_str(&excluded), only ? text_str(&included) : "true");
    text_add(sql, only ? others_query : "");
    text_add(sql, " UNION ALL ");
    add_relations(sql, "the rows of %I.%I");
    text_addf(sql, "%s AND NOT %s AND %s AND pg_relation_size(c.oid) > 0", text_str(&without_rows),
              text_str(&excluded), only ? text_str(&included) : "true");
    sql->failed |= included.failed || excluded.failed || without_rows.failed;
    text_free(&included);
    text_free(&excluded);
    text_free(&without_rows);
    return only || all_but || no_rows;
}

enum hangar_rc pg_partial_refuse(struct pg_target *target, struct pg_conn *conn)
{
    struct pg_source *src = target->src;
    struct text sql = {0};
    PGresult *res = NULL;
    text_addf(&sql,
              "SELECT count(*), string_agg(what, ', ') FILTER (WHERE place <= %d) FROM"
              " (SELECT what, row_number() OVER (ORDER BY what) AS place FROM (",
              NAMED);
    bool partial = add_lost_query(src, &sql);
    text_add(&sql, ") l) m");
    enum hangar_rc rc = sql.failed ? pg_no_memory(src) : HANGAR_OK;
    if (rc == HANGAR_OK && partial && !src->opt.replace_partial &&
        pg_query(conn, text_str(&sql), NULL, NULL, &res) != HANGAR_OK) {
        rc = pg_raise(src, &conn->err, "cannot list what database %s has and the backup does not",
                      target->name);
    }
    text_free(&sql);
    unsigned long count = res && rc == HANGAR_OK ? strtoul(PQgetvalue(res, 0, 0), NULL, 10) : 0;
    if (count) {
        char more[32] = "";
        const char *name = src->host->instance_name(src->ctx);
        if (count > NAMED) {
            snprintf(more, sizeof(more), " and %lu more", count - NAMED);
        }
        rc = src->host->fail(
            src->ctx, HANGAR_EXISTS, 0,
            "cannot replace database %s on %s: the backup was made without a part of it, and "
            "the restore would remove %s%s; hint: restore into another database with --set "
            "%s.database=NAME and take the tables from there, or allow it with --set "
            "%s.replace_partial=true",
            target->name, pg_where(src), PQgetvalue(res, 0, 1), more, name, name);
    }
    PQclear(res);
    return rc;
}
