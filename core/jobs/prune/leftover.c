/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * leftover: see leftover.h.
 */
#include "jobs/prune/leftover.h"

#include <stdio.h>

#include "base/error.h"
#include "catalog/folder.h"
#include "catalog/mark.h"
#include "catalog/store.h"
#include "inventory/claim.h"
#include "inventory/lease.h"
#include "inventory/prune_plan.h"

const char *hg_leftover_action_name(enum hg_leftover_action action)
{
    static const char *const names[] = {"waiting", "claimed", "waiting", "removed", "locked"};
    return names[action];
}

/* How long a file has been in the sink by the store's clock; -1: not known. */
static int64_t leftover_age(int64_t store_ms, int64_t time_ms)
{
    return time_ms > 0 && store_ms > time_ms ? store_ms - time_ms : -1;
}

static void leftover_decide(struct hg_leftover *leftover, enum hg_leftover_action action,
                            const char *reason)
{
    leftover->action = action;
    snprintf(leftover->reason, sizeof(leftover->reason), "%s", reason);
}

/* A backup is being removed: deleted.json proves that, and there is no manifest. */
static void leftover_judge_removal(const struct hg_prune_plan *plan, int64_t age_ms,
                                   struct hg_leftover *leftover)
{
    const int64_t grace_ms = plan->config->retention.delete_grace_ms;
    const bool over = grace_ms <= 0 || age_ms >= grace_ms;
    leftover_decide(leftover, over ? HG_LEFTOVER_REMOVE : HG_LEFTOVER_WAIT,
                    over ? "a removed backup, and delete_grace is over"
                         : "a removed backup; its objects stay until delete_grace ends");
}

/* The place of a run: only its claim proves that the files are those of a dead run. */
static enum hangar_rc leftover_judge_run(const struct hg_prune_plan *plan, bool marked,
                                         int64_t claim_age_ms, struct hg_leftover *leftover,
                                         struct hg_error *err)
{
    struct hg_claim claim;
    struct hg_error why = {0};
    enum hangar_rc rc = hg_claim_read(plan->sink, plan->pipeline->name, leftover->id, &claim, &why);
    if (rc == HANGAR_NOT_FOUND || rc == HANGAR_CORRUPT) {
        leftover_decide(leftover, HG_LEFTOVER_WAIT,
                        rc == HANGAR_NOT_FOUND
                            ? "not removed: it has no " HG_RUN_NAME " that names a run"
                            : "not removed: " HG_RUN_NAME " does not prove a run of this backup");
        return HANGAR_OK;
    }
    if (rc != HANGAR_OK) {
        return hg_error_move(err, &why);
    }
    const bool dead = claim_age_ms >= HG_LEASE_MS;
    leftover->action = marked ? HG_LEFTOVER_EMPTY : dead ? HG_LEFTOVER_CLAIM : HG_LEFTOVER_WAIT;
    snprintf(leftover->reason, sizeof(leftover->reason),
             dead || marked ? "run %.60s on host %.120s is dead: its lease is over"
                            : "run %.60s on host %.120s is alive, or died less than an hour ago",
             claim.run, claim.host);
    return HANGAR_OK;
}

/* The mark of a dead run is in the place of the manifest. */
static enum hangar_rc leftover_judge_marked(const struct hg_prune_plan *plan,
                                            const struct hg_folder *folder, int64_t store_ms,
                                            struct hg_leftover *leftover, struct hg_error *err)
{
    if (leftover_age(store_ms, folder->manifest_ms) >= HG_ABANDONED_MS) {
        leftover_decide(leftover, HG_LEFTOVER_REMOVE, "the mark of a dead run, older than 7 days");
        return HANGAR_OK;
    }
    if (folder->files == 1) {
        leftover_decide(leftover, HG_LEFTOVER_WAIT, "the mark of a dead run stays for 7 days");
        return HANGAR_OK;
    }
    return leftover_judge_run(plan, true, 0, leftover, err);
}

enum hangar_rc hg_leftover_judge(const struct hg_prune_plan *plan, struct hg_leftover *leftover,
                                 struct hg_error *err)
{
    const char *pipeline = plan->pipeline->name;
    struct hg_folder folder;
    int64_t store_ms, marked_ms;
    bool marked = false, removal = false;
    enum hangar_rc rc = hg_folder_read(plan->sink, pipeline, leftover->id, &folder, &store_ms, err);
    if (rc == HANGAR_OK && folder.deleted && !folder.held) {
        rc = hg_store_find_removal(plan->sink, pipeline, leftover->id, &removal, err);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    leftover->files = folder.files;
    leftover->bytes = folder.bytes;
    if (hg_folder_had_backup(&folder) && !removal) { /* also a run in its last seconds */
        leftover_decide(leftover, HG_LEFTOVER_WAIT, "a run is storing its last files");
        return HANGAR_OK;
    }
    if (folder.manifest) {
        rc = hg_mark_find_abandoned(plan->sink, pipeline, leftover->id, &marked, &marked_ms, err);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (!marked) {
            leftover_decide(leftover, HG_LEFTOVER_WAIT, "a run on another host has just committed");
            return HANGAR_OK;
        }
        return leftover_judge_marked(plan, &folder, store_ms, leftover, err);
    }
    if (removal) {
        leftover_judge_removal(plan, leftover_age(store_ms, folder.deleted_ms), leftover);
        return HANGAR_OK;
    }
    return leftover_judge_run(plan, false, leftover_age(store_ms, folder.claim_ms), leftover, err);
}

/* ---- carried out ---- */

/* Marks the folder of a dead run as abandoned, so that the run cannot commit if it wakes up, and
 * removes its objects. */
static enum hangar_rc leftover_claim(const struct hg_prune_plan *plan, struct hg_leftover *leftover,
                                     struct hg_error *err)
{
    enum hangar_rc rc = hg_store_abandon(plan->sink, plan->pipeline->name, leftover->id, err);
    if (rc == HANGAR_EXISTS) { /* it has committed after all */
        hg_error_clear(err);
        leftover_decide(leftover, HG_LEFTOVER_WAIT, "a run on another host has just committed");
        return HANGAR_OK;
    }
    return rc == HANGAR_OK
               ? hg_store_remove(plan->sink, plan->pipeline->name, leftover->id, true, err)
               : rc;
}

/* A run elsewhere may have committed since the folder was listed. */
static enum hangar_rc leftover_remove(const struct hg_prune_plan *plan,
                                      struct hg_leftover *leftover, struct hg_error *err)
{
    struct hg_error why = {0};
    enum hangar_rc rc = hg_mark_find_backup(plan->sink, plan->pipeline->name, leftover->id, &why);
    if (rc == HANGAR_OK) {
        leftover_decide(leftover, HG_LEFTOVER_WAIT, "a run on another host has just committed");
        return HANGAR_OK;
    }
    return rc == HANGAR_NOT_FOUND
               ? hg_store_remove(plan->sink, plan->pipeline->name, leftover->id, false, err)
               : hg_error_move(err, &why);
}

enum hangar_rc hg_leftover_clean_up(const struct hg_prune_plan *plan, struct hg_leftover *leftover,
                                    struct hg_error *err)
{
    struct hg_error why = {0};
    enum hangar_rc rc = HANGAR_OK;
    switch (leftover->action) {
    case HG_LEFTOVER_CLAIM:
        rc = leftover_claim(plan, leftover, &why);
        break;
    case HG_LEFTOVER_EMPTY:
        rc = hg_store_remove(plan->sink, plan->pipeline->name, leftover->id, true, &why);
        break;
    case HG_LEFTOVER_REMOVE:
        rc = leftover_remove(plan, leftover, &why);
        break;
    case HG_LEFTOVER_WAIT:
    case HG_LEFTOVER_LOCKED:
        break;
    }
    if (rc == HANGAR_EXISTS) {
        leftover->action = HG_LEFTOVER_LOCKED;
        return HANGAR_OK;
    }
    return rc == HANGAR_OK ? rc : hg_error_move(err, &why);
}
