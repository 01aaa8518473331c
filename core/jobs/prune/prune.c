/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prune: the job: each sink of each pipeline that was asked for, under the pipeline's lock.
 */
#include "jobs/prune/prune.h"

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
#include "inventory/object_lock.h"
#include "inventory/origin.h"
#include "inventory/prune_plan.h"
#include "jobs/prune/expiry.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/session.h"
#include "state/counters.h"
#include "state/pipeline_lock.h"

static void prune_add_backups(const struct hg_prune_plan *plan, json_t *doc)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->count; i++) {
        const struct hg_retention_item *item = &plan->items[i];
        json_t *one = json_object();
        hg_json_set_string(one, "id", item->id);
        hg_json_set_string(one, "kind", hg_backup_kind(item->safety, item->partial));
        hg_json_set_time(one, "created", item->time_ms);
        hg_json_set_bool(one, "keep", item->keep);
        hg_json_set_string(one, "reason", item->reason);
        hg_json_add(list, one);
    }
    hg_json_set_string(doc, "oldest", plan->oldest ? plan->oldest->id : NULL);
    hg_json_set_time(doc, "oldest_time", plan->oldest ? plan->oldest->time_ms : -1);
    hg_json_set(doc, "backups", list);
}

static void prune_document(const struct hg_expiry *p, json_t *doc)
{
    const struct hg_prune_plan *plan = &p->plan;
    hg_json_set(doc, "policy", hg_policy_json(&plan->config->retention.policy));
    hg_json_set_string(doc, "zone", plan->config->retention.timezone);
    hg_json_set_int(doc, "kept", (int64_t)plan->kept);
    hg_json_set_int(doc, "removed", (int64_t)p->removed);
    hg_json_set_int(doc, "locked", (int64_t)p->locked);
    hg_json_set_int(doc, "retained", (int64_t)p->retained);
    hg_json_set_int(doc, "freed_bytes", (int64_t)p->freed_bytes);
    prune_add_backups(plan, doc);
    json_t *leftovers = json_array();
    for (size_t i = 0; i < p->leftover_count; i++) {
        json_t *one = json_object();
        hg_json_set_string(one, "id", p->leftovers[i].id);
        hg_json_set_string(one, "action", hg_leftover_action_name(p->leftovers[i].action));
        hg_json_set_int(one, "files", (int64_t)p->leftovers[i].files);
        hg_json_set_int(one, "bytes", (int64_t)p->leftovers[i].bytes);
        hg_json_set_string(one, "reason", p->leftovers[i].reason);
        hg_json_add(leftovers, one);
    }
    hg_json_set(doc, "leftovers", leftovers);
}

/* Of a dry run: counts what would be removed. */
static void prune_count_removals(struct hg_expiry *p)
{
    for (size_t i = 0; i < p->plan.count; i++) {
        if (!p->plan.items[i].keep) {
            p->removed++;
            p->freed_bytes += hg_prune_plan_bytes(&p->plan, p->plan.items[i].id);
        }
    }
}

/* A backup that cannot be read is kept, and whether the rules keep it is not known: the policy is
 * not carried out as a whole. */
static enum hangar_rc prune_require_known(const struct hg_prune_plan *plan, struct hg_error *err)
{
    for (size_t i = 0; i < plan->index->count; i++) {
        if (plan->index->items[i].rc == HANGAR_IO) {
            return hg_fail(err, HANGAR_IO, 0,
                           "sink %s: prune keeps a backup that it cannot judge: %s",
                           plan->sink->name, plan->index->items[i].problem);
        }
    }
    return HANGAR_OK;
}

static enum hangar_rc prune_run(struct hg_expiry *p, bool dry, struct hg_error *err)
{
    struct hg_prune_plan *plan = &p->plan;
    enum hangar_rc rc = hg_origin_check(plan->h, plan->sink, plan->pipeline->name, false, err);
    if (rc == HANGAR_OK) {
        rc = hg_prune_plan_make(plan, err);
    }
    if (rc == HANGAR_OK && dry) {
        prune_count_removals(p);
        rc = hg_expiry_find_leftovers(p, err);
    } else if (rc == HANGAR_OK) {
        rc = hg_object_lock_kept(plan, &p->retained, err);
        rc = rc == HANGAR_OK ? hg_expiry_execute(p, err) : rc;
    }
    if (rc == HANGAR_OK && plan->clock_is_wrong) {
        *err = plan->clock_error;
        rc = err->rc;
    }
    return rc == HANGAR_OK ? prune_require_known(plan, err) : rc;
}

/* One sink of one pipeline, which is locked unless it is a dry run; doc may be NULL. */
static enum hangar_rc prune_sink_in(struct hg_session *s, const struct hg_pipeline_config *pipeline,
                                    size_t sink, bool dry, json_t *doc, struct hg_error *err)
{
    struct hangar *h = s->h;
    struct hg_expiry p = {
        .plan = {.h = h, .pipeline = pipeline, .config = &h->config->instances[sink]}};
    const char *name = p.plan.config->name;
    int64_t started = hg_mono_ms();
    enum hangar_rc rc = hg_session_open(s, sink, NULL, 0, &p.plan.sink, err);
    if (rc == HANGAR_OK) {
        rc = prune_run(&p, dry, err);
    }
    if (doc) {
        prune_document(&p, doc);
    }
    if (!dry && p.removed > 0) {
        hg_counters_add(&h->state, "pruned", pipeline->name, name, (int64_t)p.removed);
    }
    if (!dry && rc == HANGAR_OK) {
        hg_log_took(&h->log, HANGAR_LOG_INFO, "prune.done", hg_mono_ms() - started,
                    "sink %s of pipeline %s: %zu kept, %zu removed", name, pipeline->name,
                    p.plan.kept, p.removed);
    }
    hg_expiry_fini(&p);
    return rc;
}

static enum hangar_rc prune_sink(struct hangar *h, const struct hg_pipeline_config *pipeline,
                                 size_t sink, bool dry, json_t *doc, struct hg_error *err)
{
    struct hg_session s;
    enum hangar_rc rc = hg_session_begin(&s, h, 0, NULL, NULL, err);
    if (rc == HANGAR_OK) {
        rc = prune_sink_in(&s, pipeline, sink, dry, doc, err);
        hg_session_end(&s);
    }
    return rc;
}

void hg_prune_after_backup(struct hangar *h, struct hg_session *session,
                           const struct hg_pipeline_config *pipeline, size_t sink)
{
    if (!h->config->instances[sink].retention.given) {
        return;
    }
    struct hg_error err = {0};
    enum hangar_rc rc = session ? prune_sink_in(session, pipeline, sink, false, NULL, &err)
                                : prune_sink(h, pipeline, sink, false, NULL, &err);
    if (rc != HANGAR_OK) {
        hg_log_event(&h->log, HANGAR_LOG_WARN, "prune.failed", "sink %s of pipeline %s: %s",
                     h->config->instances[sink].name, pipeline->name, err.text);
    }
}

enum hangar_rc hg_prune_remove(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               const char *id, const char *reason, struct hg_error *err)
{
    struct hg_store_file hold = {0};
    enum hangar_rc rc = hg_origin_check(h, sink, pipeline, false, err);
    if (rc == HANGAR_OK) {
        rc = hg_store_find(sink, pipeline, id, HG_HOLD_NAME, &hold, err);
    }
    if (rc == HANGAR_OK && hold.exists) {
        rc = hg_fail(err, HANGAR_EXISTS, 0, "%s is held in sink %s; hint: `hangar unhold %s`", id,
                     sink->name, id);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = hg_mark_deleted(sink, pipeline, id, h->identity.host, reason, err);
    if (rc == HANGAR_OK) {
        rc = hg_store_remove(sink, pipeline, id, false, err);
        if (rc == HANGAR_CANCELLED) {
            hg_expiry_log_rest(h, sink, id);
        }
    }
    return rc;
}

/* EXISTS can only mean that another run has the pipeline locked. */
static enum hangar_status prune_status(enum hangar_rc rc)
{
    return rc == HANGAR_EXISTS ? HANGAR_STATUS_BUSY : hg_status(rc);
}

/* One pipeline, under its lock. */
static void prune_pipeline(struct hangar *h, const struct hg_pipeline_config *pipeline,
                           const char *sink, bool dry, json_t *list, struct hg_error *first)
{
    struct hg_error err = {0};
    int lock = -1;
    if (!dry &&
        hg_pipeline_lock(&h->state, pipeline->name, HG_LOCK_PRUNE, &lock, &err) != HANGAR_OK) {
        json_t *all = json_object();
        hg_json_set_string(all, "pipeline", pipeline->name);
        hg_json_set_string(all, "sink", sink);
        hg_json_set_string(all, "status", hangar_status_name(prune_status(err.rc)));
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
    return hg_doc_end(h, doc, prune_status(err.rc), &err, json);
}
