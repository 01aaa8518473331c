/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prune_plan: which backups of a pipeline in one sink retention keeps and which it removes.  The
 * plan removes nothing: the prune job carries it out, status shows what it would leave, and
 * object_lock reads what is kept.
 */
#ifndef HG_INVENTORY_PRUNE_PLAN_H
#define HG_INVENTORY_PRUNE_PLAN_H

#include <stdbool.h>

#include "base/error.h"
#include "catalog/retention.h"
#include "config/config.h"
#include "inventory/index.h"
#include "session/handle.h"

/* Zero it, and fill what is `in`. */
struct hg_prune_plan {
    /* in; the caller's */
    struct hangar *h;
    struct hangar_ctx *sink;
    const struct hg_pipeline_config *pipeline;
    const struct hg_instance_config *config; /* of the sink */
    const struct hg_index *index;            /* NULL: the plan reads one of its own */
    /* out */
    int64_t now_ms, store_ms;               /* this machine's clock, and the store's */
    struct hg_retention_item *items;        /* the newest first; ids are the index's */
    size_t count, kept;                     /* of them kept */
    const struct hg_retention_item *oldest; /* the oldest good backup that is kept; NULL: none */
    bool clock_is_wrong; /* nothing may be removed; `clock_error` has the reason */
    struct hg_error clock_error;
    struct hg_index own_index;
};

/* Makes the plan.  Free it with hg_prune_plan_free, also after a failure. */
enum hangar_rc hg_prune_plan_make(struct hg_prune_plan *plan, struct hg_error *err);
void hg_prune_plan_free(struct hg_prune_plan *plan);

/* The stored bytes of a backup in the plan's index. */
uint64_t hg_prune_plan_bytes(const struct hg_prune_plan *plan, const char *id);

/* What retention needs to know of a backup; the id stays the index's. */
struct hg_retention_item hg_retention_item_of(const struct hangar *h,
                                              const struct hg_index_item *item);

/* Applies the retention that is configured for a sink; see hg_retention_apply. */
enum hangar_rc hg_retention_of_sink(const struct hg_instance_config *config, int64_t now_ms,
                                    struct hg_retention_item *items, size_t count,
                                    struct hg_error *err);

#endif
