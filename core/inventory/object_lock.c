/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * object_lock: see object_lock.h.
 */
#include "inventory/object_lock.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/retention.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "config/config.h"
#include "config/retention_rules.h"
#include "inventory/completeness.h"
#include "inventory/index.h"
#include "inventory/prune_plan.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "plugin/page.h"
#include "session/handle.h"
#include "state/file.h"

#define DAY_MS INT64_C(86400000)

/* ---- which backups this machine has locked, and until when ---- */

static char *lock_memory_name(const struct hg_prune_plan *plan)
{
    return hg_format("retained/%s.%s", plan->pipeline->name, plan->sink->name);
}

/* Until when each backup of the plan's index is locked, in the order of the index; 0: not known.
 * For the caller to free; NULL when out of memory. */
static int64_t *lock_memory_load(const struct hg_prune_plan *plan)
{
    char *name = lock_memory_name(plan);
    int64_t *until_ms = calloc(plan->index->count + 1, sizeof(*until_ms));
    json_t *known = NULL;
    if (name && until_ms && hg_state_load(&plan->h->state, name, &known, NULL) == HANGAR_OK) {
        for (size_t i = 0; i < plan->index->count; i++) {
            until_ms[i] = hg_json_int(known, plan->index->items[i].id, 0);
        }
    }
    json_decref(known);
    free(name);
    return until_ms;
}

/* Forgets backups that are gone. */
static void lock_memory_save(const struct hg_prune_plan *plan, const int64_t *until_ms)
{
    json_t *known = json_object();
    for (size_t i = 0; i < plan->index->count; i++) {
        if (until_ms[i] > 0) {
            hg_json_set_int(known, plan->index->items[i].id, until_ms[i]);
        }
    }
    char *name = lock_memory_name(plan), *text = hg_json_line(known);
    if (name && text) {
        hg_state_write(&plan->h->state, name, text, strlen(text), NULL);
    }
    free(text);
    free(name);
    json_decref(known);
}

/* ---- the objects of one backup ---- */

struct backup_lock {
    struct hangar_ctx *sink;
    size_t skip; /* length of "<pipeline>/<id>/" */
    int64_t until_ms;
};

/* Marks and records come and go beside a backup: they are never locked. */
static bool is_lockable(const char *name)
{
    return strcmp(name, HG_MANIFEST_NAME) == 0 || strcmp(name, HG_SIGNATURE_NAME) == 0 ||
           !hg_completeness_ignores(name);
}

static enum hangar_rc lock_page(void *arg, const struct hg_page_entries *page, struct hg_error *err)
{
    struct backup_lock *lock = arg;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < page->count && rc == HANGAR_OK; i++) {
        const char *name = page->items[i].name;
        rc = hg_job_check(lock->sink->job, err);
        if (rc == HANGAR_OK && is_lockable(name + lock->skip)) {
            rc = HG_CALL(lock->sink, err,
                         lock->sink->plugin->sink.retain(lock->sink->inst, name, lock->until_ms));
        }
    }
    return rc;
}

static enum hangar_rc lock_backup(const struct hg_prune_plan *plan, const char *id,
                                  int64_t until_ms, struct hg_error *err)
{
    char *prefix = hg_store_path(plan->pipeline->name, id, NULL);
    if (!prefix) {
        return hg_no_memory(err);
    }
    struct backup_lock lock = {.sink = plan->sink, .skip = strlen(prefix), .until_ms = until_ms};
    enum hangar_rc rc = hg_sink_list(plan->sink, prefix, 0, lock_page, &lock, err);
    free(prefix);
    return rc;
}

/* Until when keep_days certainly keeps the backup; 0: not certain. */
static int64_t lock_until(const struct hg_prune_plan *plan, const struct hg_retention_item *item)
{
    int64_t age_ms = hg_policy_kept_age_ms(&plan->config->retention.policy);
    if (age_ms == 0 || !hg_retention_item_counts(item) || item->time_ms > plan->now_ms) {
        return 0;
    }
    int64_t until = item->time_ms + age_ms;
    return until > plan->now_ms ? until : 0;
}

enum hangar_rc hg_object_lock_kept(const struct hg_prune_plan *plan, size_t *count,
                                   struct hg_error *err)
{
    *count = 0;
    if (!plan->sink->plugin->sink.retain ||
        plan->clock_is_wrong) { /* a wrong clock must not lock */
        return HANGAR_OK;
    }
    int64_t *known_ms = lock_memory_load(plan);
    if (!known_ms) {
        return hg_no_memory(err);
    }
    struct hg_error why = {0};
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < plan->count && rc == HANGAR_OK; i++) {
        const struct hg_retention_item *item = &plan->items[i];
        int64_t *known = &known_ms[item->index];
        int64_t until = lock_until(plan, item);
        if (until > *known) {
            rc = lock_backup(plan, item->id, until, &why);
            if (rc == HANGAR_OK) {
                *known = until;
                ++*count;
            }
        }
    }
    if (*count > 0) {
        lock_memory_save(plan, known_ms);
    }
    free(known_ms);
    if (rc ==
        HANGAR_UNSUPPORTED) { /* this store cannot lock, or the configuration does not ask for it */
        return HANGAR_OK;
    }
    return rc == HANGAR_OK ? rc : hg_error_move(err, &why);
}

void hg_object_lock_copied(struct hangar *h, const struct hg_pipeline_config *pipeline,
                           const struct hg_instance_config *config, struct hangar_ctx *sink)
{
    struct hg_prune_plan plan = {.h = h, .pipeline = pipeline, .config = config, .sink = sink};
    if (!sink->plugin->sink.retain || hg_policy_kept_age_ms(&config->retention.policy) == 0) {
        return;
    }
    struct hg_error err = {0};
    enum hangar_rc rc = hg_prune_plan_make(&plan, &err);
    if (rc == HANGAR_OK) {
        size_t count;
        rc = hg_object_lock_kept(&plan, &count, &err);
    }
    if (rc != HANGAR_OK) {
        hg_log_event(&h->log, HANGAR_LOG_WARN, "retain.failed", "sink %s of pipeline %s: %s",
                     config->name, pipeline->name, err.text);
    }
    hg_prune_plan_free(&plan);
}
