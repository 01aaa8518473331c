/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prune: retention, carried out.  A backup is removed manifest first, its objects
 * after a grace in which readers elsewhere can finish; what dead runs left goes
 * when their lease is over.  Every step can be interrupted and begun again.
 */
#include "jobs/prune/prune.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/retention.h"
#include "catalog/store.h"
#include "config/config.h"
#include "inventory/index.h"
#include "inventory/lease.h"
#include "inventory/object_lock.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/session.h"
#include "state/counters.h"
#include "state/pipeline_lock.h"

/* ---- looking ---- */

/* Is the file there?  OK and *there, or why that cannot be said. */
static enum hangar_rc look_for(struct hg_pruning *p, const char *id, const char *name, bool *there,
                               int64_t *time_ms, struct hg_error *err)
{
    struct hg_error why = {0};
    int64_t ms = 0;
    enum hangar_rc rc = hg_store_time(p->sink, p->pipeline->name, id, name, &ms, &why);
    *there = rc == HANGAR_OK;
    if (time_ms) {
        *time_ms = ms;
    }
    if (rc != HANGAR_OK && rc != HANGAR_NOT_FOUND) {
        *err = why;
        return rc;
    }
    return HANGAR_OK;
}

struct hg_retained hg_prune_judge(const struct hangar *h, const struct hg_index_item *item)
{
    const char *origin = item->summary.origin ? item->summary.origin : "";
    return (struct hg_retained){.id = item->id,
                                .time_ms = item->time_ms,
                                .good = item->rc == HANGAR_OK &&
                                        strcmp(origin, h->identity.origin) == 0,
                                .safety = item->summary.safety,
                                .held = item->held,
                                .why_not = item->rc == HANGAR_OK        ? "of another origin"
                                           : item->rc == HANGAR_CORRUPT ? "damaged"
                                                                        : "of a newer hangar"};
}

enum hangar_rc hg_prune_apply(const struct hg_instance_config *config, int64_t now_ms,
                              struct hg_retained *items, size_t count, struct hg_error *err)
{
    return hg_retention_apply(&config->retention.policy, config->retention.zone, now_ms, items,
                              count, err);
}

/* What stays because it is the newest must really be good: the manifests of these are
 * read again, as a copy that rotted is not told by its etag. */
static enum hangar_rc look(struct hg_pruning *p, struct hg_error *err)
{
    int64_t least = p->config->retention.policy.min_keep;
    size_t fresh = least > HG_MIN_KEEP_DEFAULT ? (size_t)least : HG_MIN_KEEP_DEFAULT;
    enum hangar_rc rc = hg_index_read(p->h, p->sink, p->pipeline->name, fresh, &p->own, err);
    p->index = &p->own;
    return rc;
}

enum hangar_rc hg_prune_plan(struct hg_pruning *p, struct hg_error *err)
{
    p->now_ms = hg_now_ms();
    enum hangar_rc rc = p->index ? HANGAR_OK : look(p, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    p->store_ms = p->index->store_ms;
    p->items = calloc(p->index->count + 1, sizeof(*p->items));
    if (!p->items) {
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < p->index->count; i++) {
        if (p->index->items[i].rc != HANGAR_NOT_FOUND) {
            p->items[p->count++] = hg_prune_judge(p->h, &p->index->items[i]);
        }
    }
    p->clock_wrong =
        hg_prune_apply(p->config, p->now_ms, p->items, p->count, &p->clock) != HANGAR_OK;
    for (size_t i = 0; i < p->count; i++) {
        p->kept += p->items[i].keep;
        bool counts = p->items[i].keep && p->items[i].good && !p->items[i].safety;
        p->oldest = counts ? &p->items[i] : p->oldest;
    }
    return HANGAR_OK;
}

/* ---- removing ---- */

static uint64_t bytes_of(const struct hg_pruning *p, const char *id)
{
    const struct hg_index_item *item = hg_index_find(p->index, id);
    return item ? (uint64_t)item->summary.stored_bytes : 0;
}

/* The store keeps it by a lock, set by us or by its owner: it stays, for as long. */
static void keep_locked(struct hg_pruning *p, struct hg_retained *item, const struct hg_error *why)
{
    hg_log_event(&p->h->log, HANGAR_LOG_INFO, "prune.locked", "%s: %s", item->id, why->text);
    item->keep = true;
    snprintf(item->reason, sizeof(item->reason), "kept by the store: %.180s", why->text);
    p->kept++;
    p->locked++;
}

static enum hangar_rc remove_backup(struct hg_pruning *p, struct hg_retained *item,
                                    struct hg_error *err)
{
    bool held;
    struct hg_error why = {0};
    enum hangar_rc rc = look_for(p, item->id, HG_HOLD_NAME, &held, NULL, err);
    if (rc == HANGAR_OK && held) { /* somebody was faster than we */
        p->kept++;
        return HANGAR_OK;
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = hg_mark_deleted(p->sink, p->pipeline->name, item->id, p->h->identity.host, item->reason,
                         &why);
    if (rc == HANGAR_EXISTS) {
        keep_locked(p, item, &why);
        return HANGAR_OK;
    }
    if (rc == HANGAR_OK && p->config->retention.delete_grace_ms == 0) {
        rc = hg_store_remove(p->sink, p->pipeline->name, item->id, false, &why);
        rc = rc == HANGAR_EXISTS ? HANGAR_OK : rc; /* the next prune tries again */
    }
    if (rc != HANGAR_OK) {
        *err = why;
    }
    if (rc == HANGAR_OK) {
        p->removed++;
        p->freed_bytes += bytes_of(p, item->id);
        hg_log_event(&p->h->log, HANGAR_LOG_INFO, "prune.removed", "%s from sink %s: %s", item->id,
                     p->sink->name, item->reason);
    }
    return rc;
}

/* ---- what is left of runs and removals ---- */

/* How long a file has been there by the store's clock; -1: nobody knows. */
static int64_t age_of(const struct hg_pruning *p, int64_t time_ms)
{
    return time_ms > 0 && p->store_ms > time_ms ? p->store_ms - time_ms : -1;
}

/* The folder of a run that no longer shows any life. */
static enum hangar_rc clean_run(struct hg_pruning *p, const char *id, const char **action,
                                struct hg_error *err)
{
    struct hg_error why = {0};
    enum hangar_rc rc = hg_store_abandon(p->sink, p->pipeline->name, id, &why);
    if (rc == HANGAR_EXISTS) { /* it has committed after all */
        return HANGAR_OK;
    }
    if (rc != HANGAR_OK) {
        *err = why;
        return rc;
    }
    *action = "claimed";
    return hg_store_remove(p->sink, p->pipeline->name, id, true, err);
}

/* An id without a manifest when we looked: which of the reasons for that is it, and is
 * its time over?  What is neither ours nor explained is left alone. */
static enum hangar_rc clean(struct hg_pruning *p, const char *id, const char **action,
                            struct hg_error *err)
{
    const char *pipeline = p->pipeline->name;
    bool deleted, marked, began, backup;
    int64_t deleted_ms, marked_ms, began_ms;
    *action = "waiting";
    enum hangar_rc rc = hg_mark_find_abandoned(p->sink, pipeline, id, &marked, &marked_ms, err);
    if (rc == HANGAR_OK && marked) { /* the mark stays for a while, nothing else does */
        bool over = age_of(p, marked_ms) >= HG_ABANDONED_MS;
        *action = over ? "removed" : "waiting";
        return hg_store_remove(p->sink, pipeline, id, !over, err);
    }
    if (rc == HANGAR_OK) {
        rc = look_for(p, id, HG_MANIFEST_NAME, &backup, NULL, err);
    }
    if (rc == HANGAR_OK) {
        rc = look_for(p, id, HG_DELETED_NAME, &deleted, &deleted_ms, err);
    }
    if (rc == HANGAR_OK) {
        rc = look_for(p, id, HG_RUN_NAME, &began, &began_ms, err);
    }
    if (rc != HANGAR_OK || backup) { /* a run elsewhere has committed since we looked */
        return rc;
    }
    if (deleted) {
        int64_t grace = p->config->retention.delete_grace_ms;
        if (grace > 0 && age_of(p, deleted_ms) < grace) {
            return HANGAR_OK;
        }
        *action = "removed";
        return hg_store_remove(p->sink, pipeline, id, false, err);
    }
    return began && age_of(p, began_ms) >= HG_LEASE_MS ? clean_run(p, id, action, err) : HANGAR_OK;
}

static enum hangar_rc clean_leftovers(struct hg_pruning *p, json_t *list, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < p->index->count && rc == HANGAR_OK; i++) {
        const char *action = NULL, *id = p->index->items[i].id;
        if (p->index->items[i].rc != HANGAR_NOT_FOUND) {
            continue;
        }
        struct hg_error why = {0};
        rc = clean(p, id, &action, &why);
        if (rc == HANGAR_EXISTS) {
            action = "locked";
            rc = HANGAR_OK;
        } else if (rc != HANGAR_OK) {
            *err = why;
        }
        if (rc == HANGAR_OK && strcmp(action, "waiting") != 0 && strcmp(action, "locked") != 0) {
            hg_log_event(&p->h->log, HANGAR_LOG_INFO, "prune.cleaned", "%s in sink %s: %s", id,
                         p->sink->name, action);
        }
        if (rc == HANGAR_OK && list) {
            json_t *one = json_object();
            hg_json_set_string(one, "id", id);
            hg_json_set_string(one, "action", action);
            hg_json_add(list, one);
        }
    }
    return rc;
}

enum hangar_rc hg_prune_execute(struct hg_pruning *p, json_t *leftovers, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    /* the oldest first: an interruption leaves the newer ones */
    for (size_t i = p->count; i-- > 0 && rc == HANGAR_OK;) {
        if (!p->items[i].keep) {
            rc = hg_job_cancelled(p->sink->job) ? hg_fail(err, HANGAR_CANCELLED, 0, "interrupted")
                                                : remove_backup(p, &p->items[i], err);
        }
    }
    /* by the store's own clock, but not while ours is in doubt */
    if (rc == HANGAR_OK && !p->clock_wrong) {
        rc = clean_leftovers(p, leftovers, err);
    }
    return rc;
}

void hg_prune_fini(struct hg_pruning *p)
{
    free(p->items);
    hg_index_free(&p->own);
}

/* ---- the job ---- */

static void document(const struct hg_pruning *p, json_t *doc)
{
    hg_json_set(doc, "policy", hg_policy_json(&p->config->retention.policy));
    hg_json_set_string(doc, "zone", p->config->retention.timezone);
    hg_json_set_int(doc, "kept", (int64_t)p->kept);
    hg_json_set_int(doc, "removed", (int64_t)p->removed);
    hg_json_set_int(doc, "locked", (int64_t)p->locked);
    hg_json_set_int(doc, "retained", (int64_t)p->retained);
    hg_json_set_int(doc, "freed_bytes", (int64_t)p->freed_bytes);
    json_t *list = json_array();
    for (size_t i = 0; i < p->count; i++) {
        const struct hg_retained *item = &p->items[i];
        json_t *one = json_object();
        hg_json_set_string(one, "id", item->id);
        hg_json_set_string(one, "kind", item->safety ? "safety" : "backup");
        hg_json_set_time(one, "created", item->time_ms);
        hg_json_set_bool(one, "keep", item->keep);
        hg_json_set_string(one, "reason", item->reason);
        hg_json_add(list, one);
    }
    hg_json_set_string(doc, "oldest", p->oldest ? p->oldest->id : NULL);
    hg_json_set_time(doc, "oldest_time", p->oldest ? p->oldest->time_ms : -1);
    hg_json_set(doc, "backups", list);
}

/* Of a dry run: what would be removed. */
static void tell_removals(struct hg_pruning *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (!p->items[i].keep) {
            p->removed++;
            p->freed_bytes += bytes_of(p, p->items[i].id);
        }
    }
}

/* One sink of one pipeline; the pipeline is locked. */
static enum hangar_rc prune_sink(struct hangar *h, const struct hg_pipeline_config *pipeline,
                                 size_t sink, bool dry, json_t *doc, struct hg_error *err)
{
    struct hg_session s;
    struct hg_pruning p = {.h = h, .pipeline = pipeline, .config = &h->config->instances[sink]};
    json_t *leftovers = json_array();
    int64_t started = hg_mono_ms();
    enum hangar_rc rc = hg_session_begin(&s, h, 0, NULL, NULL, err);
    if (rc != HANGAR_OK) {
        json_decref(leftovers);
        return rc;
    }
    rc = hg_session_open(&s, sink, NULL, 0, &p.sink, err);
    if (rc == HANGAR_OK) {
        rc = hg_store_origin(p.sink, pipeline->name, h->identity.origin, false, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_prune_plan(&p, err);
    }
    if (rc == HANGAR_OK && dry) {
        tell_removals(&p);
    } else if (rc == HANGAR_OK) {
        rc = hg_retain_kept(&p, &p.retained, err);
        if (rc == HANGAR_OK) {
            rc = hg_prune_execute(&p, leftovers, err);
        }
    }
    if (rc == HANGAR_OK && p.clock_wrong) {
        *err = p.clock;
        rc = p.clock.rc;
    }
    if (doc) {
        document(&p, doc);
        hg_json_set(doc, "leftovers", leftovers);
    } else {
        json_decref(leftovers);
    }
    if (!dry && p.removed > 0) {
        hg_counters_add(&h->state, "pruned", pipeline->name, p.config->name, (int64_t)p.removed);
    }
    if (!dry && rc == HANGAR_OK) {
        hg_log_took(&h->log, HANGAR_LOG_INFO, "prune.done", hg_mono_ms() - started,
                    "sink %s of pipeline %s: %zu kept, %zu removed", p.config->name, pipeline->name,
                    p.kept, p.removed);
    }
    hg_prune_fini(&p);
    hg_session_end(&s);
    return rc;
}

void hg_prune_after_backup(struct hangar *h, const struct hg_pipeline_config *pipeline, size_t sink)
{
    struct hg_error err = {0};
    if (!h->config->instances[sink].retention.given) {
        return;
    }
    if (prune_sink(h, pipeline, sink, false, NULL, &err) != HANGAR_OK) {
        hg_log_event(&h->log, HANGAR_LOG_WARN, "prune.failed", "sink %s of pipeline %s: %s",
                     h->config->instances[sink].name, pipeline->name, err.text);
    }
}

/* Of all that is done here, only taking the lock ends with EXISTS. */
static enum hangar_status status_of(enum hangar_rc rc)
{
    return rc == HANGAR_EXISTS ? HANGAR_STATUS_BUSY : hg_status(rc);
}

/* One pipeline, under its lock. */
static void prune_pipeline(struct hangar *h, const struct hg_pipeline_config *pipeline,
                           const char *sink, bool dry, json_t *list, struct hg_error *first)
{
    struct hg_error err = {0};
    int lock = -1;
    if (!dry && hg_pipeline_lock(&h->state, pipeline->name, &lock, &err) != HANGAR_OK) {
        json_t *all = json_object();
        hg_json_set_string(all, "pipeline", pipeline->name);
        hg_json_set_string(all, "sink", sink);
        hg_json_set_string(all, "status", hangar_status_name(status_of(err.rc)));
        hg_json_set_string(all, "error", err.text);
        hg_json_add(list, all);
        *first = first->rc == HANGAR_OK ? err : *first;
        return;
    }
    for (size_t i = 0; i < pipeline->sink_count; i++) {
        const struct hg_instance_config *config = &h->config->instances[pipeline->sinks[i]];
        if (sink && strcmp(sink, config->name) != 0) {
            continue;
        }
        json_t *one = json_object();
        hg_json_set_string(one, "pipeline", pipeline->name);
        hg_json_set_string(one, "sink", config->name);
        hg_error_clear(&err);
        enum hangar_rc rc = prune_sink(h, pipeline, pipeline->sinks[i], dry, one, &err);
        hg_json_set_string(one, "status", hangar_status_name(hg_status(rc)));
        if (rc != HANGAR_OK) {
            hg_json_set_string(one, "error", err.text);
            *first = first->rc == HANGAR_OK ? err : *first;
        }
        hg_json_add(list, one);
    }
    if (lock >= 0) {
        close(lock);
    }
}

enum hangar_status hangar_prune(struct hangar *h, const char *pipeline, const char *sink,
                                uint32_t flags, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.prune/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    json_t *list = json_array();
    struct hg_error err = {0};
    bool dry = flags & HANGAR_REQUEST_DRY_RUN;
    hg_new_run_id(h);
    enum hangar_rc rc = hg_check_names(h->config, pipeline, sink, &err);
    for (size_t i = 0; rc == HANGAR_OK && i < h->config->pipeline_count; i++) {
        const struct hg_pipeline_config *pc = &h->config->pipelines[i];
        if (!pipeline || strcmp(pipeline, pc->name) == 0) {
            prune_pipeline(h, pc, sink, dry, list, &err);
        }
    }
    hg_json_set_bool(doc, "dry_run", dry);
    hg_json_set(doc, "sinks", list);
    return hg_doc_end(h, doc, status_of(err.rc), &err, json);
}
