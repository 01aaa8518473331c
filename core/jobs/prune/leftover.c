/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * leftover: see leftover.h.
 */
#include "jobs/prune/leftover.h"

#include "base/error.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/store.h"
#include "inventory/lease.h"
#include "inventory/prune_plan.h"

/* How long a file has been in the sink by the store's clock; -1: not known. */
static int64_t leftover_age(const struct hg_prune_plan *plan, int64_t time_ms)
{
    return time_ms > 0 && plan->store_ms > time_ms ? plan->store_ms - time_ms : -1;
}

/* Marks the folder of a dead run as abandoned, so that the run cannot commit if it wakes up, and
 * removes its objects. */
static enum hangar_rc leftover_claim(const struct hg_prune_plan *plan, const char *id,
                                     const char **action, struct hg_error *err)
{
    struct hg_error why = {0};
    enum hangar_rc rc = hg_store_abandon(plan->sink, plan->pipeline->name, id, &why);
    if (rc == HANGAR_EXISTS) { /* it has committed after all */
        return HANGAR_OK;
    }
    if (rc != HANGAR_OK) {
        *err = why;
        return rc;
    }
    *action = "claimed";
    return hg_store_remove(plan->sink, plan->pipeline->name, id, true, err);
}

/* Cleans up one folder without a manifest: of a dead run, or of a backup that is being removed.
 * A folder that is neither is left alone. */
enum hangar_rc hg_leftover_clean_up(const struct hg_prune_plan *plan, const char *id,
                                    const char **action, struct hg_error *err)
{
    const char *pipeline = plan->pipeline->name;
    struct hg_store_file manifest, deleted, run;
    bool marked;
    int64_t marked_ms;
    *action = "waiting";
    enum hangar_rc rc = hg_mark_find_abandoned(plan->sink, pipeline, id, &marked, &marked_ms, err);
    if (rc == HANGAR_OK && marked) { /* the mark stays for a while, the rest goes */
        bool over = leftover_age(plan, marked_ms) >= HG_ABANDONED_MS;
        *action = over ? "removed" : "waiting";
        return hg_store_remove(plan->sink, pipeline, id, !over, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_store_find(plan->sink, pipeline, id, HG_MANIFEST_NAME, &manifest, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_store_find(plan->sink, pipeline, id, HG_DELETED_NAME, &deleted, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_store_find(plan->sink, pipeline, id, HG_RUN_NAME, &run, err);
    }
    if (rc != HANGAR_OK ||
        manifest.exists) { /* a run elsewhere has committed since the index was read */
        return rc;
    }
    if (deleted.exists) {
        int64_t grace = plan->config->retention.delete_grace_ms;
        if (grace > 0 && leftover_age(plan, deleted.time_ms) < grace) {
            return HANGAR_OK;
        }
        *action = "removed";
        return hg_store_remove(plan->sink, pipeline, id, false, err);
    }
    return run.exists && leftover_age(plan, run.time_ms) >= HG_LEASE_MS
               ? leftover_claim(plan, id, action, err)
               : HANGAR_OK;
}
