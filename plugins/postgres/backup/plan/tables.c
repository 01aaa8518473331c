/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tables: the list of the tables of a database.  It reads the catalog and nothing else.
 */
#include "backup/plan/tables.h"

#include <stdlib.h>
#include <string.h>
#include "server/sql/catalog.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/sql/quote.h"
#include "server/connection/statement.h"

/* Appends the condition of every pattern of an option, joined by OR; false: it has none. */
static bool add_pattern_conditions(struct pg_source *src, struct text *sql, const char *option,
                                   const char *schema, const char *table)
{
    const char *pattern;
    size_t i = 0;
    for (; (pattern = pg_selected(src, option, i)) != NULL; i++) {
        text_add(sql, i ? " OR " : "(");
        pg_add_match(sql, pattern, schema, table);
    }
    if (i) {
        text_add(sql, ")");
    }
    return i > 0;
}

void pg_add_selection(struct pg_source *src, struct text *sql, const char *schema,
                      const char *table)
{
    text_add(sql, "(");
    if (!add_pattern_conditions(src, sql, "include_tables", schema, table)) {
        text_add(sql, "true");
    }
    text_add(sql, " AND NOT ");
    if (!add_pattern_conditions(src, sql, "exclude_tables", schema, table)) {
        text_add(sql, "false");
    }
    text_add(sql, ")");
}

/* Ordinary and partitioned tables that pg_dump would dump: no tables of the system or of an
 * extension, and no temporary ones.  The recursion climbs from each leaf partition to its
 * root, to find the trees in which a table is partitioned by hash.  The partition of a row may
 * then depend on OIDs (the hash of an enum), so all rows of such a tree are loaded through its
 * root, which must itself be selected. */
static void add_list_query(struct pg_source *src, struct text *sql, bool standby)
{
    text_add(sql,
             "WITH RECURSIVE up(leaf, above, level) AS ("
             " SELECT i.inhrelid, i.inhparent, 1 FROM pg_inherits i"
             " JOIN pg_class c ON c.oid = i.inhrelid"
             " WHERE c.relispartition AND c.relkind = 'r'"
             " UNION ALL"
             " SELECT up.leaf, i.inhparent, up.level + 1 FROM up"
             " JOIN pg_class c ON c.oid = up.above AND c.relispartition"
             " JOIN pg_inherits i ON i.inhrelid = up.above),"
             " top AS (SELECT up.leaf, (array_agg(up.above ORDER BY up.level DESC))[1] AS oid,"
             " bool_or(p.partstrat = 'h') AS hashed"
             " FROM up JOIN pg_partitioned_table p ON p.partrelid = up.above GROUP BY up.leaf),"
             " root AS (SELECT top.leaf, top.oid FROM top JOIN pg_class c ON c.oid = top.oid"
             " JOIN pg_namespace n ON n.oid = c.relnamespace"
             " WHERE top.oid IN (SELECT t.oid FROM top t WHERE t.hashed) AND ");
    pg_add_selection(src, sql, "n.nspname", "c.relname");
    text_addf(sql, ") SELECT c.oid, n.nspname, c.relname, c.relkind = 'r'%s AND NOT ",
              standby ? " AND c.relpersistence <> 'u'" : "");
    if (!add_pattern_conditions(src, sql, "exclude_table_data", "n.nspname", "c.relname")) {
        text_add(sql, "false");
    }
    text_add(sql,
             ", coalesce(root.oid, 0) FROM pg_class c"
             " JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN root ON root.leaf = c.oid"
             " WHERE c.relkind IN ('r', 'p') AND " PG_IS_USER_RELATION
             " AND " PG_IS_NOT_OF_EXTENSION " AND ");
    pg_add_selection(src, sql, "n.nspname", "c.relname");
    text_add(sql, " ORDER BY c.oid");
}

/* Appends a text to the pool.  Returns its offset, which is less than TEXT_MAX, or PG_NONE
 * when memory runs out. */
static uint32_t add_to_pool(struct pg_list *list, const char *text)
{
    size_t at = list->pool.size;
    text_add_bytes(&list->pool, text, strlen(text) + 1);
    return list->pool.failed ? PG_NONE : (uint32_t)at;
}

const char *pg_pool(const struct pg_list *list, uint32_t offset)
{
    return list->pool.data + offset;
}

static uint32_t oid_column(const PGresult *res, int column)
{
    return (uint32_t)strtoul(PQgetvalue(res, 0, column), NULL, 10);
}

static bool is_true_column(const PGresult *res, int column)
{
    return PQgetvalue(res, 0, column)[0] == 't';
}

static enum hangar_rc add_table_row(void *arg, const PGresult *res)
{
    struct pg_list *list = arg;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity + list->capacity / 2 : 256;
        struct pg_table *items = realloc(list->items, capacity * sizeof(*items));
        if (!items) {
            return HANGAR_NO_MEMORY;
        }
        list->items = items;
        list->capacity = capacity;
    }
    struct pg_table *table = &list->items[list->count];
    *table = (struct pg_table){
        .oid = oid_column(res, 0),
        .schema = add_to_pool(list, PQgetvalue(res, 0, 1)),
        .name = add_to_pool(list, PQgetvalue(res, 0, 2)),
        .has_rows = is_true_column(res, 3),
        .root_oid = oid_column(res, 4),
        .columns = PG_NONE,
        .computed = PG_NONE,
        .target = (uint32_t)list->count,
        .sibling = PG_NONE,
    };
    if (table->schema == PG_NONE || table->name == PG_NONE) {
        return HANGAR_NO_MEMORY;
    }
    list->count++;
    list->copied += table->has_rows;
    return HANGAR_OK;
}

/* Asks the host for the memory that the list has grown by. */
static enum hangar_rc take_list_budget(struct pg_source *src, struct pg_list *list)
{
    size_t bytes = list->capacity * sizeof(*list->items) + list->pool.capacity;
    if (bytes <= list->budget || bytes <= 1024 * 1024) {
        return HANGAR_OK;
    }
    size_t more = bytes - list->budget;
    if (src->host->budget_take(src->ctx, more, more) != more) {
        return src->host->fail(
            src->ctx, HANGAR_NO_MEMORY, 0,
            "cannot list %zu tables: they need more memory than limits.memory allows; hint: "
            "raise limits.memory",
            list->count);
    }
    list->budget = bytes;
    return HANGAR_OK;
}

enum hangar_rc pg_list_tables(struct pg_conn *conn, const char *database, struct pg_list *list)
{
    PGresult *res = NULL;
    enum hangar_rc rc = pg_query(conn, "SELECT pg_is_in_recovery()", NULL, NULL, &res);
    if (rc != HANGAR_OK) {
        return pg_raise(conn->src, &conn->err, "cannot determine whether the server is a standby");
    }
    struct text sql = {0};
    add_list_query(conn->src, &sql, is_true_column(res, 0));
    PQclear(res);
    if (sql.failed) {
        rc = pg_no_memory(conn->src);
    } else if (pg_each_row(conn, text_str(&sql), add_table_row, list) != HANGAR_OK) {
        rc = pg_raise(conn->src, &conn->err, "cannot list the tables of database %s", database);
    }
    text_free(&sql);
    return rc == HANGAR_OK ? take_list_budget(conn->src, list) : rc;
}

void pg_list_free(struct pg_source *src, struct pg_list *list)
{
    free(list->items);
    text_free(&list->pool);
    if (list->budget) {
        src->host->budget_give(src->ctx, list->budget);
    }
    *list = (struct pg_list){0};
}

static int compare_oid(const void *key, const void *item)
{
    uint32_t oid = *(const uint32_t *)key, other = ((const struct pg_table *)item)->oid;
    return oid < other ? -1 : oid > other;
}

struct pg_table *pg_list_find(const struct pg_list *list, uint32_t oid)
{
    return list->count ? bsearch(&oid, list->items, list->count, sizeof(*list->items), compare_oid)
                       : NULL;
}

static enum hangar_rc add_detail_row(void *arg, const PGresult *res)
{
    struct pg_list *list = arg;
    struct pg_table *table = pg_list_find(list, oid_column(res, 0));
    if (!table) {
        return HANGAR_OK;
    }
    table->heap_bytes = strtoull(PQgetvalue(res, 0, 1), NULL, 10);
    table->toast_bytes = strtoull(PQgetvalue(res, 0, 2), NULL, 10);
    table->is_heap = is_true_column(res, 3);
    if (PQgetisnull(res, 0, 4)) {
        return HANGAR_OK;
    }
    table->columns = add_to_pool(list, PQgetvalue(res, 0, 4));
    table->computed_count = oid_column(res, 6);
    if (table->computed_count) {
        table->computed = add_to_pool(list, PQgetvalue(res, 0, 5));
    }
    return table->columns == PG_NONE || (table->computed_count && table->computed == PG_NONE)
               ? HANGAR_NO_MEMORY
               : HANGAR_OK;
}

enum hangar_rc pg_list_details(struct pg_conn *conn, const char *database, struct pg_list *list)
{
    struct text sql = {0};
    int version = conn->version;
    /* they are read by a SELECT, too */
    const char *generated =
        version >= 120000 && conn->restricts ? " AND a.attgenerated = 's'" : " AND false";
    text_addf(
        &sql,
        "SELECT c.oid, CASE c.relkind WHEN 'r' THEN pg_relation_size(c.oid) ELSE 0 END,"
        " coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0), %s,"
        " " PG_COPY_COLUMNS_FORMAT ", " PG_COPY_COLUMNS_FORMAT ", (SELECT count(*) FROM"
        " pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped%s)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND " PG_IS_USER_RELATION,
        /* before version 14 a condition on ctid reads the whole table; and a slice is read by a
         * SELECT, which a view could take the place of: COPY of a name refuses views */
        version >= 140000 && conn->restricts
            ? "c.relam = (SELECT oid FROM pg_am WHERE amname = 'heap')"
            : "false",
        PG_NOT_GENERATED(version), generated, generated);
    enum hangar_rc rc = HANGAR_OK;
    if (sql.failed) {
        rc = pg_no_memory(conn->src);
    } else if (pg_each_row(conn, text_str(&sql), add_detail_row, list) != HANGAR_OK) {
        rc = pg_raise(conn->src, &conn->err, "cannot read the columns of database %s", database);
    }
    text_free(&sql);
    return rc == HANGAR_OK ? take_list_budget(conn->src, list) : rc;
}

bool pg_list_covered(const struct pg_list *now, const struct pg_list *locked)
{
    for (size_t i = 0; i < now->count; i++) {
        const struct pg_table *a = &now->items[i], *b = pg_list_find(locked, a->oid);
        if (!b || strcmp(pg_pool(now, a->name), pg_pool(locked, b->name)) != 0 ||
            strcmp(pg_pool(now, a->schema), pg_pool(locked, b->schema)) != 0) {
            return false;
        }
    }
    return true;
}

void pg_add_table(struct text *text, const struct pg_list *list, uint32_t table)
{
    pg_add_ident(text, pg_pool(list, list->items[table].schema));
    text_add(text, ".");
    pg_add_ident(text, pg_pool(list, list->items[table].name));
}
