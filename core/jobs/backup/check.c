/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * check: whether a backup would work: reads the signing key, has each source and sink that a
 * pipeline uses checked by its plugin, opens the notifiers, and rehearses each pipeline.
 */
#include <stdlib.h>
#include <string.h>

#include "base/attrs.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "catalog/signing.h"
#include "config/config.h"
#include "jobs/backup/run.h"
#include "jobs/backup/unnamed.h"
#include "jobs/notify/alerts.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/hooks.h"
#include "session/session.h"
#include "session/signing_keys.h"
#include "state/capabilities.h"
#include "state/inspect.h"
#include "state/pipeline_lock.h"

struct hg_check_job {
    struct hangar *h;
    struct hg_session s;
    json_t *items;
    struct hg_error first; /* the first failure; rc OK: none */
    bool key_failed;
    bool *failed; /* of each instance of the configuration */
    struct hg_server_facts unnamed;
    struct hg_str reported; /* all warnings of instances: a rehearsal repeats them */
};

/* One line of the result.  NULL where there is none, except kind and name. */
struct hg_check_item {
    const char *kind, *name, *plugin, *target;
    const struct hg_error *error;  /* why it failed */
    const struct hg_str *warnings; /* a line each */
    const struct hangar_attrs *facts;
};

/* Returns the facts of the result, which the list of items owns. */
static json_t *check_add_item(struct hg_check_job *c, const struct hg_check_item *item)
{
    json_t *one = json_object();
    json_t *messages = hg_json_lines(item->warnings ? item->warnings->data : NULL);
    const bool warned = item->warnings && item->warnings->len > 0;
    if (item->error) {
        hg_json_add(messages, json_string(item->error->text));
        if (c->first.rc == HANGAR_OK) {
            c->first = *item->error;
        }
    }
    hg_json_set_string(one, "kind", item->kind);
    hg_json_set_string(one, "name", item->name);
    if (item->plugin) {
        hg_json_set_string(one, "plugin", item->plugin);
    }
    if (item->target) {
        hg_json_set_string(one, "target", item->target);
    }
    hg_json_set_string(one, "status", item->error ? "failed" : warned ? "warning" : "ok");
    hg_json_set(one, "messages", messages);
    json_t *facts = item->facts ? hg_attrs_to_json(item->facts) : json_object();
    hg_json_set(one, "facts", facts);
    hg_json_add(c->items, one);
    return facts;
}

static void check_capture_warnings(struct hg_check_job *c, struct hg_str *to)
{
    pthread_mutex_lock(&c->h->log.mutex);
    c->h->capture = to;
    pthread_mutex_unlock(&c->h->log.mutex);
}

static enum hangar_rc check_by_plugin(struct hangar_ctx *ctx, enum hg_kind kind,
                                      struct hangar_attrs *facts, struct hg_error *err)
{
    if (kind == HG_SOURCE) {
        return HG_CALL(ctx, err, ctx->plugin->source.check(ctx->inst, facts));
    }
    if (kind == HG_SINK) {
        return HG_CALL(ctx, err, ctx->plugin->sink.probe(ctx->inst, facts));
    }
    if (kind == HG_NOTIFIER) {
        hg_attrs_setf(facts, "tried", "only opened; `hangar notify %s` sends a test message",
                      ctx->name);
    }
    return HANGAR_OK; /* a transform that could be opened works; a notifier would send */
}

static void check_instance(struct hg_check_job *c, size_t i)
{
    const struct hg_instance_config *config = &c->h->config->instances[i];
    struct hangar_attrs *facts = hg_attrs_new();
    struct hg_error err = {0};
    struct hg_str warnings = {0};
    struct hangar_ctx *ctx = NULL;
    check_capture_warnings(c, &warnings);
    enum hangar_rc rc = facts ? hg_session_open(&c->s, i, NULL, 0, &ctx, &err) : hg_no_memory(&err);
    if (rc == HANGAR_OK) {
        hg_job_step(&c->s.job, "checking %s", config->name);
        rc = check_by_plugin(ctx, config->kind, facts, &err);
        if (rc == HANGAR_OK && config->kind == HG_SINK) {
            hg_capabilities_save(&c->h->state, ctx, facts);
        }
    }
    check_capture_warnings(c, NULL);
    c->failed[i] = rc != HANGAR_OK;
    hg_str_add(&c->reported, hg_str_text(&warnings));
    /* a backup works without notifications, so a notifier cannot fail the check */
    const bool warn = rc != HANGAR_OK && config->kind == HG_NOTIFIER;
    if (warn) {
        hg_str_addf(&warnings, "%s\n", err.text);
    }
    json_t *shown =
        check_add_item(c, &(struct hg_check_item){.kind = hg_kind_name(config->kind),
                                                  .name = config->name,
                                                  .plugin = config->plugin,
                                                  .target = ctx ? hg_instance_target(ctx) : NULL,
                                                  .error = rc != HANGAR_OK && !warn ? &err : NULL,
                                                  .warnings = &warnings,
                                                  .facts = facts});
    if (config->kind == HG_SOURCE && facts) {
        hg_unnamed_add(&c->unnamed, facts, shown, &err); /* without memory there is no remark */
    }
    hg_attrs_free(facts);
    hg_str_free(&warnings);
}

static bool check_is_used(const struct hg_config *config, size_t instance)
{
    for (size_t p = 0; p < config->pipeline_count; p++) {
        const struct hg_pipeline_config *pc = &config->pipelines[p];
        const struct {
            const size_t *items;
            size_t count;
        } lists[] = {{pc->sources, pc->source_count},
                     {pc->transforms, pc->transform_count},
                     {pc->sinks, pc->sink_count},
                     {pc->notifiers, pc->notifier_count}};
        if (!pc->notifiers_given && config->instances[instance].kind == HG_NOTIFIER) {
            return true; /* it uses all notifiers */
        }
        for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
            for (size_t i = 0; i < lists[l].count; i++) {
                if (lists[l].items[i] == instance) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* The configuration, and the state folder, without which a backup works. */
static void check_config(struct hg_check_job *c)
{
    struct hg_str warnings = {0};
    if (c->h->warnings.len > 0) {
        hg_str_addf(&warnings, "%s\n", hg_str_text(&c->h->warnings));
    }
    struct hg_error err = {0};
    const enum hangar_rc rc = hg_state_inspect(&c->h->state, &warnings, &err);
    check_add_item(c, &(struct hg_check_item){.kind = "config",
                                              .name = c->h->config->path,
                                              .error = rc != HANGAR_OK ? &err : NULL,
                                              .warnings = &warnings});
    hg_str_free(&warnings);
}

static void check_key(struct hg_check_job *c)
{
    const struct hg_signing *unused;
    struct hg_error err = {0};
    enum hangar_rc rc = hg_key_load(c->h->config, &c->h->signing, &unused, &err);
    c->key_failed = rc != HANGAR_OK;
    check_add_item(c, &(struct hg_check_item){.kind = "signing",
                                              .name = "key",
                                              .error = rc != HANGAR_OK ? &err : NULL});
}

/* "0 2 * * *, next 2026-01-16T01:00:00.000Z" */
static void check_add_schedule(struct hangar_attrs *facts, const char *key, const char *schedule,
                               const char *zone)
{
    int64_t ms = schedule ? hangar_next_time(schedule, zone, hg_now_ms()) : -1;
    if (ms < 0) {
        return;
    }
    char next[HG_TIME_SIZE];
    hg_time_format(ms, next);
    hg_attrs_setf(facts, key, "%s, next %s", schedule, next);
}

/* Whether all that a run of the pipeline opens has passed its own check. */
static bool check_can_rehearse(const struct hg_check_job *c, const struct hg_pipeline_config *pc)
{
    const struct hg_instance_config *all = c->h->config->instances;
    bool can = !c->key_failed;
    for (size_t i = 0; i < pc->source_count; i++) {
        can = can && !c->failed[pc->sources[i]];
    }
    for (size_t i = 0; i < pc->transform_count; i++) {
        can = can && !c->failed[pc->transforms[i]];
    }
    for (size_t i = 0; i < pc->sink_count; i++) {
        can = can && (!c->failed[pc->sinks[i]] || !all[pc->sinks[i]].required);
    }
    return can;
}

/* Adds the lines of `text` that no instance has reported. */
static void check_add_new_lines(const struct hg_check_job *c, const char *text, struct hg_str *out)
{
    while (text && *text != '\0') {
        char *line = strndup(text, strcspn(text, "\n") + 1);
        if (line && !(c->reported.data && strstr(c->reported.data, line))) {
            hg_str_add(out, line);
        }
        text += line ? strlen(line) : strlen(text);
        free(line);
    }
}

/* Does what a run does before it reads data.  An optional sink that fails is a warning. */
static enum hangar_rc check_rehearse(struct hg_check_job *c, const struct hg_pipeline_config *pc,
                                     struct hg_str *warnings, struct hg_error *err)
{
    struct hg_run *run = calloc(1, sizeof(*run));
    if (!run) {
        return hg_no_memory(err);
    }
    hg_run_init(run, c->h, pc);
    run->request.parent = &c->s.job;
    struct hg_str captured = {0};
    check_capture_warnings(c, &captured);
    enum hangar_rc rc = hg_run_rehearse(run, err);
    check_capture_warnings(c, NULL);
    check_add_new_lines(c, captured.data, warnings);
    for (size_t i = 0; i < run->sink_count; i++) {
        const struct hg_run_sink *sink = &run->sinks[i];
        if (sink->error.rc == HANGAR_OK || c->failed[pc->sinks[i]]) {
            continue;
        }
        if (sink->config->required && rc == HANGAR_OK) {
            *err = sink->error;
            rc = err->rc;
        } else {
            hg_str_addf(warnings, "%s\n", sink->error.text);
        }
    }
    hg_run_fini(run);
    free(run);
    hg_str_free(&captured);
    return rc;
}

/* The program of a hook before a backup must be there; one after it degrades a backup. */
static enum hangar_rc check_hooks(const struct hg_pipeline_config *pc, struct hg_str *warnings,
                                  struct hg_error *err)
{
    enum hangar_rc rc = hg_hook_check(pc, HG_BEFORE_BACKUP, err);
    for (enum hg_hook hook = HG_AFTER_BACKUP; hook < HG_HOOKS; hook++) {
        struct hg_error why = {0};
        if (hg_hook_check(pc, hook, &why) != HANGAR_OK) {
            hg_str_addf(warnings, "%s\n", why.text);
        }
    }
    return rc;
}

static void check_pipeline(struct hg_check_job *c, const struct hg_pipeline_config *pc)
{
    struct hg_str warnings = {0};
    struct hangar_attrs *facts = hg_attrs_new();
    const bool running = hg_pipeline_lock_holder(&c->h->state, pc->name).since_ms >= 0;
    struct hg_error err = {0};
    enum hangar_rc rc = hg_pipeline_lock_check(&c->h->state, pc->name, &err);
    if (rc == HANGAR_OK) {
        rc = check_hooks(pc, &warnings, &err);
    }
    /* beside a run under way a rehearsal would wait for it */
    if (rc == HANGAR_OK && !running && check_can_rehearse(c, pc)) {
        hg_job_step(&c->s.job, "rehearsing %s", pc->name);
        rc = check_rehearse(c, pc, &warnings, &err);
        if (rc == HANGAR_OK) {
            hg_alerts_space(&c->s, pc, &warnings);
        }
    }
    if (facts && (pc->schedule || pc->verify || pc->drill)) {
        check_add_schedule(facts, "schedule", pc->schedule, pc->timezone);
        check_add_schedule(facts, "verify", pc->verify, pc->timezone);
        check_add_schedule(facts, "drill", pc->drill, pc->timezone);
        hg_attrs_set(facts, "run_by", "hangar daemon");
    }
    if (facts && running) {
        hg_attrs_set(facts, "running", "a job of this pipeline is running");
    }
    if (facts && pc->transform_count == 0) {
        hg_attrs_set(facts, "transforms", "none: backups are stored uncompressed");
    }
    check_add_item(c, &(struct hg_check_item){.kind = "pipeline",
                                              .name = pc->name,
                                              .error = rc != HANGAR_OK ? &err : NULL,
                                              .warnings = &warnings,
                                              .facts = facts});
    hg_attrs_free(facts);
    hg_str_free(&warnings);
}

enum hangar_status hangar_check(struct hangar *h, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.check/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_check_job c = {.h = h, .items = json_array()};
    hg_json_set_string(doc, "config", h->config->path);
    c.failed = calloc(h->config->instance_count + 1, sizeof(*c.failed));
    struct hg_error err = {0};
    enum hangar_rc rc = c.failed ? hg_session_begin_keyless(&c.s, h, &err) : hg_no_memory(&err);
    if (rc == HANGAR_OK) {
        check_config(&c);
        if (h->config->signing) {
            check_key(&c);
        }
        for (size_t i = 0; i < h->config->instance_count; i++) {
            if (check_is_used(h->config, i) && !hg_job_cancelled(&c.s.job)) {
                check_instance(&c, i);
            }
        }
        hg_unnamed_show(&c.unnamed);
        for (size_t i = 0; i < h->config->pipeline_count && !hg_job_cancelled(&c.s.job); i++) {
            check_pipeline(&c, &h->config->pipelines[i]);
        }
        rc = hg_job_result(&c.s.job, &err);
        hg_session_end(&c.s);
    }
    if (rc == HANGAR_OK && c.first.rc != HANGAR_OK) {
        rc = c.first.rc == HANGAR_NOT_FOUND ? HANGAR_IO : c.first.rc;
        err = c.first;
    }
    hg_json_set(doc, "items", c.items);
    hg_unnamed_free(&c.unnamed);
    hg_str_free(&c.reported);
    free(c.failed);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
