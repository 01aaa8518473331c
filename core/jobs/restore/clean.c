/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_clean: what a restore over live data does before it changes anything.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "config/config.h"
#include "config/options.h"
#include "jobs/backup/backup.h"
#include "jobs/backup/backup.h"
#include "jobs/restore/restore.h"
#include "jobs/restore/targets.h"
#include "plugin/job.h"
#include "session/session.h"
#include "state/pipeline_lock.h"

enum hangar_rc hg_clean_lock(struct hg_restoring *r, struct hg_error *err)
{
    const struct hg_pipeline_config *p = &r->h->config->pipelines[r->selected.pipeline];
    if (!hg_restoring_clean(r) || hg_restoring_dry(r)) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = hg_pipeline_lock(&r->h->state, p->name, &r->lock, err);
    r->busy = rc == HANGAR_EXISTS;
    return rc;
}

/* ---- the safety backup ---- */

/* What a safety backup is made of, while it runs. */
struct saving {
    struct hg_override options[HG_MAX_SET]; /* of all sources, one source after the other */
    struct hg_source_overrides overrides[HG_SESSION_MAX];
    size_t sources[HG_SESSION_MAX];
    size_t count;
};

static enum hangar_rc choose_sources(const struct hg_restoring *r, struct saving *s,
                                     struct hg_error *err)
{
    size_t used = 0;
    for (size_t i = 0; i < r->targets.count; i++) {
        const struct hg_target *t = &r->targets.items[i];
        if (t->empty) {
            continue;
        }
        struct hg_override *options = &s->options[used];
        struct hg_override own[HG_MAX_SET];
        size_t n = hg_restoring_overrides(r, t->from->name, own);
        memcpy(options, own, n * sizeof(*own));
        used += n;
        s->overrides[s->count] = (struct hg_source_overrides){.items = options, .count = n};
        enum hangar_rc rc = hg_target_instance(r->h, t->from, &s->sources[s->count], err);
        if (rc != HANGAR_OK) {
            return rc;
        }
        s->count++;
    }
    return HANGAR_OK;
}

static void set_saving(struct hg_restoring *r, bool saving)
{
    pthread_mutex_lock(&r->tick_mutex);
    r->saving = saving;
    pthread_mutex_unlock(&r->tick_mutex);
}

static enum hangar_rc save(struct hg_restoring *r, struct hg_error *err)
{
    struct saving *s = calloc(1, sizeof(*s));
    if (!s) {
        return hg_no_memory(err);
    }
    enum hangar_rc rc = choose_sources(r, s, err);
    if (rc == HANGAR_OK && s->count > 0) {
        r->safety = (struct hg_safety){.h = r->h,
                                       .pipeline = &r->h->config->pipelines[r->selected.pipeline],
                                       .sink = r->selected.sink,
                                       .sources = s->sources,
                                       .overrides = s->overrides,
                                       .count = s->count,
                                       .parent = &r->session.job};
        hg_job_step(&r->session.job, "taking a safety backup");
        set_saving(r, true);
        rc = hg_safety_take(&r->safety, err);
        set_saving(r, false);
    }
    free(s);
    return rc;
}

/* The hook that a dry run does not run, and the restore will before it looks; or NULL. */
static const char *hook_to_come(const struct hg_restoring *r)
{
    const struct hg_pipeline_config *p = &r->h->config->pipelines[r->selected.pipeline];
    bool comes = hg_restoring_dry(r) && !(r->request->flags & HANGAR_REQUEST_NO_HOOKS) &&
                 p->hooks[HG_BEFORE_RESTORE].argv;
    return comes ? hg_hook_name(HG_BEFORE_RESTORE) : NULL;
}

enum hangar_rc hg_clean_begin(struct hg_restoring *r, struct hg_error *err)
{
    enum hangar_rc rc = hg_targets_look(&r->targets, hook_to_come(r), err);
    if (rc != HANGAR_OK || hg_restoring_dry(r)) {
        return rc;
    }
    for (size_t i = 0; i < r->targets.count; i++) {
        hg_str_free(&r->targets.items[i].plan.str); /* a plan is for dry runs */
    }
    return save(r, err);
}

/* ---- telling ---- */

char *hg_clean_plan(const struct hg_restoring *r, const struct hg_target *target)
{
    struct hg_str line = {0};
    if (!hg_restoring_clean(r) || !hg_restoring_dry(r)) {
        return NULL;
    }
    if (target->empty) {
        hg_str_add(&line, "holds nothing: no safety backup");
    } else {
        hg_str_addf(&line, "safety backup of what it holds, into sink %s",
                    r->h->config->instances[r->selected.sink].name);
    }
    return hg_str_take(&line);
}

void hg_clean_document(const struct hg_restoring *r, json_t *doc)
{
    json_t *sources = json_array();
    for (size_t i = 0; hg_restoring_clean(r) && i < r->targets.count; i++) {
        if (!r->targets.items[i].empty) {
            hg_json_add(sources, json_string(r->targets.items[i].from->name));
        }
    }
    if (json_array_size(sources) == 0) {
        json_decref(sources);
        hg_json_set(doc, "safety", json_null());
        return;
    }
    size_t sink = r->safety.id[0] ? r->safety.stored_in : r->selected.sink;
    json_t *safety = json_object();
    hg_json_set_string(safety, "id", r->safety.id[0] ? r->safety.id : NULL);
    hg_json_set_string(safety, "sink", r->h->config->instances[sink].name);
    hg_json_set(safety, "sources", sources);
    hg_json_set(doc, "safety", safety);
}
