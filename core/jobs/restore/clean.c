/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean: see clean.h.
 */
#include "jobs/restore/clean.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "config/config.h"
#include "config/options.h"
#include "jobs/backup/backup.h"
#include "jobs/restore/overrides.h"
#include "jobs/restore/restore_state.h"
#include "jobs/restore/superseded.h"
#include "jobs/restore/targets.h"
#include "plugin/job.h"
#include "session/session.h"
#include "state/pipeline_lock.h"

static const struct hg_pipeline_config *pipeline_of_backup(const struct hg_restoration *r)
{
    return &r->h->config->pipelines[r->selected.pipeline];
}

enum hangar_rc hg_clean_lock(struct hg_restoration *r, struct hg_error *err)
{
    if (!hg_restoration_is_clean(r) || hg_restoration_is_dry(r)) {
        return HANGAR_OK;
    }
    enum hangar_rc rc =
        hg_pipeline_lock(&r->h->state, pipeline_of_backup(r)->name, HG_LOCK_RESTORE, &r->lock, err);
    r->busy = rc == HANGAR_EXISTS;
    return rc;
}

/* ---- the safety backup ---- */

/* The sources of a safety backup: the targets that hold data, each with the options that the
 * request sets for it. */
struct safety_sources {
    struct hg_override items[HG_RESTORE_OVERRIDES_MAX]; /* of one source after the other */
    struct hg_source_overrides overrides[HG_SESSION_MAX];
    size_t instances[HG_SESSION_MAX];
    size_t count;
};

static enum hangar_rc collect_safety_sources(const struct hg_restoration *r,
                                             struct safety_sources *s, struct hg_error *err)
{
    size_t used = 0;
    for (size_t i = 0; i < r->targets.count; i++) {
        const struct hg_target *t = &r->targets.items[i];
        if (t->empty) {
            continue;
        }
        struct hg_override *items = &s->items[used];
        /* each item belongs to one source, so that they all fit */
        const size_t n = hg_restore_overrides_of(&r->overrides, t->from->name, items,
                                                 HG_RESTORE_OVERRIDES_MAX - used);
        enum hangar_rc rc =
            hg_target_instance(r->h->config, &r->h->plugins, t->from, &s->instances[s->count], err);
        if (rc != HANGAR_OK) {
            return rc;
        }
        used += n;
        s->overrides[s->count++] = (struct hg_source_overrides){.items = items, .count = n};
    }
    return HANGAR_OK;
}

static void set_safety_runs(struct hg_restoration *r, bool runs)
{
    pthread_mutex_lock(&r->progress_mutex);
    r->safety_runs = runs;
    pthread_mutex_unlock(&r->progress_mutex);
}

static enum hangar_rc make_safety_backup(struct hg_restoration *r, struct hg_error *err)
{
    struct safety_sources *s = calloc(1, sizeof(*s));
    if (!s) {
        return hg_no_memory(err);
    }
    enum hangar_rc rc = collect_safety_sources(r, s, err);
    if (rc == HANGAR_OK && s->count > 0) {
        r->safety = (struct hg_safety){.h = r->h,
                                       .pipeline = pipeline_of_backup(r),
                                       .sink = r->selected.sink,
                                       .sources = s->instances,
                                       .overrides = s->overrides,
                                       .count = s->count,
                                       .parent = &r->session.job};
        hg_job_step(&r->session.job, "making the safety backup");
        set_safety_runs(r, true);
        rc = hg_safety_take(&r->safety, err);
        set_safety_runs(r, false);
        if (rc == HANGAR_OK) {
            hg_superseded_remove(r);
        }
    }
    free(s);
    return rc;
}

/* The hook that the restore will run before it checks the targets, and this dry run does not;
 * NULL: none. */
static const char *hook_of_real_run(const struct hg_restoration *r)
{
    const bool runs = hg_restoration_is_dry(r) && !(r->request->flags & HANGAR_REQUEST_NO_HOOKS) &&
                      pipeline_of_backup(r)->hooks[HG_BEFORE_RESTORE].argv;
    return runs ? hg_hook_name(HG_BEFORE_RESTORE) : NULL;
}

enum hangar_rc hg_clean_begin(struct hg_restoration *r, struct hg_error *err)
{
    enum hangar_rc rc = hg_targets_check(&r->targets, hook_of_real_run(r), err);
    if (rc != HANGAR_OK || hg_restoration_is_dry(r)) {
        return rc;
    }
    for (size_t i = 0; i < r->targets.count; i++) {
        hg_str_free(&r->targets.items[i].plan.str); /* only a dry run shows plans */
    }
    return make_safety_backup(r, err);
}

/* ---- the document ---- */

char *hg_clean_plan_line(const struct hg_restoration *r, const struct hg_target *target)
{
    if (!hg_restoration_is_clean(r) || !hg_restoration_is_dry(r)) {
        return NULL;
    }
    if (target->empty) {
        return hg_format("the target is empty: no safety backup");
    }
    return hg_format("safety backup of its data, into sink %s",
                     r->h->config->instances[r->selected.sink].name);
}

void hg_clean_document(const struct hg_restoration *r, json_t *doc)
{
    json_t *sources = json_array();
    size_t count = 0;
    for (size_t i = 0; hg_restoration_is_clean(r) && i < r->targets.count; i++) {
        if (!r->targets.items[i].empty) {
            hg_json_add(sources, json_string(r->targets.items[i].from->name));
            count++;
        }
    }
    if (count == 0) {
        json_decref(sources);
        hg_json_set(doc, "safety", json_null());
        return;
    }
    const bool made = r->safety.id[0] != '\0';
    const size_t sink = made ? r->safety.stored_in : r->selected.sink;
    json_t *safety = json_object();
    hg_json_set_string(safety, "id", made ? r->safety.id : NULL);
    hg_json_set_string(safety, "sink", r->h->config->instances[sink].name);
    hg_json_set(safety, "sources", sources);
    hg_json_set(doc, "safety", safety);
}
