/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * targets: see targets.h.
 */
#include "jobs/restore/targets.h"

#include <stdlib.h>
#include <string.h>

#include "base/attrs.h"
#include "base/error.h"
#include "base/str.h"
#include "base/thread.h"
#include "catalog/manifest.h"
#include "config/config.h"
#include "inventory/object_infos.h"
#include "pipeline/push.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "session/plugin_set.h"
#include "session/progress.h"
#include "session/session.h"

enum hangar_rc hg_targets_init(struct hg_targets *t, struct hg_session *session,
                               const struct hg_manifest *manifest,
                               const struct hg_object_reader *from, struct hg_error *err)
{
    t->session = session;
    t->manifest = manifest;
    t->from = *from;
    t->items = calloc(manifest->source_count ? manifest->source_count : 1, sizeof(*t->items));
    if (!t->items) {
        return hg_no_memory(err);
    }
    if (manifest->required > 0) {
        return hg_fail(err, HANGAR_UNSUPPORTED, 0,
                       "%s is an incremental backup, which this version cannot restore",
                       manifest->id);
    }
    return HANGAR_OK;
}

void hg_targets_free(struct hg_targets *t)
{
    hg_targets_end(t);
    for (size_t i = 0; i < t->count; i++) {
        struct hg_target *one = &t->items[i];
        if (one->push.report) {
            hg_attrs_free(one->push.report);
            pthread_mutex_destroy(&one->push.mutex);
        }
        hg_infos_free(&one->infos);
        hg_str_free(&one->plan.str);
    }
    free(t->items);
    t->items = NULL;
    t->count = 0;
}

enum hangar_rc hg_target_instance(const struct hg_config *config,
                                  const struct hg_plugin_set *plugins,
                                  const struct hg_manifest_source *from, size_t *instance,
                                  struct hg_error *err)
{
    long found = hg_config_find(config, HG_SOURCE, from->name);
    if (found < 0) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "the configuration has no source %s to restore into; hint: add one with "
                       "plugin: %s, or select other sources with --only",
                       from->name, from->plugin);
    }
    *instance = (size_t)found;
    const struct hg_instance_config *c = &config->instances[found];
    if (strcmp(c->plugin, from->plugin) != 0) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "source %s was backed up with plugin %s, but the configuration names "
                       "plugin %s for it; hint: set plugin: %s",
                       from->name, from->plugin, c->plugin, from->plugin);
    }
    if (!plugins->loaded[found]->source.restore_prepare) {
        return hg_fail(err, HANGAR_UNSUPPORTED, 0, "source %s: plugin %s cannot restore",
                       from->name, from->plugin);
    }
    return HANGAR_OK;
}

enum hangar_rc hg_targets_add(struct hg_targets *t, const struct hg_manifest_source *from,
                              struct hangar_ctx *ctx, uint32_t flags, struct hg_error *err)
{
    struct hg_target *one = &t->items[t->count];
    enum hangar_rc rc = hg_infos_make(t->manifest, from, false, &one->infos, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    one->from = from;
    one->ctx = ctx;
    one->how = (struct hangar_restore){.struct_size = sizeof(one->how),
                                       .flags = flags,
                                       .facts = from->facts,
                                       .objects = one->infos.items,
                                       .object_count = one->infos.count,
                                       .plan = &one->plan,
                                       .target_empty = &one->empty};
    t->count++;
    return HANGAR_OK;
}

void hg_targets_end(struct hg_targets *t)
{
    for (size_t i = 0; i < t->count; i++) {
        struct hg_target *one = &t->items[i];
        if (one->prepared) {
            one->prepared = false;
            HG_CALL_CLEAR(one->ctx, one->ctx->plugin->source.restore_end(one->ctx->inst, NULL));
        }
    }
}

static enum hangar_rc prepare_target(struct hg_target *one, struct hg_error *err)
{
    one->prepared = true;
    return HG_CALL(one->ctx, err,
                   one->ctx->plugin->source.restore_prepare(one->ctx->inst, &one->how));
}

enum hangar_rc hg_targets_check(struct hg_targets *t, const char *hook, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    hg_job_step(&t->session->job, "checking the targets");
    for (size_t i = 0; i < t->count && rc == HANGAR_OK; i++) {
        struct hg_target *one = &t->items[i];
        one->empty = 0;
        one->how.flags |= HANGAR_RESTORE_DRY_RUN;
        struct hg_error why = {0};
        rc = prepare_target(one, &why);
        if (rc == HANGAR_EXISTS && hook) {
            hg_str_addf(&one->plan.str, "the restore would be refused without hook %s: %s\n", hook,
                        why.text);
            rc = HANGAR_OK;
        } else if (rc != HANGAR_OK) {
            hg_error_move(err, &why);
        }
    }
    hg_targets_end(t);
    for (size_t i = 0; i < t->count; i++) {
        t->items[i].how.flags &= ~HANGAR_RESTORE_DRY_RUN;
    }
    return rc;
}

enum hangar_rc hg_targets_prepare(struct hg_targets *t, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    hg_job_step(&t->session->job, "checking the targets");
    for (size_t i = 0; i < t->count && rc == HANGAR_OK; i++) {
        rc = prepare_target(&t->items[i], err);
    }
    return rc;
}

static void load_target(void *arg, size_t i)
{
    struct hg_targets *t = arg;
    hg_push_load(&t->items[i].push);
}

static void set_targets_running(struct hg_targets *t, bool running)
{
    pthread_mutex_lock(&t->mutex);
    t->running = running;
    pthread_mutex_unlock(&t->mutex);
}

/* Over live data each plugin swaps its source here.  Swapped in part, the sources do not fit each
 * other: once the first swap has begun, a request to cancel waits for the others, and a failure of
 * one does not end them. */
static void end_targets(struct hg_targets *t)
{
    bool restored = false;
    if (t->count > 1 && t->items[0].how.flags & HANGAR_RESTORE_CLEAN) {
        hg_job_hold(&t->session->job);
    }
    for (size_t i = 0; i < t->count; i++) {
        struct hg_target *one = &t->items[i];
        hg_push_end(&one->push, restored);
        restored = restored || (one->push.restored && one->how.flags & HANGAR_RESTORE_CLEAN);
    }
}

enum hangar_rc hg_targets_load(struct hg_targets *t, struct hg_error *err)
{
    struct hg_job *job = &t->session->job;
    for (size_t i = 0; i < t->count; i++) {
        struct hg_target *one = &t->items[i];
        one->push = (struct hg_push){.job = job,
                                     .source = one->ctx,
                                     .from = t->from,
                                     .infos = one->infos.items,
                                     .stored = one->infos.stored,
                                     .count = one->infos.count,
                                     .report = hg_attrs_new()};
        pthread_mutex_init(&one->push.mutex, NULL);
        one->prepared = false; /* hg_push_end calls restore_end */
    }
    hg_job_step(job, "restoring");
    set_targets_running(t, true);
    if (!hg_thread_run_all(t->count, load_target, t)) {
        struct hg_error why = {0};
        hg_no_thread(&why);
        hg_job_fail(job, &why);
    }
    end_targets(t);
    set_targets_running(t, false);
    return hg_job_result(job, err);
}

void hg_targets_progress(struct hg_targets *t, struct hg_progress *progress)
{
    struct hangar_progress *p = &progress->values;
    pthread_mutex_lock(&t->mutex);
    for (size_t i = 0; t->running && i < t->count && i < HG_SOURCES_MAX; i++) {
        struct hg_target *one = &t->items[i];
        uint64_t expected = 0;
        for (size_t k = 0; k < one->infos.count; k++) {
            expected += one->infos.items[k].size_hint;
        }
        pthread_mutex_lock(&one->push.mutex);
        progress->sources[i] = (struct hangar_progress_source){.name = one->ctx->name,
                                                               .plain_bytes = one->push.plain_bytes,
                                                               .expected_bytes = expected,
                                                               .done = one->push.done};
        p->stored_bytes += one->push.stored_bytes;
        p->objects_done += one->push.objects_done;
        pthread_mutex_unlock(&one->push.mutex);
        p->plain_bytes += progress->sources[i].plain_bytes;
        p->expected_bytes += expected;
        p->objects_total += one->infos.count;
        p->source_count++;
    }
    pthread_mutex_unlock(&t->mutex);
}
