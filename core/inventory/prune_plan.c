/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prune_plan: see prune_plan.h.
 */
#include "inventory/prune_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "catalog/retention.h"
#include "config/config.h"
#include "inventory/index.h"
#include "inventory/origin.h"
#include "session/handle.h"

struct hg_retention_item hg_retention_item_of(const struct hangar *h,
                                              const struct hg_index_item *item)
{
    const char *origin = item->summary.origin ? item->summary.origin : "";
    return (struct hg_retention_item){.id = item->id,
                                      .time_ms = item->time_ms,
                                      .good = item->rc == HANGAR_OK &&
                                              strcmp(origin, h->identity.origin) == 0,
                                      .safety = item->summary.safety,
                                      .partial = item->summary.partial,
                                      .held = item->held,
                                      .why_not = item->rc == HANGAR_OK        ? "of another origin"
                                                 : item->rc == HANGAR_CORRUPT ? "damaged"
                                                 : item->rc == HANGAR_IO      ? "cannot be read"
                                                                         : "of a newer hangar"};
}

enum hangar_rc hg_retention_of_sink(const struct hg_instance_config *config, int64_t now_ms,
                                    struct hg_retention_item *items, size_t count,
                                    struct hg_error *err)
{
    return hg_retention_apply(&config->retention.policy, config->retention.zone, now_ms, items,
                              count, err);
}

/* The newest backups, which min_keep keeps, must be good now: their manifests are read again even
 * when they are cached, because an etag does not change when a copy rots. */
static enum hangar_rc plan_read_index(struct hg_prune_plan *plan, struct hg_error *err)
{
    int64_t min_keep = plan->config->retention.policy.min_keep;
    size_t fresh = min_keep > HG_MIN_KEEP_DEFAULT ? (size_t)min_keep : HG_MIN_KEEP_DEFAULT;
    plan->index = &plan->own_index;
    enum hangar_rc rc =
        hg_index_read(plan->h, plan->sink, plan->pipeline->name, fresh, &plan->own_index, err);
    if (rc == HANGAR_OK &&
        plan->own_index.lost) { /* a reader may continue, but this removes backups */
        rc = hg_origin_fail_lost(plan->h, plan->sink, plan->pipeline->name, err);
    }
    return rc;
}

enum hangar_rc hg_prune_plan_make(struct hg_prune_plan *plan, struct hg_error *err)
{
    plan->now_ms = hg_now_ms();
    enum hangar_rc rc = plan->index ? HANGAR_OK : plan_read_index(plan, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    plan->store_ms = plan->index->store_ms;
    plan->items = calloc(plan->index->count + 1, sizeof(*plan->items));
    if (!plan->items) {
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < plan->index->count; i++) {
        if (plan->index->items[i].rc != HANGAR_NOT_FOUND) {
            plan->items[plan->count] = hg_retention_item_of(plan->h, &plan->index->items[i]);
            plan->items[plan->count++].index = i;
        }
    }
    plan->clock_is_wrong = hg_retention_of_sink(plan->config, plan->now_ms, plan->items,
                                                plan->count, &plan->clock_error) != HANGAR_OK;
    if (plan->store_ms < plan->now_ms) {
        hg_retention_keep_young(&plan->config->retention.policy, plan->store_ms, plan->items,
                                plan->count);
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct hg_retention_item *item = &plan->items[i];
        plan->kept += item->keep;
        plan->oldest = item->keep && hg_retention_item_counts(item) ? item : plan->oldest;
    }
    return HANGAR_OK;
}

void hg_prune_plan_free(struct hg_prune_plan *plan)
{
    free(plan->items);
    hg_index_free(&plan->own_index);
    plan->items = NULL;
}

uint64_t hg_prune_plan_bytes(const struct hg_prune_plan *plan, const char *id)
{
    const struct hg_index_item *item = hg_index_find(plan->index, id);
    return item ? (uint64_t)item->summary.stored_bytes : 0;
}
