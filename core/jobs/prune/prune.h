/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prune: retention in one sink, shared by prune.c (the job), backup.c (after a
 * success) and list.c (what the next one would leave).
 */
#ifndef HG_PRUNE_PRUNE_H
#define HG_PRUNE_PRUNE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "catalog/retention.h"
#include "config/config.h"
#include "inventory/index.h"
#include "session/handle.h"

/* So long the mark of a dead run stays, for a suspended process to find. */
#define HG_ABANDONED_MS (INT64_C(7) * 86400000)

struct hg_pruning {
    struct hangar *h;
    struct hangar_ctx *sink;
    const struct hg_pipeline_config *pipeline;
    const struct hg_instance_config *config;
    int64_t now_ms, store_ms;  /* our clock, the store's */
    struct hg_retained *items; /* newest first, with keep and reason; ids are the index's */
    size_t count;
    const struct hg_index *index; /* what is there; NULL: hg_prune_plan looks */
    struct hg_index own;
    bool clock_wrong;
    struct hg_error clock;            /* why nothing is removed */
    const struct hg_retained *oldest; /* good one that stays, or NULL */
    size_t kept, removed;
    size_t locked;   /* of those kept: retention would remove them, and the store does not */
    size_t retained; /* backups whose objects the store was told to keep */
    uint64_t freed_bytes;
};

/* What retention is to know of a backup; its id stays the index's. */
struct hg_retained hg_prune_judge(const struct hangar *h, const struct hg_index_item *item);
/* Retention as it is configured for a sink; see hg_retention_apply. */
enum hangar_rc hg_prune_apply(const struct hg_instance_config *config, int64_t now_ms,
                              struct hg_retained *items, size_t count, struct hg_error *err);

/* Looks at the sink and decides; removes nothing.  Free with hg_prune_fini. */
enum hangar_rc hg_prune_plan(struct hg_pruning *p, struct hg_error *err);
/* Does it, and cleans up what dead runs left. */
enum hangar_rc hg_prune_execute(struct hg_pruning *p, json_t *leftovers, struct hg_error *err);
void hg_prune_fini(struct hg_pruning *p);

/* After a successful run, in a session of its own: what fails is a warning. */
void hg_prune_after_backup(struct hangar *h, const struct hg_pipeline_config *pipeline,
                           size_t sink);

#endif
