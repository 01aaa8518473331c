/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * expiry: see expiry.h.  A backup is removed manifest first, and its objects after a grace in
 * which readers on other hosts can finish.
 */
#include "jobs/prune/expiry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/left_event.h"
#include "base/log.h"
#include "base/vec.h"
#include "catalog/mark.h"
#include "catalog/retention.h"
#include "catalog/store.h"
#include "inventory/index.h"
#include "inventory/prune_plan.h"
#include "jobs/prune/leftover.h"
#include "plugin/job.h"

/* A lock of the store, set by hangar or by its owner, keeps the backup. */
static void expiry_keep_locked(struct hg_expiry *p, struct hg_retention_item *item,
                               const struct hg_error *why)
{
    char detail[181];
    hg_log_event(&p->plan.h->log, HANGAR_LOG_INFO, "prune.locked", "%s: %s", item->id, why->text);
    snprintf(detail, sizeof(detail), "%.180s", why->text);
    hg_retention_item_keep(item, HG_KEPT_BY_STORE, detail);
    p->plan.kept++;
    p->locked++;
}

void hg_expiry_log_rest(struct hangar *h, const struct hangar_ctx *sink, const char *id)
{
    hg_log_event(&h->log, HANGAR_LOG_WARN, HG_LOG_LEFT,
                 "files of the removed backup %s in sink %s, which the next prune removes", id,
                 sink->name);
}

static enum hangar_rc expiry_remove(struct hg_expiry *p, struct hg_retention_item *item,
                                    struct hg_error *err)
{
    struct hg_store_file hold;
    enum hangar_rc rc =
        hg_store_find(p->plan.sink, p->plan.pipeline->name, item->id, HG_HOLD_NAME, &hold, err);
    if (rc == HANGAR_OK && hold.exists) { /* the hold came after the plan */
        p->plan.kept++;
        return HANGAR_OK;
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct hg_error why = {0};
    rc = hg_mark_deleted(p->plan.sink, p->plan.pipeline->name, item->id, p->plan.h->identity.host,
                         item->reason, &why);
    if (rc == HANGAR_EXISTS) {
        expiry_keep_locked(p, item, &why);
        return HANGAR_OK;
    }
    if (rc == HANGAR_OK && p->plan.config->retention.delete_grace_ms == 0) {
        rc = hg_store_remove(p->plan.sink, p->plan.pipeline->name, item->id, false, &why);
        rc = rc == HANGAR_EXISTS ? HANGAR_OK : rc; /* the next prune tries again */
        if (rc == HANGAR_CANCELLED) {
            hg_expiry_log_rest(p->plan.h, p->plan.sink, item->id);
        }
    }
    if (rc != HANGAR_OK) {
        hg_error_move(err, &why);
    }
    if (rc == HANGAR_OK) {
        p->removed++;
        p->freed_bytes += hg_prune_plan_bytes(&p->plan, item->id);
        hg_log_event(&p->plan.h->log, HANGAR_LOG_INFO, "prune.removed", "%s from sink %s: %s",
                     item->id, p->plan.sink->name, item->reason);
    }
    return rc;
}

/* May the rest continue after this failure?  One folder of another owner must not keep all
 * others. */
static bool expiry_may_continue(enum hangar_rc rc)
{
    return rc == HANGAR_AUTH || rc == HANGAR_IO;
}

/* ---- what is left of runs and removals ---- */

static enum hangar_rc expiry_clean_up(struct hg_expiry *p, struct hg_error *err)
{
    struct hg_error first = {0};
    for (size_t i = 0; i < p->leftover_count; i++) {
        struct hg_leftover *one = &p->leftovers[i];
        struct hg_error why = {0};
        enum hangar_rc rc = hg_leftover_clean_up(&p->plan, one, &why);
        if (rc != HANGAR_OK) {
            first = first.rc == HANGAR_OK ? why : first;
            if (expiry_may_continue(rc)) {
                continue;
            }
            break;
        }
        const char *action = hg_leftover_action_name(one->action);
        if (one->action == HG_LEFTOVER_CLAIM || one->action == HG_LEFTOVER_REMOVE) {
            hg_log_event(&p->plan.h->log, HANGAR_LOG_INFO, "prune.cleaned", "%s in sink %s: %s: %s",
                         one->id, p->plan.sink->name, action, one->reason);
        }
    }
    return first.rc == HANGAR_OK ? HANGAR_OK : hg_error_move(err, &first);
}

enum hangar_rc hg_expiry_find_leftovers(struct hg_expiry *p, struct hg_error *err)
{
    const struct hg_index *index = p->plan.index;
    struct hg_error first = {0};
    for (size_t i = 0; i < index->count; i++) {
        struct hg_leftover one = {.id = index->items[i].id};
        if (index->items[i].rc != HANGAR_NOT_FOUND) {
            continue; /* a backup, also a damaged one */
        }
        struct hg_error why = {0};
        enum hangar_rc rc = hg_leftover_judge(&p->plan, &one, &why);
        if (rc != HANGAR_OK) { /* not known: it stays, and the others are judged */
            one.action = HG_LEFTOVER_WAIT;
            snprintf(one.reason, sizeof(one.reason), "cannot be judged: %.200s", why.text);
            first = first.rc == HANGAR_OK ? why : first;
            if (!expiry_may_continue(rc)) {
                break;
            }
        }
        if (!hg_vec_reserve((void **)&p->leftovers, p->leftover_count, &p->leftover_capacity,
                            sizeof(*p->leftovers))) {
            return hg_no_memory(err);
        }
        p->leftovers[p->leftover_count++] = one;
    }
    return first.rc == HANGAR_OK ? HANGAR_OK : hg_error_move(err, &first);
}

enum hangar_rc hg_expiry_execute(struct hg_expiry *p, struct hg_error *err)
{
    struct hg_error first = {0};
    enum hangar_rc rc = HANGAR_OK;
    /* the oldest first: an interruption leaves the newer ones */
    for (size_t i = p->plan.count; i-- > 0 && (rc == HANGAR_OK || expiry_may_continue(rc));) {
        if (p->plan.items[i].keep) {
            continue;
        }
        struct hg_error why = {0};
        rc = hg_job_check(p->plan.sink->job, &why);
        rc = rc == HANGAR_OK ? expiry_remove(p, &p->plan.items[i], &why) : rc;
        first = first.rc == HANGAR_OK ? why : first;
    }
    if (rc == HANGAR_OK || expiry_may_continue(rc)) {
        struct hg_error why = {0};
        rc = hg_expiry_find_leftovers(p, &why);
        first = first.rc == HANGAR_OK ? why : first;
    }
    /* by the store's own clock, but not while this machine's is in doubt */
    if ((rc == HANGAR_OK || expiry_may_continue(rc)) && !p->plan.clock_is_wrong) {
        struct hg_error why = {0};
        expiry_clean_up(p, &why);
        first = first.rc == HANGAR_OK ? why : first;
    }
    return first.rc == HANGAR_OK ? HANGAR_OK : hg_error_move(err, &first);
}

void hg_expiry_fini(struct hg_expiry *p)
{
    free(p->leftovers);
    hg_prune_plan_free(&p->plan);
}
