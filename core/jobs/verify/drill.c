/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * drill: see drill.h.
 *
 * Except for the servers, a drill does what a restore does (targets.c), so that it proves the path
 * that a real restore takes.
 */
#include "jobs/verify/drill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/attrs.h"
#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "catalog/manifest.h"
#include "config/options.h"
#include "jobs/restore/targets.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "plugin/loader.h"
#include "session/handle.h"
#include "session/progress.h"
#include "session/session.h"

#define OVERRIDES_MAX 64

void hg_drill_init(struct hg_drill *drill)
{
    *drill = (struct hg_drill){0};
    pthread_mutex_init(&drill->targets.mutex, NULL);
}

void hg_drill_fini(struct hg_drill *drill)
{
    hg_targets_free(&drill->targets);
    for (size_t i = 0; i < drill->scratch_count; i++) {
        hg_attrs_free(drill->scratches[i].overrides);
        free(drill->scratches[i].dir);
    }
    free(drill->scratches);
    pthread_mutex_destroy(&drill->targets.mutex);
}

/* ---- servers ---- */

/* How much disk the servers may use: a tenth of the free space stays free. */
static uint64_t drill_disk_bytes(const struct hangar *h)
{
    struct statvfs fs;
    if (statvfs(h->temp_base, &fs) != 0) {
        return 0; /* making the folder fails next, with a message */
    }
    return (uint64_t)fs.f_bavail * fs.f_frsize / 10 * 9;
}

/* Makes a folder for one server.  Started by root, the server runs as another user, which must be
 * able to search the job's folder; the server's own folder in it has mode 0700. */
static enum hangar_rc drill_make_folder(const struct hg_drill *drill, struct hg_session *s,
                                        struct hg_scratch *scratch, struct hg_error *err)
{
    char name[32];
    uint64_t allowed = drill_disk_bytes(s->h);
    /* short: it becomes part of a socket's path */
    snprintf(name, sizeof(name), "drill-%zu", drill->scratch_count);
    enum hangar_rc rc = hg_job_temp_dir(
        &s->job, name, allowed < drill->disk ? allowed : drill->disk, &scratch->dir, err);
    if (rc == HANGAR_OK && geteuid() == 0 && chmod(s->job.temp.path, 0711) != 0) {
        rc = hg_fail(err, HANGAR_IO, errno, "cannot give the throw-away server access to %s",
                     s->job.temp.path);
    }
    return rc;
}

/* Code in the backup may not end: to the server it is a statement that works. */
static void drill_limit_time(struct hg_session *s)
{
    char limit[HG_UNITS_SIZE], text[160];
    hg_format_duration(s->h->config->drill_timeout_ms, limit);
    snprintf(text, sizeof(text),
             "the drill did not end within %s; hint: code in the backup may run without end; "
             "limits.drill_timeout sets the limit",
             limit);
    hg_job_end_within(&s->job, s->h->config->drill_timeout_ms, text);
}

static enum hangar_rc drill_start_server(struct hg_drill *drill, struct hg_session *s,
                                         const struct hg_manifest_source *from, size_t instance,
                                         struct hg_error *err)
{
    const struct hg_plugin *plugin = s->h->plugins.loaded[instance];
    struct hg_scratch *scratch = &drill->scratches[drill->scratch_count++];
    if (!plugin->source.scratch_start || !plugin->source.scratch_stop) {
        return hg_fail(err, HANGAR_UNSUPPORTED, 0,
                       "source %s: plugin %s has no drills; hint: name a server of your own under "
                       "`scratch:` of the source",
                       from->name, plugin->d.name);
    }
    struct hangar_ctx *ctx;
    scratch->overrides = hg_attrs_new();
    if (!scratch->overrides) {
        return hg_no_memory(err);
    }
    enum hangar_rc rc = drill_make_folder(drill, s, scratch, err);
    if (rc == HANGAR_OK) {
        rc = hg_session_open(s, instance, NULL, 0, &ctx, err);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    hg_job_step(&s->job, "starting a throw-away server for %s", from->name);
    scratch->ctx = ctx;
    rc = HG_CALL(
        ctx, err,
        plugin->source.scratch_start(ctx->inst, scratch->dir, from->facts, scratch->overrides));
    /* without overrides the drill would restore into the source itself */
    if (rc == HANGAR_OK && scratch->overrides->count == 0) {
        rc = hg_fail(err, HANGAR_INTERNAL, 0,
                     "source %s: plugin %s does not report the address of its throw-away server",
                     from->name, plugin->d.name);
    }
    return rc;
}

static void drill_stop_servers(struct hg_drill *drill)
{
    for (size_t i = 0; i < drill->scratch_count; i++) {
        struct hangar_ctx *ctx = drill->scratches[i].ctx;
        drill->scratches[i].ctx = NULL;
        if (ctx) {
            HG_CALL_CLEAR(ctx, ctx->plugin->source.scratch_stop(ctx->inst));
        }
    }
}

/* ---- targets ---- */

/* Opens an instance of the source whose options lead to the server just started. */
static enum hangar_rc drill_open_target(struct hg_drill *drill, struct hg_session *s,
                                        size_t instance, struct hangar_ctx **out,
                                        struct hg_error *err)
{
    const struct hangar_attrs *attrs = drill->scratches[drill->scratch_count - 1].overrides;
    struct hg_override overrides[OVERRIDES_MAX];
    if (attrs->count > OVERRIDES_MAX) {
        return hg_fail(err, HANGAR_INTERNAL, 0, "a throw-away server has more than %d options",
                       OVERRIDES_MAX);
    }
    for (size_t i = 0; i < attrs->count; i++) {
        overrides[i] = (struct hg_override){
            .option = attrs->items[i].name, .value = attrs->items[i].value, .trusted = true};
    }
    return hg_session_open(s, instance, overrides, attrs->count, out, err);
}

static enum hangar_rc drill_add_source(struct hg_drill *drill, struct hg_session *s,
                                       const struct hg_manifest_source *from, struct hg_error *err)
{
    size_t instance = 0;
    struct hangar_ctx *ctx = NULL;
    enum hangar_rc rc = hg_target_instance(s->h->config, &s->h->plugins, from, &instance, err);
    if (rc == HANGAR_OK && s->h->config->instances[instance].scratch) {
        rc = hg_session_open_scratch(s, instance, &ctx, err);
    } else if (rc == HANGAR_OK) {
        rc = drill_start_server(drill, s, from, instance, err);
        rc = rc == HANGAR_OK ? drill_open_target(drill, s, instance, &ctx, err) : rc;
    }
    return rc == HANGAR_OK ? hg_targets_add(&drill->targets, from, ctx, HANGAR_RESTORE_COMPARE, err)
                           : rc;
}

static void drill_report_sources(const struct hg_drill *drill, json_t *sources)
{
    for (size_t i = 0; i < drill->targets.count; i++) {
        const struct hg_target *t = &drill->targets.items[i];
        json_t *one = json_object();
        hg_json_set_string(one, "name", t->from->name);
        hg_json_set_string(one, "plugin", t->from->plugin);
        hg_json_set_string(one, "target", hg_instance_target(t->ctx));
        hg_json_set(one, "report",
                    t->push.report ? hg_attrs_to_json(t->push.report) : json_object());
        hg_json_add(sources, one);
    }
}

enum hangar_rc hg_drill_run(struct hg_drill *drill, struct hg_session *s,
                            const struct hg_manifest *m, const struct hg_object_reader *from,
                            json_t *sources, struct hg_error *err)
{
    enum hangar_rc rc = hg_targets_init(&drill->targets, s, m, from, err);
    drill->disk = drill_disk_bytes(s->h);
    hg_job_limit_temp(&s->job, drill->disk);
    drill_limit_time(s);
    drill->scratches = calloc(m->source_count + 1, sizeof(*drill->scratches));
    if (rc == HANGAR_OK && !drill->scratches) {
        rc = hg_no_memory(err);
    }
    for (size_t i = 0; i < m->source_count && rc == HANGAR_OK; i++) {
        rc = drill_add_source(drill, s, &m->sources[i], err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_targets_prepare(&drill->targets, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_targets_load(&drill->targets, err);
    }
    drill_report_sources(drill, sources);
    hg_targets_end(&drill->targets);
    drill_stop_servers(drill);
    return rc;
}

void hg_drill_progress(struct hg_drill *drill, int64_t started_ms)
{
    struct hg_progress progress;
    struct hg_session *session = drill->targets.session;
    if (session && hg_progress_begin(&progress, session, "verify", "", started_ms)) {
        hg_targets_progress(&drill->targets, &progress);
        hg_progress_report(&progress, session);
    }
}
