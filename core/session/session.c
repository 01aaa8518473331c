/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * session: see session.h.
 */
#include "session/session.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "config/config.h"
#include "config/options.h"
#include "config/overlay.h"
#include "config/problems.h"
#include "config/yaml.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "plugin/loader.h"
#include "session/handle.h"
#include "session/signing_keys.h"

size_t hg_workers(const struct hg_config *config)
{
    if (config->workers > 0) {
        return (size_t)config->workers;
    }
    cpu_set_t cpus;
    int n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    return n < 1 ? 1 : n > 16 ? 16 : (size_t)n;
}

/* The settings that all jobs of a handle have in common. */
static struct hg_job_settings common_settings(struct hangar *h, int64_t stall_ms)
{
    return (struct hg_job_settings){.log = &h->log,
                                    .memory_bytes = (size_t)h->config->memory_bytes,
                                    .stall_timeout_ms =
                                        stall_ms ? stall_ms : h->config->stall_timeout_ms,
                                    .temp_base = h->temp_base};
}

static enum hangar_rc session_begin(struct hg_session *s, struct hangar *h,
                                    const struct hg_job_settings *settings, struct hg_error *err)
{
    memset(s, 0, sizeof(*s));
    s->h = h;
    return hg_job_begin(&s->job, settings, err);
}

enum hangar_rc hg_session_begin(struct hg_session *s, struct hangar *h, int64_t stall_ms,
                                void (*on_tick)(void *arg), void *arg, struct hg_error *err)
{
    struct hg_job_settings settings = common_settings(h, stall_ms);
    settings.requested = &h->caller.cancel;
    settings.on_tick = on_tick;
    settings.arg = arg;
    const struct hg_signing *signing = NULL;
    enum hangar_rc rc = hg_key_load(h->config, &h->signing, &signing, err);
    if (rc == HANGAR_OK) {
        rc = session_begin(s, h, &settings, err);
        s->signing = signing;
    }
    return rc;
}

enum hangar_rc hg_session_begin_keyless(struct hg_session *s, struct hangar *h,
                                        struct hg_error *err)
{
    struct hg_job_settings settings = common_settings(h, 0);
    settings.requested = &h->caller.cancel;
    return session_begin(s, h, &settings, err);
}

enum hangar_rc hg_session_begin_apart(struct hg_session *s, struct hangar *h, int64_t stall_ms,
                                      struct hg_error *err)
{
    const struct hg_job_settings settings = common_settings(h, stall_ms);
    return session_begin(s, h, &settings, err);
}

enum hangar_rc hg_session_result(struct hg_session *s, enum hangar_rc rc, struct hg_error *err)
{
    if (rc == HANGAR_OK) {
        return HANGAR_OK;
    }
    if (hg_job_cancelled(&s->job)) {
        hg_error_clear(err);
        return hg_job_result(&s->job, err);
    }
    if (s->job.set.requested && atomic_load(s->job.set.requested)) {
        /* the caller has cancelled and returned an error, and the monitor has not seen it yet */
        hg_error_clear(err);
        return hg_interrupted(err);
    }
    return rc;
}

void hg_session_close_from(struct hg_session *s, size_t count)
{
    while (s->count > count) {
        struct hg_session_instance *i = &s->open[--s->count];
        hg_instance_close(i->ctx);
        hg_options_free(&i->options);
    }
}

void hg_session_end(struct hg_session *s)
{
    hg_session_close_from(s, 0);
    hg_job_end(&s->job);
}

/* Opens an instance in the next free place, where its options are. */
static enum hangar_rc open_next(struct hg_session *s, const struct hg_instance_spec *spec,
                                struct hangar_ctx **out, struct hg_error *err)
{
    struct hg_session_instance *i = &s->open[s->count];
    enum hangar_rc rc = hg_instance_open(&s->job, spec, &i->ctx, err);
    if (rc != HANGAR_OK) {
        hg_options_free(&i->options);
        return rc;
    }
    s->count++;
    *out = i->ctx;
    return HANGAR_OK;
}

/* Reads the options of the instance in the next free place. */
static enum hangar_rc read_next_options(struct hg_session *s,
                                        const struct hg_options_request *request,
                                        struct hg_error *err)
{
    struct hg_session_instance *i = &s->open[s->count];
    if (s->count == HG_SESSION_MAX) {
        return hg_fail(err, HANGAR_CONFIG, 0, "more than %d instances at once", HG_SESSION_MAX);
    }
    struct hg_problems problems = {.file = s->h->config->path};
    memset(i, 0, sizeof(*i));
    bool ok = hg_options_read(&i->options, request, &problems);
    enum hangar_rc rc = HANGAR_OK;
    if (!ok) {
        rc = hg_problems_fail(&problems, err);
        hg_options_free(&i->options);
    }
    hg_problems_free(&problems);
    return rc;
}

/* What is the same in each request for the options of a plugin. */
static struct hg_options_request options_request(const struct hg_session *s,
                                                 const struct hg_plugin *plugin)
{
    return (struct hg_options_request){
        .table = plugin->options, .dir = s->h->config->dir, .read_secrets = true};
}

/* Opens an instance of the configuration with the options and overrides of the request. */
static enum hangar_rc open_configured(struct hg_session *s, size_t instance,
                                      struct hg_options_request *request, struct hangar_ctx **out,
                                      struct hg_error *err)
{
    const struct hg_instance_config *c = &s->h->config->instances[instance];
    request->line = c->line;
    request->column = c->column;
    enum hangar_rc rc = read_next_options(s, request, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct hg_instance_spec spec = {.plugin = s->h->plugins.loaded[instance],
                                    .kind = hg_kind_name(c->kind),
                                    .name = c->name,
                                    .file = s->h->config->path,
                                    .options = &s->open[s->count].options,
                                    .bytes_per_second = c->rate_limit,
                                    .signing = s->signing};
    return open_next(s, &spec, out, err);
}

enum hangar_rc hg_session_open(struct hg_session *s, size_t instance,
                               const struct hg_override *overrides, size_t override_count,
                               struct hangar_ctx **out, struct hg_error *err)
{
    const struct hg_instance_config *c = &s->h->config->instances[instance];
    for (size_t i = 0; i < s->count && override_count == 0; i++) {
        if (s->open[i].config == c && !atomic_load(&s->open[i].ctx->cancelled)) {
            *out = s->open[i].ctx;
            return HANGAR_OK;
        }
    }
    struct hg_options_request request = options_request(s, s->h->plugins.loaded[instance]);
    request.node = c->options;
    request.overrides = overrides;
    request.override_count = override_count;
    enum hangar_rc rc = open_configured(s, instance, &request, out, err);
    if (rc == HANGAR_OK) {
        s->open[s->count - 1].config = override_count == 0 ? c : NULL;
    }
    return rc;
}

enum hangar_rc hg_session_open_scratch(struct hg_session *s, size_t instance,
                                       struct hangar_ctx **out, struct hg_error *err)
{
    const struct hg_instance_config *c = &s->h->config->instances[instance];
    struct hg_yaml both;
    if (!hg_overlay_make(s->h->plugins.loaded[instance]->options, c->options, c->scratch, &both)) {
        return hg_no_memory(err);
    }
    struct hg_options_request request = options_request(s, s->h->plugins.loaded[instance]);
    request.node = &both;
    enum hangar_rc rc = open_configured(s, instance, &request, out, err);
    hg_overlay_free(&both);
    return rc;
}

/* The configured instance that fits a transform of a manifest best; -1: none. */
static long transform_instance(const struct hangar *h, const struct hg_manifest_transform *t)
{
    long found = -1;
    for (size_t i = 0; i < h->config->instance_count; i++) {
        const struct hg_instance_config *c = &h->config->instances[i];
        if (c->kind != HG_TRANSFORM || !c->plugin || strcmp(c->plugin, t->plugin) != 0) {
            continue;
        }
        if (strcmp(c->name, t->name) == 0) {
            return (long)i;
        }
        found = found < 0 ? (long)i : found;
    }
    return found;
}

enum hangar_rc hg_session_chain(struct hg_session *s, const struct hg_manifest *m,
                                struct hangar_ctx **chain, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < m->chain_count && rc == HANGAR_OK; i++) {
        const struct hg_manifest_transform *t = &m->chain[i];
        long instance = transform_instance(s->h, t);
        if (instance >= 0) {
            rc = hg_session_open(s, (size_t)instance, NULL, 0, &chain[i], err);
            continue;
        }
        const struct hg_plugin *plugin = NULL;
        rc = hg_plugin_load((const char *const *)s->h->plugins.dirs, t->plugin, &plugin, err);
        if (rc == HANGAR_OK && !plugin->d.transform) {
            rc = hg_fail(err, HANGAR_CONFIG, 0, "plugin %s is not a transform", t->plugin);
        }
        if (rc == HANGAR_OK) {
            const struct hg_options_request request = options_request(s, plugin);
            rc = read_next_options(s, &request, err);
        }
        if (rc == HANGAR_OK) {
            struct hg_instance_spec spec = {.plugin = plugin,
                                            .kind = hg_kind_name(HG_TRANSFORM),
                                            .name = t->name,
                                            .file = s->h->config->path,
                                            .options = &s->open[s->count].options};
            rc = open_next(s, &spec, &chain[i], err);
        }
        if (rc != HANGAR_OK) {
            hg_context(err, "cannot decode %s", m->id);
        }
    }
    return rc;
}
