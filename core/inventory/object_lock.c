/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retain: see retain.h.
 */
#include "inventory/object_lock.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/retention.h"
#include "catalog/store.h"
#include "config/config.h"
#include "config/retention_rules.h"
#include "inventory/index.h"
#include "jobs/prune/prune.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "plugin/page.h"
#include "session/handle.h"
#include "state/file.h"

#define DAY_MS INT64_C(86400000)

/* ---- what was done before ---- */

static char *name_of(const struct hg_pruning *p)
{
    return hg_format("retained/%s.%s", p->pipeline->name, p->sink->name);
}

static json_t *load(const struct hg_pruning *p)
{
    json_t *known = NULL;
    char *name = name_of(p);
    if (name) {
        hg_state_load(&p->h->state, name, &known, NULL);
    }
    free(name);
    return known ? known : json_object();
}

/* Only of backups that are still there. */
static void save(const struct hg_pruning *p, const json_t *known)
{
    json_t *rest = json_object();
    const char *id;
    json_t *until;
    json_object_foreach ((json_t *)known, id, until) {
        if (hg_index_find(p->index, id)) {
            hg_json_set(rest, id, json_incref(until));
        }
    }
    char *name = name_of(p), *text = hg_json_line(rest);
    if (name && text) {
        hg_state_write(&p->h->state, name, text, strlen(text), NULL);
    }
    free(text);
    free(name);
    json_decref(rest);
}

/* ---- the objects of one backup ---- */

struct retaining {
    struct hangar_ctx *sink;
    size_t skip; /* length of "<pipeline>/<id>/" */
    int64_t until_ms;
};

/* What comes and goes beside a backup is not part of it. */
static bool is_part(const char *name)
{
    return strcmp(name, HG_RUN_NAME) != 0 && strcmp(name, HG_HOLD_NAME) != 0 &&
           strcmp(name, HG_DELETED_NAME) != 0 && strncmp(name, "verify/", 7) != 0;
}

static enum hangar_rc retain_page(void *arg, const struct hg_page_entries *page,
                                  struct hg_error *err)
{
    struct retaining *r = arg;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < page->count && rc == HANGAR_OK; i++) {
        const char *name = page->items[i].name;
        if (hg_job_cancelled(r->sink->job)) {
            rc = hg_fail(err, HANGAR_CANCELLED, 0, "interrupted");
        } else if (is_part(name + r->skip)) {
            rc = HG_CALL(r->sink, err,
                         r->sink->plugin->sink.retain(r->sink->inst, name, r->until_ms));
        }
    }
    return rc;
}

static enum hangar_rc retain(struct hg_pruning *p, const char *id, int64_t until_ms,
                             struct hg_error *err)
{
    char *prefix = hg_store_path(p->pipeline->name, id, NULL);
    if (!prefix) {
        return hg_no_memory(err);
    }
    struct retaining r = {.sink = p->sink, .skip = strlen(prefix), .until_ms = until_ms};
    enum hangar_rc rc = hg_sink_list(p->sink, prefix, 0, retain_page, &r, err);
    free(prefix);
    return rc;
}

/* 0: nobody can tell. */
static int64_t surely_until(const struct hg_pruning *p, const struct hg_retained *item)
{
    int64_t age_ms = hg_policy_kept_age_ms(&p->config->retention.policy);
    if (age_ms == 0 || !item->good || item->safety || item->time_ms > p->now_ms) {
        return 0;
    }
    int64_t until = item->time_ms + age_ms;
    return until > p->now_ms ? until : 0;
}

enum hangar_rc hg_retain_kept(struct hg_pruning *p, size_t *count, struct hg_error *err)
{
    *count = 0;
    if (!p->sink->plugin->sink.retain || p->clock_wrong) { /* a wrong clock must not lock */
        return HANGAR_OK;
    }
    json_t *known = load(p);
    struct hg_error why = {0};
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < p->count && rc == HANGAR_OK; i++) {
        const struct hg_retained *item = &p->items[i];
        int64_t until = surely_until(p, item);
        if (until > hg_json_int(known, item->id, 0)) {
            rc = retain(p, item->id, until, &why);
            if (rc == HANGAR_OK) {
                hg_json_set_int(known, item->id, until);
                ++*count;
            }
        }
    }
    if (*count > 0) {
        save(p, known);
    }
    json_decref(known);
    if (rc == HANGAR_UNSUPPORTED) { /* this store cannot, or was not asked to */
        return HANGAR_OK;
    }
    return rc == HANGAR_OK ? rc : hg_error_move(err, &why);
}

void hg_retain_copied(struct hangar *h, const struct hg_pipeline_config *pipeline,
                      const struct hg_instance_config *config, struct hangar_ctx *sink)
{
    struct hg_pruning p = {.h = h, .pipeline = pipeline, .config = config, .sink = sink};
    struct hg_error err = {0};
    if (!sink->plugin->sink.retain || hg_policy_kept_age_ms(&config->retention.policy) == 0) {
        return;
    }
    enum hangar_rc rc = hg_prune_plan(&p, &err);
    if (rc == HANGAR_OK) {
        rc = hg_retain_kept(&p, &p.retained, &err);
    }
    if (rc != HANGAR_OK) {
        hg_log_event(&h->log, HANGAR_LOG_WARN, "retain.failed", "sink %s of pipeline %s: %s",
                     config->name, pipeline->name, err.text);
    }
    hg_prune_fini(&p);
}
