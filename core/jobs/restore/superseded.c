/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * superseded: see superseded.h.
 */
#include "jobs/restore/superseded.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "config/config.h"
#include "inventory/goodness.h"
#include "jobs/prune/prune.h"
#include "plugin/instance.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/session.h"
#include "state/restore_tries.h"

static bool superseded_add_target(struct hg_try_targets *targets, const struct hg_target *t)
{
    return hg_try_targets_add(targets,
                              hg_format("%s: %s", t->from->name, hg_instance_target(t->ctx)));
}

/* Adds the targets that hold data.  False: a plugin does not name its target, so that two
 * restores cannot be compared; or out of memory. */
static bool superseded_targets(const struct hg_restoration *r, struct hg_try_targets *out)
{
    bool ok = true;
    for (size_t i = 0; ok && i < r->targets.count; i++) {
        const struct hg_target *t = &r->targets.items[i];
        ok = t->empty || (t->ctx->plugin->d.describe && superseded_add_target(out, t));
    }
    return ok;
}

/* Opens the sink of a try; NOT_FOUND: the pipeline no longer has it. */
static enum hangar_rc open_sink_of_try(struct hg_session *s, const struct hg_pipeline_config *p,
                                       const struct hg_try *t, struct hangar_ctx **sink,
                                       struct hg_error *err)
{
    size_t instance;
    enum hangar_rc rc = hg_find_pipeline_sink(s->h->config, p, t->sink, &instance, err);
    return rc == HANGAR_OK ? hg_session_open(s, instance, NULL, 0, sink, err) : rc;
}

/* OK: it is a good safety backup of this origin. */
static enum hangar_rc superseded_judge(struct hg_session *s, const struct hg_pipeline_config *p,
                                       const struct hg_try *t, struct hangar_ctx **sink,
                                       struct hg_error *err)
{
    struct hg_manifest m = {0};
    enum hangar_rc rc = open_sink_of_try(s, p, t, sink, err);
    if (rc == HANGAR_OK) {
        rc = hg_mark_find_backup(*sink, p->name, t->id, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_goodness(s->h, *sink, p->name, t->id, &m, err);
    }
    if (rc == HANGAR_OK && (!m.safety || strcmp(m.origin, s->h->identity.origin) != 0)) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0, "%s is not a safety backup of this origin", t->id);
    }
    hg_manifest_free(&m);
    return rc;
}

/* True: it is gone. */
static bool superseded_remove_one(struct hg_restoration *r, struct hg_session *s,
                                  const struct hg_try *t, const struct hg_try *first)
{
    const struct hg_pipeline_config *p = &r->h->config->pipelines[r->selected.pipeline];
    if (strcmp(t->id, r->selected.manifest.id) == 0) {
        return false;
    }
    struct hangar_ctx *sink = NULL;
    struct hg_error err = {0};
    enum hangar_rc rc = superseded_judge(s, p, t, &sink, &err);
    if (rc == HANGAR_NOT_FOUND) {
        return true;
    }
    if (rc == HANGAR_OK) {
        rc = hg_prune_remove(r->h, sink, p->name, t->id, "made by an earlier try of a restore",
                             &err);
    }
    if (rc == HANGAR_OK) {
        hg_log_event(
            &r->h->log, HANGAR_LOG_INFO, "safety.removed",
            "%s from sink %s: made by an earlier try of this restore; %s has the data from "
            "before the first try",
            t->id, t->sink, first->id);
        return true;
    }
    hg_log_event(&r->h->log, HANGAR_LOG_INFO, "safety.kept",
                 "%s, made by an earlier try of this restore: %s", t->id, err.text);
    return false;
}

/* Removes what is between the first of the tries that still exists and the last one.  Nothing,
 * unless the first is good. */
static void superseded_remove_between(struct hg_restoration *r, struct hg_session *s,
                                      struct hg_tries *tries)
{
    const struct hg_pipeline_config *p = &r->h->config->pipelines[r->selected.pipeline];
    struct hangar_ctx *sink = NULL;
    struct hg_error err = {0};
    enum hangar_rc rc;
    while ((rc = superseded_judge(s, p, &tries->items[0], &sink, &err)) == HANGAR_NOT_FOUND &&
           tries->count > 2) {
        memmove(tries->items, tries->items + 1, --tries->count * sizeof(tries->items[0]));
        hg_error_clear(&err);
    }
    if (rc != HANGAR_OK) {
        hg_log_event(&r->h->log, HANGAR_LOG_INFO, "safety.kept",
                     "safety backups of earlier tries of this restore: %s", err.text);
        return;
    }
    size_t kept = 1;
    for (size_t i = 1; i < tries->count; i++) {
        const bool newest = i + 1 == tries->count;
        if (newest || !superseded_remove_one(r, s, &tries->items[i], &tries->items[0])) {
            tries->items[kept++] = tries->items[i];
        }
    }
    tries->count = kept;
}

/* Adds the safety backup of this try.  Where there is no room, the second is left to retention. */
static void superseded_add(const struct hg_restoration *r, struct hg_tries *tries)
{
    if (tries->count == HG_TRIES_MAX) {
        memmove(tries->items + 1, tries->items + 2, (HG_TRIES_MAX - 2) * sizeof(tries->items[0]));
        tries->count--;
    }
    struct hg_try *t = &tries->items[tries->count++];
    snprintf(t->id, sizeof(t->id), "%s", r->safety.id);
    snprintf(t->sink, sizeof(t->sink), "%s", r->h->config->instances[r->safety.stored_in].name);
}

void hg_superseded_remove(struct hg_restoration *r)
{
    const char *pipeline = r->h->config->pipelines[r->selected.pipeline].name;
    struct hg_try_targets targets = {0};
    if (!superseded_targets(r, &targets)) {
        hg_try_targets_free(&targets);
        return;
    }
    struct hg_tries tries;
    hg_tries_load(&r->h->state, pipeline, &targets, hg_now_ms(), &tries);
    superseded_add(r, &tries);
    struct hg_error err = {0};
    /* first, so that a kill leaves none of the backups out of the file */
    enum hangar_rc rc = hg_tries_save(&r->h->state, pipeline, &targets, hg_now_ms(), &tries, &err);
    if (rc == HANGAR_OK && tries.count > 2) {
        struct hg_session s;
        rc = hg_session_begin(&s, r->h, 0, NULL, NULL, &err);
        if (rc == HANGAR_OK) {
            superseded_remove_between(r, &s, &tries);
            hg_session_end(&s);
            rc = hg_tries_save(&r->h->state, pipeline, &targets, hg_now_ms(), &tries, &err);
        }
    }
    if (rc != HANGAR_OK) {
        hg_log_line(&r->h->log, HANGAR_LOG_WARN,
                    "cannot remove safety backups of earlier tries of this restore: %s", err.text);
    }
    hg_try_targets_free(&targets);
}

void hg_superseded_end(struct hg_restoration *r)
{
    struct hg_try_targets targets = {0};
    for (size_t i = 0; i < r->targets.count; i++) { /* also those that held no data */
        superseded_add_target(&targets, &r->targets.items[i]);
    }
    hg_tries_forget(&r->h->state, r->h->config->pipelines[r->selected.pipeline].name, &targets,
                    hg_now_ms());
    hg_try_targets_free(&targets);
}
