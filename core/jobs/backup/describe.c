/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * describe: fills the parts of the manifest that do not depend on the objects.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/json.h"
#include "catalog/manifest.h"
#include "catalog/retention.h"
#include "jobs/backup/run.h"
#include "plugin/instance.h"
#include "session/document.h"
#include "state/capabilities.h"

static bool run_describe_source(const struct hg_run *run, size_t i, struct hg_manifest_source *s)
{
    struct hangar_ctx *ctx = run->open.sources[i];
    s->name = strdup(ctx->name);
    s->plugin = strdup(ctx->plugin->d.name);
    s->version = strdup(ctx->plugin->d.version);
    s->target = strdup(hg_instance_target(ctx));
    s->options = hg_doc_options(ctx->options);
    return s->name && s->plugin && s->version && s->target && s->options;
}

static bool run_describe_transform(struct hangar_ctx *ctx, struct hg_manifest_transform *t)
{
    t->name = strdup(ctx->name);
    t->plugin = strdup(ctx->plugin->d.name);
    t->version = strdup(ctx->plugin->d.version);
    t->suffix = strdup(ctx->plugin->transform.suffix);
    t->decode = strdup(ctx->plugin->transform.decode_command);
    return t->name && t->plugin && t->version && t->suffix && t->decode;
}

/* The plugin of a sink, and what the last check found out about the store. */
static json_t *run_describe_sink(const struct hg_run *run, const struct hg_run_sink *sink)
{
    struct hangar_ctx *ctx = sink->place.sink;
    json_t *one = ctx ? hg_capabilities_load(&run->h->state, ctx) : NULL;
    one = one ? one : json_object();
    hg_json_set_string(one, "plugin", sink->config->plugin);
    if (ctx) {
        hg_json_set_string(one, "version", ctx->plugin->d.version);
    }
    return one;
}

bool hg_run_describe(const struct hg_run *run, struct hg_manifest *m)
{
    struct utsname u;
    if (uname(&u) != 0) {
        return false;
    }
    m->format = HG_MANIFEST_FORMAT;
    m->safety = run->request.safety;
    m->partial = !m->safety && run->request.source_count < run->request.pipeline->source_count;
    m->id = strdup(run->result.id);
    m->origin = strdup(run->h->identity.origin);
    m->pipeline = strdup(run->request.pipeline->name);
    m->run = strdup(run->run_id);
    m->host = strdup(run->h->identity.host);
    m->platform = strdup(u.sysname);
    m->arch = strdup(u.machine);
    m->hangar = strdup(HANGAR_VERSION);
    m->started_ms = run->result.started_ms;
    m->requires = json_array();
    m->retention = json_object();
    m->sinks = json_object();
    for (size_t i = 0; i < run->sink_count; i++) {
        hg_json_set(m->sinks, run->sinks[i].config->name, run_describe_sink(run, &run->sinks[i]));
        if (run->sinks[i].config->retention.given) {
            hg_json_set(m->retention, run->sinks[i].config->name,
                        hg_policy_json(&run->sinks[i].config->retention.policy));
        }
    }
    bool ok = hg_tags_copy(&run->request.tags, &m->tags) && m->id && m->origin && m->pipeline &&
              m->run && m->host && m->platform && m->arch && m->hangar && m->requires &&
              m->retention && m->sinks;
    for (size_t i = 0; ok && i < run->open.transform_count; i++) {
        m->chain_count++;
        ok = run_describe_transform(run->open.transforms[i], &m->chain[i]);
    }
    m->sources = calloc(run->open.source_count, sizeof(*m->sources));
    ok = ok && m->sources;
    for (size_t i = 0; ok && i < run->open.source_count; i++) {
        m->source_count++;
        ok = run_describe_source(run, i, &m->sources[i]);
    }
    return ok;
}
