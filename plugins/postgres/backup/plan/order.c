/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * order: see order.h.  It does not know how objects are made of tables.
 */
#include "backup/plan/order.h"

#include <stdlib.h>
#include <string.h>
#include "backup/plan/order_query.h"
#include "server/instance/error.h"
#include "server/connection/statement.h"

/* While table `from` is loaded, table `to` is read; both are targets, as indices in the list. */
struct pg_order_edge {
    uint32_t from, to;
};

struct pg_order {
    struct pg_list *list;
    struct pg_order_edge *edges;
    size_t count, capacity;
};

static bool order_is_last(const struct pg_order *order, uint32_t table)
{
    return order->list->items[table].level == PG_ORDER_LAST;
}

static enum hangar_rc add_edge(struct pg_order *order, uint32_t from, uint32_t to)
{
    if (order->count == order->capacity) {
        size_t capacity = order->capacity ? order->capacity * 2 : 64;
        struct pg_order_edge *edges = realloc(order->edges, capacity * sizeof(*edges));
        if (!edges) {
            return HANGAR_NO_MEMORY;
        }
        order->edges = edges;
        order->capacity = capacity;
    }
    order->edges[order->count++] = (struct pg_order_edge){from, to};
    return HANGAR_OK;
}

/* A row of the query.  What is not loaded, or is not in the list, has no order. */
static enum hangar_rc add_order_row(void *arg, const PGresult *res)
{
    struct pg_order *order = arg;
    struct pg_list *list = order->list;
    const struct pg_table *from =
        pg_list_find(list, (uint32_t)strtoul(PQgetvalue(res, 0, 0), NULL, 10));
    uint32_t oid = (uint32_t)strtoul(PQgetvalue(res, 0, 1), NULL, 10);
    const struct pg_table *to = oid ? pg_list_find(list, oid) : NULL;
    if (!from || !list->items[from->target].is_target) {
        return HANGAR_OK;
    }
    struct pg_table *target = &list->items[from->target];
    if (!oid) {
        target->level = PG_ORDER_LAST;
        target->entire = true;
    } else if (to && to->target == from->target) {
        target->entire = true;
    } else if (to && list->items[to->target].is_target) {
        return add_edge(order, from->target, to->target);
    }
    return HANGAR_OK;
}

/* Each table gets a higher level than those that are read while it is loaded.  In a ring the
 * levels grow up to the last one. */
static void find_levels(struct pg_order *order)
{
    struct pg_table *items = order->list->items;
    bool changed = true;
    for (size_t i = 0; i < order->list->count; i++) {
        /* partitions that are loaded through their root are several statements */
        if (items[i].entire && !items[i].has_rows) {
            items[i].level = PG_ORDER_LAST;
        }
    }
    while (changed) {
        changed = false;
        for (size_t i = 0; i < order->count; i++) {
            uint32_t *from = &items[order->edges[i].from].level;
            uint32_t to = items[order->edges[i].to].level;
            uint32_t least = to < PG_ORDER_LAST ? to + 1 : PG_ORDER_LAST;
            if (*from < least) {
                *from = least;
                changed = true;
            }
        }
    }
}

/* As pg_restore orders them. */
static int compare_names(const void *a, const void *b, void *arg)
{
    const struct pg_list *list = arg;
    const struct pg_table *x = &list->items[*(const uint32_t *)a],
                          *y = &list->items[*(const uint32_t *)b];
    int by_schema = strcmp(pg_pool(list, x->schema), pg_pool(list, y->schema));
    return by_schema ? by_schema : strcmp(pg_pool(list, x->name), pg_pool(list, y->name));
}

/* Whether all that is read while the table is loaded has a rank, if it needs one. */
static bool order_is_ready(const struct pg_order *order, uint32_t table)
{
    for (size_t i = 0; i < order->count; i++) {
        const struct pg_order_edge *edge = &order->edges[i];
        if (edge->from == table && order_is_last(order, edge->to) &&
            !order->list->items[edge->to].rank) {
            return false;
        }
    }
    return true;
}

/* Ranks the tables of the last level: by name, except where one is known to need another.  Where
 * they need each other, the first by name comes first. */
static void rank_tables(struct pg_order *order, const uint32_t *tables, size_t count)
{
    struct pg_table *items = order->list->items;
    uint32_t rank = 0;
    while (rank < count) {
        uint32_t before = rank;
        size_t first = count;
        for (size_t i = 0; i < count; i++) {
            if (items[tables[i]].rank) {
                continue;
            }
            first = first == count ? i : first;
            if (order_is_ready(order, tables[i])) {
                items[tables[i]].rank = ++rank;
            }
        }
        if (rank == before) {
            items[tables[first]].rank = ++rank;
        }
    }
}

static enum hangar_rc rank_last_level(struct pg_order *order)
{
    struct pg_list *list = order->list;
    uint32_t *tables = malloc((list->count + 1) * sizeof(*tables));
    size_t count = 0;
    if (!tables) {
        return HANGAR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        struct pg_table *table = &list->items[i];
        if (table->is_target && table->level == PG_ORDER_LAST) {
            table->entire = true;
            tables[count++] = i;
        }
    }
    qsort_r(tables, count, sizeof(*tables), compare_names, list);
    rank_tables(order, tables, count);
    free(tables);
    return HANGAR_OK;
}

enum hangar_rc pg_order_tables(struct pg_conn *conn, const char *database, struct pg_list *list)
{
    struct pg_order order = {.list = list};
    struct text sql = {0};
    pg_order_add_query(&sql, conn->version);
    enum hangar_rc rc =
        sql.failed ? HANGAR_NO_MEMORY : pg_each_row(conn, text_str(&sql), add_order_row, &order);
    text_free(&sql);
    if (rc != HANGAR_OK && rc != HANGAR_NO_MEMORY) {
        rc = pg_raise(conn->src, &conn->err, "cannot read the dependencies of database %s",
                      database);
    } else if (rc == HANGAR_OK) {
        find_levels(&order);
        rc = rank_last_level(&order);
    }
    for (uint32_t i = 0; rc == HANGAR_OK && i < list->count; i++) {
        struct pg_table *table = &list->items[i];
        const struct pg_table *target = &list->items[table->target];
        table->level = target->level;
        table->rank = target->rank;
        table->entire = target->entire;
    }
    free(order.edges);
    return rc == HANGAR_NO_MEMORY ? pg_no_memory(conn->src) : rc;
}
