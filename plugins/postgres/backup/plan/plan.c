/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plan: the plan that makes objects of tables.
 */
#include "backup/plan/plan.h"

#include <stdlib.h>
#include <string.h>
#include "backup/plan/order.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"

#define TABLE_COST (256u * 1024) /* what opening a small table costs, as bytes */
/* A table that fits into one object is not cut only to have more objects: so its rows are
 * restored in their original order. */
#define SMALLEST_OBJECT (64u * 1024 * 1024)

/* Expected bytes of COPY text.  Values in TOAST are compressed, or grow as hex. */
static uint64_t expected_text_bytes(const struct pg_table *table)
{
    return table->heap_bytes + 2 * table->toast_bytes;
}

static int compare_order(const void *a, const void *b, void *arg)
{
    const struct pg_list *list = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const struct pg_table *table_x = &list->items[x], *table_y = &list->items[y];
    if (table_x->level != table_y->level) {
        return table_x->level < table_y->level ? -1 : 1;
    }
    if (table_x->rank != table_y->rank) {
        return table_x->rank < table_y->rank ? -1 : 1;
    }
    uint64_t bytes_x = expected_text_bytes(table_x), bytes_y = expected_text_bytes(table_y);
    if (bytes_x != bytes_y) {
        return bytes_x > bytes_y ? -1 : 1;
    }
    return x < y ? -1 : 1;
}

static enum hangar_rc read_block_size(struct pg_conn *conn, uint64_t *block_size)
{
    PGresult *res;
    if (pg_query(conn, "SELECT current_setting('block_size')", NULL, NULL, &res) != HANGAR_OK) {
        return pg_raise(conn->src, &conn->err, "cannot read the block size of the server");
    }
    *block_size = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
    PQclear(res);
    return HANGAR_OK;
}

enum hangar_rc pg_plan_tables(struct pg_conn *conn, const char *database, struct pg_list *list,
                              struct pg_plan *plan)
{
    struct pg_source *src = conn->src;
    enum hangar_rc rc = pg_list_details(conn, database, list);
    if (rc == HANGAR_OK) {
        rc = read_block_size(conn, &plan->block_size);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    plan->order = malloc((list->copied + 1) * sizeof(*plan->order));
    if (!plan->order) {
        return pg_no_memory(src);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        struct pg_table *table = &list->items[i];
        struct pg_table *root = table->root_oid ? pg_list_find(list, table->root_oid) : NULL;
        if (!table->has_rows) {
            continue;
        }
        plan->order[plan->order_count++] = i;
        plan->total_bytes += expected_text_bytes(table);
        if (root) {
            table->target = (uint32_t)(root - list->items);
            table->columns = root->columns;
            table->computed = root->computed;
            table->computed_count = root->computed_count;
        }
        list->items[table->target].is_target = true;
    }
    rc = pg_order_tables(conn, database, list);
    if (rc != HANGAR_OK) {
        return rc;
    }
    qsort_r(plan->order, plan->order_count, sizeof(*plan->order), compare_order, list);
    for (size_t i = plan->order_count; i-- > 0;) {
        struct pg_table *table = &list->items[plan->order[i]];
        if (table->target != plan->order[i]) {
            table->sibling = list->items[table->target].sibling;
            list->items[table->target].sibling = plan->order[i];
        }
    }
    /* enough objects to keep all sessions busy to the end, and none too large */
    plan->object_bytes = plan->total_bytes / (4 * src->opt.jobs);
    if (plan->object_bytes < SMALLEST_OBJECT) {
        plan->object_bytes = SMALLEST_OBJECT;
    }
    if (plan->object_bytes > src->opt.object_size) {
        plan->object_bytes = src->opt.object_size;
    }
    return HANGAR_OK;
}

/* The number of pieces that a table is cut into. */
static uint32_t count_pieces(const struct pg_plan *plan, const struct pg_table *table)
{
    uint64_t pages = table->heap_bytes / plan->block_size;
    uint64_t pieces = (expected_text_bytes(table) + plan->object_bytes - 1) / plan->object_bytes;
    if (table->entire || !table->is_heap || pages < 2 || pieces < 2) {
        return 1;
    }
    pieces = pieces < pages ? pieces : pages;
    return pieces < UINT32_MAX ? (uint32_t)pieces : UINT32_MAX;
}

static struct pg_slice cut_slice(const struct pg_plan *plan, const struct pg_table *table,
                                 uint32_t pieces)
{
    uint64_t pages = table->heap_bytes / plan->block_size;
    return (struct pg_slice){
        .table = plan->order[plan->at],
        .from_page = pages * plan->piece / pieces,
        /* the last piece has no end: the snapshot may show rows behind the size that the table
         * had when it was measured */
        .to_page = plan->piece + 1 == pieces ? 0 : pages * (plan->piece + 1) / pieces,
    };
}

/* How many whole tables, from plan->at on, share an object.  Those of the last level have one each,
 * because a restore may have to try one again after the others. */
static size_t count_sharing_tables(const struct pg_plan *plan, const struct pg_list *list,
                                   uint64_t *bytes)
{
    const uint32_t level = list->items[plan->order[plan->at]].level;
    uint64_t cost = 0;
    size_t n = 0;
    *bytes = 0;
    while (plan->at + n < plan->order_count) {
        const struct pg_table *table = &list->items[plan->order[plan->at + n]];
        uint64_t more = expected_text_bytes(table);
        if (n && (cost + more + TABLE_COST > plan->object_bytes || table->level != level ||
                  level == PG_ORDER_LAST)) {
            break;
        }
        cost += more + TABLE_COST;
        *bytes += more;
        n++;
    }
    return n;
}

enum hangar_rc pg_plan_next(struct pg_source *src, struct pg_list *list, struct pg_plan *plan,
                            struct pg_slice **slices, size_t *count, uint64_t *bytes)
{
    *count = 0;
    if (plan->at == plan->order_count) {
        return HANGAR_OK;
    }
    struct pg_table *table = &list->items[plan->order[plan->at]];
    uint32_t pieces = count_pieces(plan, table);
    size_t n = pieces > 1 ? 1 : count_sharing_tables(plan, list, bytes);
    struct pg_slice *out = calloc(n, sizeof(*out));
    if (!out) {
        return pg_no_memory(src);
    }
    plan->objects++;
    if (pieces > 1) {
        *bytes = expected_text_bytes(table) / pieces;
        out[0] = cut_slice(plan, table, pieces);
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
