/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * missing: see missing.h.
 */
#include "jobs/report/missing.h"

#include <stdlib.h>

#include "base/error.h"
#include "catalog/retention.h"
#include "inventory/index.h"
#include "inventory/prune_plan.h"
#include "jobs/report/status.h"
#include "session/handle.h"

static bool missing_has_whole(const struct hg_sink_status *sink, const char *id)
{
    const struct hg_index_item *item = hg_index_find(&sink->index, id);
    return item && item->rc == HANGAR_OK;
}

/* One that cannot be read may be whole: it is not known to be missing. */
static bool missing_may_have(const struct hg_sink_status *sink, const char *id)
{
    const struct hg_index_item *item = hg_index_find(&sink->index, id);
    return item && (item->rc == HANGAR_OK || item->rc == HANGAR_IO);
}

/* True when one of the first `count` sinks, other than `mine`, has the backup. */
static bool missing_is_counted(const struct hg_sink_status *sinks, size_t count, size_t mine,
                               const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (i != mine && missing_has_whole(&sinks[i], id)) {
            return true;
        }
    }
    return false;
}

/* What retention would decide on if this sink had every backup: its own, and those that it lacks.
 * Returns their number. */
static size_t missing_collect(const struct hangar *h, const struct hg_pipeline_status *pipeline,
                              size_t mine, struct hg_retention_item *all)
{
    const struct hg_sink_status *sinks = pipeline->sinks;
    const struct hg_index *index = &sinks[mine].index;
    size_t n = 0;
    for (size_t i = 0; i < index->count; i++) {
        if (index->items[i].rc == HANGAR_OK) {
            all[n++] = hg_retention_item_of(h, &index->items[i]);
        }
    }
    for (size_t v = 0; v < pipeline->sink_count; v++) {
        for (size_t i = 0; v != mine && i < sinks[v].index.count; i++) {
            const struct hg_index_item *item = &sinks[v].index.items[i];
            if (hg_index_counts(item) && !missing_may_have(&sinks[mine], item->id) &&
                !missing_is_counted(sinks, v, mine, item->id)) {
                all[n++] = hg_retention_item_of(h, item);
            }
        }
    }
    return n;
}

struct hg_missing_backups hg_missing_of(const struct hangar *h,
                                        const struct hg_pipeline_status *pipeline, size_t mine,
                                        int64_t now_ms)
{
    const struct hg_sink_status *sink = &pipeline->sinks[mine];
    struct hg_missing_backups missing = {.count = -1};
    size_t most = 1;
    for (size_t i = 0; i < pipeline->sink_count; i++) {
        most += pipeline->sinks[i].index.count;
    }
    struct hg_retention_item *all = sink->readable ? calloc(most, sizeof(*all)) : NULL;
    if (!all) {
        return missing;
    }
    struct hg_error clock = {0}; /* with a wrong clock all are kept */
    size_t n = missing_collect(h, pipeline, mine, all);
    hg_retention_of_sink(sink->config, now_ms, all, n, &clock);
    missing.count = 0;
    for (size_t i = 0; i < n; i++) {
        if (all[i].keep && all[i].good && !missing_may_have(sink, all[i].id)) {
            missing.count++;
            if (missing.listed < HG_MISSING_LISTED) {
                missing.ids[missing.listed++] = all[i].id;
            }
        }
    }
    free(all);
    return missing;
}
