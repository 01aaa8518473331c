/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tables.c: the list of tables of a database, kept compact, and the plan that
 * makes objects of them.  It reads the catalog and nothing else.
 */
#include <stdlib.h>
#include <string.h>
#include "backup/backup.h"

#define TABLE_COST (256u * 1024) /* what opening a small table is worth, in bytes */
/* A table that fits is not cut just to have more objects: its rows come back in the
 * order in which they lay. */
#define SMALLEST_OBJECT (64u * 1024 * 1024)

/* ---- the list -------------------------------------------------------------------- */

/* Names `condition` for every pattern of an option, joined by OR. */
static bool add_patterns(struct pg_source *src, struct text *sql, const char *option,
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
    if (!add_patterns(src, sql, "include_tables", schema, table)) {
        text_add(sql, "true");
    }
    text_add(sql, " AND NOT ");
    if (!add_patterns(src, sql, "exclude_tables", schema, table)) {
        text_add(sql, "false");
    }
    text_add(sql, ")");
}

/*
 * Ordinary and partitioned tables that pg_dump would dump: none of the system's,
 * no temporary ones, and none that belong to an extension.  The recursion climbs
 * from each leaf partition to the top, to find those trees in which something is
 * partitioned by hash: where a row belongs there may depend on OIDs (the hash of an
 * enum), so all rows of such a tree are loaded through its root, which must itself
 * be selected.
 */
static void add_list_query(struct pg_db *db, struct text *sql, bool standby)
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
    pg_add_selection(db->src, sql, "n.nspname", "c.relname");
    text_addf(sql, ") SELECT c.oid, n.nspname, c.relname, c.relkind = 'r'%s AND NOT ",
              standby ? " AND c.relpersistence <> 'u'" : "");
    if (!add_patterns(db->src, sql, "exclude_table_data", "n.nspname", "c.relname")) {
        text_add(sql, "false");
    }
    text_add(sql,
             ", coalesce(root.oid, 0) FROM pg_class c"
             " JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN root ON root.leaf = c.oid"
             " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
             " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
             " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass"
             " AND d.objid = c.oid AND d.deptype = 'e') AND ");
    pg_add_selection(db->src, sql, "n.nspname", "c.relname");
    text_add(sql, " ORDER BY c.oid");
}

/* Keeps a text in the pool; its offset, or PG_NONE when there is no room: TEXT_MAX is less. */
static uint32_t keep(struct pg_list *list, const char *text)
{
    size_t at = list->pool.size;
    text_add_bytes(&list->pool, text, strlen(text) + 1);
    return list->pool.failed ? PG_NONE : (uint32_t)at;
}

const char *pg_pool(const struct pg_list *list, uint32_t offset)
{
    return list->pool.data + offset;
}

static uint32_t oid_of(const PGresult *res, int column)
{
    return (uint32_t)strtoul(PQgetvalue(res, 0, column), NULL, 10);
}

static bool is_true(const PGresult *res, int column)
{
    return PQgetvalue(res, 0, column)[0] == 't';
}

static enum hangar_rc list_row(void *arg, const PGresult *res)
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
        .oid = oid_of(res, 0),
        .schema = keep(list, PQgetvalue(res, 0, 1)),
        .name = keep(list, PQgetvalue(res, 0, 2)),
        .has_rows = is_true(res, 3),
        .root_oid = oid_of(res, 4),
        .columns = PG_NONE,
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

/* Tells the host how much memory the list has come to use. */
static enum hangar_rc account(struct pg_source *src, struct pg_list *list)
{
    size_t bytes = list->capacity * sizeof(*list->items) + list->pool.capacity;
    if (bytes <= list->budget || bytes <= 1024 * 1024) {
        return HANGAR_OK;
    }
    size_t more = bytes - list->budget;
    if (src->host->budget_take(src->ctx, more, more) != more) {
        return src->host->fail(src->ctx, HANGAR_NO_MEMORY, 0,
                               "cannot keep a list of %zu tables; hint: raise limits.memory",
                               list->count);
    }
    list->budget = bytes;
    return HANGAR_OK;
}

enum hangar_rc pg_list_tables(struct pg_db *db, struct pg_list *list)
{
    struct text sql = {0};
    PGresult *res = NULL;
    enum hangar_rc rc = pg_query(db->lead, "SELECT pg_is_in_recovery()", NULL, NULL, &res);
    if (rc != HANGAR_OK) {
        return pg_raise(db->src, &db->lead->err, "cannot look at the server");
    }
    add_list_query(db, &sql, is_true(res, 0));
    PQclear(res);
    if (sql.failed) {
        rc = PG_NO_MEMORY(db->src);
    } else if (pg_each_row(db->lead, text_str(&sql), list_row, list) != HANGAR_OK) {
        rc = pg_raise(db->src, &db->lead->err, "cannot list the tables of database %s", db->name);
    }
    text_free(&sql);
    return rc == HANGAR_OK ? account(db->src, list) : rc;
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

static int by_oid(const void *key, const void *item)
{
    uint32_t oid = *(const uint32_t *)key, other = ((const struct pg_table *)item)->oid;
    return oid < other ? -1 : oid > other;
}

static struct pg_table *find(const struct pg_list *list, uint32_t oid)
{
    return list->count ? bsearch(&oid, list->items, list->count, sizeof(*list->items), by_oid)
                       : NULL;
}

bool pg_list_covered(const struct pg_list *now, const struct pg_list *locked)
{
    for (size_t i = 0; i < now->count; i++) {
        const struct pg_table *a = &now->items[i], *b = find(locked, a->oid);
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

/* ---- the plan ---------------------------------------------------------------------- */

static enum hangar_rc detail_row(void *arg, const PGresult *res)
{
    struct pg_list *list = arg;
    struct pg_table *table = find(list, oid_of(res, 0));
    if (!table) {
        return HANGAR_OK;
    }
    table->heap_bytes = strtoull(PQgetvalue(res, 0, 1), NULL, 10);
    table->toast_bytes = strtoull(PQgetvalue(res, 0, 2), NULL, 10);
    table->is_heap = is_true(res, 3);
    if (PQgetisnull(res, 0, 4)) {
        return HANGAR_OK;
    }
    table->columns = keep(list, PQgetvalue(res, 0, 4));
    return table->columns == PG_NONE ? HANGAR_NO_MEMORY : HANGAR_OK;
}

static enum hangar_rc read_details(struct pg_db *db)
{
    struct text sql = {0};
    int version = db->lead->version;
    text_addf(&sql,
              "SELECT c.oid, CASE c.relkind WHEN 'r' THEN pg_relation_size(c.oid) ELSE 0 END,"
              " coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0), %s,"
              " (SELECT string_agg('\"' || replace(a.attname, '\"', '\"\"') || '\"', ', '"
              " ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0"
              " AND NOT a.attisdropped%s)"
              " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
              " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
              " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'",
              /* only since 14 does a condition on ctid read just its pages */
              version >= 140000 ? "c.relam = (SELECT oid FROM pg_am WHERE amname = 'heap')"
                                : "false",
              version >= 120000 ? " AND a.attgenerated = ''" : "");
    enum hangar_rc rc = HANGAR_OK;
    if (sql.failed) {
        rc = PG_NO_MEMORY(db->src);
    } else if (pg_each_row(db->lead, text_str(&sql), detail_row, &db->tables) != HANGAR_OK) {
        rc = pg_raise(db->src, &db->lead->err, "cannot read the columns of database %s", db->name);
    }
    text_free(&sql);
    if (rc != HANGAR_OK) {
        return rc;
    }
    PGresult *res;
    if (pg_query(db->lead, "SELECT current_setting('block_size')", NULL, NULL, &res) != HANGAR_OK) {
        return pg_raise(db->src, &db->lead->err, "cannot read the block size");
    }
    db->plan.block_size = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
    PQclear(res);
    return account(db->src, &db->tables);
}

/* Bytes of COPY text to expect: what is in TOAST is compressed, or grows as hex. */
static uint64_t expected_bytes(const struct pg_table *table)
{
    return table->heap_bytes + 2 * table->toast_bytes;
}

static int bigger_first(const void *a, const void *b, void *arg)
{
    const struct pg_list *list = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    uint64_t bytes_x = expected_bytes(&list->items[x]), bytes_y = expected_bytes(&list->items[y]);
    if (bytes_x != bytes_y) {
        return bytes_x > bytes_y ? -1 : 1;
    }
    return x < y ? -1 : 1;
}

enum hangar_rc pg_plan_tables(struct pg_db *db)
{
    struct pg_list *list = &db->tables;
    struct pg_plan *plan = &db->plan;
    enum hangar_rc rc = read_details(db);
    if (rc != HANGAR_OK) {
        return rc;
    }
    plan->order = malloc((list->copied + 1) * sizeof(*plan->order));
    if (!plan->order) {
        return PG_NO_MEMORY(db->src);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        struct pg_table *table = &list->items[i];
        struct pg_table *root = table->root_oid ? find(list, table->root_oid) : NULL;
        if (!table->has_rows) {
            continue;
        }
        plan->order[plan->order_count++] = i;
        plan->total_bytes += expected_bytes(table);
        if (root) {
            table->target = (uint32_t)(root - list->items);
            table->columns = root->columns;
        }
        list->items[table->target].is_target = true;
    }
    qsort_r(plan->order, plan->order_count, sizeof(*plan->order), bigger_first, list);
    for (size_t i = plan->order_count; i-- > 0;) {
        struct pg_table *table = &list->items[plan->order[i]];
        if (table->target != plan->order[i]) {
            table->sibling = list->items[table->target].sibling;
            list->items[table->target].sibling = plan->order[i];
        }
    }
    /* enough objects to keep all sessions busy to the end, and none too big */
    plan->object_bytes = plan->total_bytes / (4 * db->src->opt.jobs);
    if (plan->object_bytes < SMALLEST_OBJECT) {
        plan->object_bytes = SMALLEST_OBJECT;
    }
    if (plan->object_bytes > db->src->opt.object_size) {
        plan->object_bytes = db->src->opt.object_size;
    }
    return HANGAR_OK;
}

/* Into how many pieces a table is cut. */
static uint32_t pieces_of(const struct pg_plan *plan, const struct pg_table *table)
{
    uint64_t pages = table->heap_bytes / plan->block_size;
    uint64_t pieces = (expected_bytes(table) + plan->object_bytes - 1) / plan->object_bytes;
    if (!table->is_heap || pages < 2 || pieces < 2) {
        return 1;
    }
    pieces = pieces < pages ? pieces : pages;
    return pieces < UINT32_MAX ? (uint32_t)pieces : UINT32_MAX;
}

static struct pg_slice cut(const struct pg_plan *plan, const struct pg_table *table,
                           uint32_t pieces)
{
    uint64_t pages = table->heap_bytes / plan->block_size;
    return (struct pg_slice){
        .table = plan->order[plan->at],
        .from_page = pages * plan->piece / pieces,
        /* the last is open: rows that the snapshot sees may lie behind what the
         * size was when it was asked for */
        .to_page = plan->piece + 1 == pieces ? 0 : pages * (plan->piece + 1) / pieces,
    };
}

/* How many whole tables, from plan->at on, share an object. */
static size_t share(const struct pg_plan *plan, const struct pg_list *list, uint64_t *bytes)
{
    uint64_t cost = 0;
    size_t n = 0;
    *bytes = 0;
    while (plan->at + n < plan->order_count) {
        uint64_t more = expected_bytes(&list->items[plan->order[plan->at + n]]);
        if (n && cost + more + TABLE_COST > plan->object_bytes) {
            break;
        }
        cost += more + TABLE_COST;
        *bytes += more;
        n++;
    }
    return n;
}

enum hangar_rc pg_plan_next(struct pg_db *db, struct pg_slice **slices, size_t *count,
                            uint64_t *bytes)
{
    struct pg_plan *plan = &db->plan;
    struct pg_list *list = &db->tables;
    *count = 0;
    if (plan->at == plan->order_count) {
        return HANGAR_OK;
    }
    struct pg_table *table = &list->items[plan->order[plan->at]];
    uint32_t pieces = pieces_of(plan, table);
    size_t n = pieces > 1 ? 1 : share(plan, list, bytes);
    struct pg_slice *out = calloc(n, sizeof(*out));
    if (!out) {
        return PG_NO_MEMORY(db->src);
    }
    plan->objects++;
    if (pieces > 1) {
        *bytes = expected_bytes(table) / pieces;
        out[0] = cut(plan, table, pieces);
        if (!table->first_object) {
            table->first_object = plan->objects;
        }
        table->last_object = plan->objects;
        if (++plan->piece == pieces) {
            plan->piece = 0;
            plan->at++;
        }
    } else {
        for (size_t i = 0; i < n; i++, plan->at++) {
            uint32_t index = plan->order[plan->at];
            out[i] = (struct pg_slice){.table = index, .whole = true};
            list->items[index].first_object = list->items[index].last_object = plan->objects;
        }
    }
    *slices = out;
    *count = n;
    return HANGAR_OK;
}
