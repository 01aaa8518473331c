/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore: loads a backup into its sources.  All targets are checked before one is changed, and
 * so are all stored bytes where verify_first asks for it.
 */
#include "jobs/restore/restore_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attrs.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "config/config.h"
#include "config/options.h"
#include "inventory/comparison.h"
#include "inventory/goodness.h"
#include "inventory/selection.h"
#include "jobs/notify/notify.h"
#include "jobs/restore/clean.h"
#include "jobs/restore/overrides.h"
#include "jobs/restore/superseded.h"
#include "jobs/restore/targets.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/hooks.h"
#include "session/progress.h"
#include "session/session.h"
#include "state/history.h"

/* "" until the backup is selected.  The name in the configuration outlives the manifest. */
static const char *restore_pipeline_name(const struct hg_restoration *r)
{
    return r->selected.ctx ? r->h->config->pipelines[r->selected.pipeline].name : "";
}

static void report_restore_progress(void *arg)
{
    struct hg_restoration *r = arg;
    struct hg_progress progress;
    pthread_mutex_lock(&r->progress_mutex);
    if (!r->safety_runs && hg_progress_begin(&progress, &r->session, "restore",
                                             restore_pipeline_name(r), r->started_ms)) {
        hg_targets_progress(&r->targets, &progress);
        hg_progress_report(&progress, &r->session);
    }
    pthread_mutex_unlock(&r->progress_mutex);
}

/* ---- the request ---- */

static bool is_source_wanted(const struct hg_restoration *r, const char *name)
{
    const char *const *only = r->request->only;
    for (; only && *only; only++) {
        if (strcmp(*only, name) == 0) {
            return true;
        }
    }
    return !r->request->only || !r->request->only[0];
}

static enum hangar_rc check_only_sources(const struct hg_restoration *r, struct hg_error *err)
{
    for (const char *const *only = r->request->only; only && *only; only++) {
        if (!hg_manifest_source(&r->selected.manifest, *only)) {
            return hg_fail(err, HANGAR_NOT_FOUND, 0, "%s has no source %s", r->selected.manifest.id,
                           *only);
        }
    }
    return HANGAR_OK;
}

/* ---- opening ---- */

static enum hangar_rc open_target(struct hg_restoration *r, const struct hg_manifest_source *from,
                                  struct hg_error *err)
{
    struct hangar_ctx *ctx;
    struct hg_override overrides[HG_RESTORE_OVERRIDES_MAX];
    const size_t n =
        hg_restore_overrides_of(&r->overrides, from->name, overrides, HG_RESTORE_OVERRIDES_MAX);
    uint32_t flags = 0;
    flags |= hg_restoration_is_dry(r) ? HANGAR_RESTORE_DRY_RUN : 0;
    flags |= hg_restoration_is_clean(r) ? HANGAR_RESTORE_CLEAN : 0;
    flags |= r->request->flags & HANGAR_REQUEST_DISCONNECT ? HANGAR_RESTORE_DISCONNECT : 0;
    flags |= r->request->flags & HANGAR_REQUEST_COMPARE ? HANGAR_RESTORE_COMPARE : 0;
    flags |= r->request->flags & HANGAR_REQUEST_CONTINUE ? HANGAR_RESTORE_CONTINUE : 0;
    size_t instance;
    enum hangar_rc rc = hg_target_instance(r->h->config, &r->h->plugins, from, &instance, err);
    if (rc == HANGAR_OK) {
        rc = hg_session_open(&r->session, instance, overrides, n, &ctx, err);
    }
    return rc == HANGAR_OK ? hg_targets_add(&r->targets, from, ctx, flags, err) : rc;
}

static enum hangar_rc open_targets(struct hg_restoration *r, struct hg_error *err)
{
    struct hg_manifest *m = &r->selected.manifest;
    enum hangar_rc rc = check_only_sources(r, err);
    if (rc == HANGAR_OK) {
        rc = hg_restore_overrides_parse(&r->overrides, r->request->set, m, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_session_chain(&r->session, m, r->chain, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_targets_init(&r->targets, &r->session, m,
                             &(struct hg_object_reader){r->selected.ctx, r->chain, m->chain_count},
                             err);
    }
    for (size_t i = 0; rc == HANGAR_OK && i < m->source_count; i++) {
        if (is_source_wanted(r, m->sources[i].name)) {
            rc = open_target(r, &m->sources[i], err);
        }
    }
    return rc;
}

/* ---- the steps ---- */

/* Whether all stored bytes are compared before a target is changed.  A plugin that can report
 * the free space of its store keeps it in a file system of this host: there, reading the bytes
 * twice is cheap. */
static bool verifies_first(const struct hg_restoration *r)
{
    switch (r->h->config->instances[r->selected.sink].verify_first) {
    case HG_VERIFY_FIRST_ALWAYS:
        return true;
    case HG_VERIFY_FIRST_NEVER:
        return false;
    default:
        return r->selected.ctx->plugin->sink.space != NULL;
    }
}

/* Compares all stored bytes of the chosen sources with the manifest. */
static enum hangar_rc verify_stored_bytes(struct hg_restoration *r, struct hg_error *err)
{
    hg_job_step(&r->session.job, "verifying the stored bytes");
    const struct hg_object_reader from = {.sink = r->selected.ctx};
    for (size_t i = 0; i < r->targets.count; i++) {
        const struct hg_target *t = &r->targets.items[i];
        enum hangar_rc rc =
            hg_compare_objects(&r->session, &from, t->infos.stored, t->infos.count, NULL, err);
        if (rc != HANGAR_OK) {
            hg_context(err, "nothing was restored");
            return rc;
        }
    }
    return HANGAR_OK;
}

/* Runs before_restore; after_restore must run then, too. */
static enum hangar_rc run_before_hook(struct hg_restoration *r, struct hg_error *err)
{
    struct hg_hook_facts facts = {.backup = r->selected.manifest.id};
    if (r->request->flags & HANGAR_REQUEST_NO_HOOKS) {
        return HANGAR_OK;
    }
    r->hooked = &r->h->config->pipelines[r->selected.pipeline];
    return hg_hook_run(&r->h->log, &r->h->caller.cancel, r->hooked, HG_BEFORE_RESTORE, &facts, err);
}

/* After damage, or when the sink of the backup cannot be read any more: adds to the error which
 * other sinks have a good copy. */
static void add_other_copies(struct hg_restoration *r, enum hangar_rc rc, struct hg_error *err)
{
    struct hg_session fresh; /* the job's own is cancelled */
    struct hg_error unused = {0};
    struct hg_manifest m = {0};
    struct hg_str names = {0};
    if (!r->selected.ctx || rc == HANGAR_OK || rc == HANGAR_CANCELLED || rc == HANGAR_CONFIG ||
        hg_session_begin(&fresh, r->h, 0, NULL, NULL, &unused) != HANGAR_OK) {
        return;
    }
    bool suspect = rc == HANGAR_CORRUPT;
    if (!suspect) {
        struct hangar_ctx *sink;
        suspect = hg_session_open(&fresh, r->selected.sink, NULL, 0, &sink, &unused) != HANGAR_OK ||
                  hg_goodness(r->h, sink, r->selected.manifest.pipeline, r->selected.manifest.id,
                              &m, &unused) != HANGAR_OK;
    }
    if (suspect) {
        hg_select_others(&fresh, &r->selected, &names);
    }
    if (names.len > 0) {
        struct hg_error with = {.rc = err->rc};
        snprintf(with.text, sizeof(with.text),
                 "%.3000s; hint: %s has another copy: add `--from %.*s`", err->text,
                 hg_str_text(&names), (int)strcspn(hg_str_text(&names), ","), hg_str_text(&names));
        *err = with;
    }
    hg_session_end(&fresh);
    hg_manifest_free(&m);
    hg_str_free(&names);
}

/* Adds to the error which sources are restored nevertheless, and the command for the others. */
static void add_restored_sources(const struct hg_restoration *r, struct hg_error *err)
{
    struct hg_str others = {0};
    size_t restored = 0;
    for (size_t i = r->targets.count; i-- > 0;) {
        if (r->targets.items[i].push.restored) {
            restored++;
            hg_context(err, "source %s is restored, but the restore is not complete",
                       r->targets.items[i].ctx->name);
        }
    }
    for (size_t i = 0; restored && i < r->targets.count; i++) {
        if (!r->targets.items[i].push.restored) {
            hg_str_addf(&others, " --only %s", r->targets.items[i].from->name);
        }
    }
    if (others.len > 0) {
        const size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof(err->text) - len,
                 "%s restore the others with hangar restore %s%s%s",
                 hg_error_has_hint(err->text) ? "; then" : "; hint:", r->selected.manifest.id,
                 hg_restoration_is_clean(r) ? " --mode clean" : "", hg_str_text(&others));
    }
    hg_str_free(&others);
}

static enum hangar_rc run_restore_steps(struct hg_restoration *r, struct hg_error *err)
{
    const bool dry = hg_restoration_is_dry(r), clean = hg_restoration_is_clean(r);
    bool loaded = false;
    enum hangar_rc rc = HANGAR_OK;
    if (clean && r->request->flags & HANGAR_REQUEST_CONTINUE) {
        rc = hg_fail(err, HANGAR_CONFIG, 0,
                     "cannot continue after errors in mode clean: only a complete restore may "
                     "replace live data");
    }
    if (rc == HANGAR_OK) {
        struct hg_selected_backup selected;
        rc = hg_select(&r->session, &r->request->backup, &selected, err);
        pthread_mutex_lock(&r->progress_mutex); /* the progress names its pipeline */
        r->selected = selected;
        pthread_mutex_unlock(&r->progress_mutex);
    }
    if (rc == HANGAR_OK) {
        rc = hg_clean_lock(r, err);
    }
    if (rc == HANGAR_OK) {
        rc = open_targets(r, err);
    }
    if (rc == HANGAR_OK && !dry && verifies_first(r)) {
        rc = verify_stored_bytes(r, err);
    }
    if (rc == HANGAR_OK && !dry) {
        rc = run_before_hook(r, err);
    }
    if (rc == HANGAR_OK && clean) {
        rc = hg_clean_begin(r, err);
    }
    if (rc == HANGAR_OK && !(dry && clean)) {
        rc = hg_targets_prepare(&r->targets, err);
    }
    if (rc == HANGAR_OK && !dry) {
        loaded = true;
        rc = hg_targets_load(&r->targets, err);
    }
    hg_targets_end(&r->targets);
    rc = hg_session_result(&r->session, rc, err);
    if (rc == HANGAR_CORRUPT && loaded && !verifies_first(r)) {
        hg_context(err, "damage was found during the load (verify_first of sink %s)",
                   r->selected.ctx->name);
    }
    if (rc != HANGAR_OK) {
        add_restored_sources(r, err);
    } else if (clean && !dry) {
        hg_superseded_end(r);
    }
    return rc;
}

/* ---- results ---- */

/* False: the plugins have removed all that they made beside the targets. */
static bool has_remains(const struct hg_restoration *r, struct hg_error *err)
{
    for (size_t i = 0; i < r->targets.count; i++) {
        const struct hg_target *t = &r->targets.items[i];
        const char *left = t->push.report ? hg_attrs_get(t->push.report, "left_behind") : NULL;
        if (left) {
            hg_fail(err, HANGAR_IO, 0,
                    "source %s: restored, but these leftovers could not be removed: %s",
                    t->from->name, left);
            return true;
        }
    }
    return false;
}

/* True: the targets refused parts of the backup, and the rest is restored. */
static bool has_refused_parts(const struct hg_restoration *r, struct hg_error *err)
{
    for (size_t i = 0; i < r->targets.count; i++) {
        const struct hg_target *t = &r->targets.items[i];
        const char *count = t->push.report ? hg_attrs_get(t->push.report, "failed") : NULL;
        if (count) {
            const char *first = hg_attrs_get(t->push.report, "failed.1");
            hg_fail(err, HANGAR_IO, 0,
                    "source %s: partly restored: the target refused %s statements; the first: %s",
                    t->from->name, count, first ? first : "unknown");
            return true;
        }
    }
    return false;
}

static json_t *target_plan(const struct hg_restoration *r, const struct hg_target *t)
{
    json_t *lines = hg_json_lines(t->plan.str.data);
    char *first = hg_clean_plan_line(r, t);
    if (first) {
        json_array_insert_new(lines, 0, json_string(first));
    }
    free(first);
    return lines;
}

static void fill_restore_document(const struct hg_restoration *r, json_t *doc)
{
    const struct hg_manifest *m = &r->selected.manifest;
    hg_json_set_string(doc, "id", m->id);
    hg_json_set_string(doc, "pipeline", m->pipeline);
    hg_json_set_string(doc, "sink", r->selected.ctx ? r->selected.ctx->name : NULL);
    hg_json_set_bool(doc, "dry_run", r->request->flags & HANGAR_REQUEST_DRY_RUN);
    hg_json_set_int(doc, "duration_ms", hg_now_ms() - r->started_ms);
    json_t *sources = json_array();
    uint64_t bytes = 0, objects = 0;
    for (size_t i = 0; i < r->targets.count; i++) {
        const struct hg_target *t = &r->targets.items[i];
        json_t *one = json_object();
        hg_json_set_string(one, "name", t->from->name);
        hg_json_set_string(one, "plugin", t->from->plugin);
        hg_json_set_string(one, "target", hg_instance_target(t->ctx));
        hg_json_set(one, "plan", target_plan(r, t));
        hg_json_set_bool(one, "restored", t->push.restored);
        hg_json_set(one, "report",
                    t->push.report ? hg_attrs_to_json(t->push.report) : json_object());
        hg_json_add(sources, one);
        bool dry = hg_restoration_is_dry(r); /* then the figures of the plan */
        for (size_t k = 0; dry && k < t->infos.count; k++) {
            bytes += t->infos.items[k].size_hint;
        }
        bytes += t->push.plain_bytes;
        objects += dry ? t->infos.count : t->push.objects_done;
    }
    hg_json_set_int(doc, "objects", (int64_t)objects);
    hg_json_set_int(doc, "plain_bytes", (int64_t)bytes);
    hg_clean_document(r, doc);
    hg_json_set(doc, "sources", sources);
}

/* NULL when out of memory. */
static struct hg_restoration *restoration_new(struct hangar *h,
                                              const struct hangar_restore_request *request)
{
    struct hg_restoration *r = calloc(1, sizeof(*r));
    if (!r) {
        return NULL;
    }
    r->h = h;
    r->request = request;
    r->lock = -1;
    r->started_ms = hg_now_ms();
    pthread_mutex_init(&r->progress_mutex, NULL);
    pthread_mutex_init(&r->targets.mutex, NULL);
    return r;
}

static void restoration_free(struct hg_restoration *r)
{
    hg_targets_free(&r->targets);
    pthread_mutex_destroy(&r->progress_mutex);
    pthread_mutex_destroy(&r->targets.mutex);
    hg_restore_overrides_free(&r->overrides);
    hg_manifest_free(&r->selected.manifest);
    free(r);
}

static void log_restore_end(struct hg_restoration *r, enum hangar_rc rc, const struct hg_error *err)
{
    struct hg_log *log = &r->h->log;
    int64_t ms = hg_now_ms() - r->started_ms;
    const char *id = r->selected.manifest.id ? r->selected.manifest.id : r->request->backup.id;
    if (hg_restoration_is_dry(r)) {
        return;
    }
    if (rc == HANGAR_OK) {
        hg_log_took(log, HANGAR_LOG_INFO, "restore.done", ms, "%s in %lld ms", id, (long long)ms);
    } else if (rc == HANGAR_CANCELLED) {
        hg_log_took(log, HANGAR_LOG_WARN, "restore.interrupted", ms, "%s after %lld ms", id,
                    (long long)ms);
    } else {
        hg_log_took(log, HANGAR_LOG_ERROR, "restore.failed", ms, "%s after %lld ms: %s", id,
                    (long long)ms, err->text);
    }
}

/* The status of the job: what a restore leaves undone degrades it, and after_restore runs. */
static enum hangar_status judge_restore_end(struct hg_restoration *r, enum hangar_rc rc,
                                            struct hg_error *err)
{
    struct hg_log *log = &r->h->log;
    enum hangar_status status = r->busy ? HANGAR_STATUS_BUSY : hg_status(rc);
    if (rc == HANGAR_OK && has_remains(r, err)) {
        status = HANGAR_STATUS_DEGRADED;
        hg_log_event(log, HANGAR_LOG_WARN, "restore.left", "%s", err->text);
    }
    if (rc == HANGAR_OK && has_refused_parts(r, err)) {
        status = HANGAR_STATUS_DEGRADED;
        hg_log_event(log, HANGAR_LOG_WARN, "restore.partial", "%s", err->text);
    }
    if (r->hooked) {
        struct hg_hook_facts facts = {.backup = r->selected.manifest.id};
        status = hg_hook_after(log, r->hooked, HG_AFTER_RESTORE, facts, status, err);
    }
    return status;
}

/* Records the job in the history, and notifies. */
static void report_restore_end(const struct hg_restoration *r, enum hangar_status status,
                               json_t *doc, const struct hg_error *err)
{
    struct hangar *h = r->h;
    const struct hg_pipeline_config *p =
        r->selected.ctx ? &h->config->pipelines[r->selected.pipeline] : NULL;
    if (p && !r->busy) {
        hg_history_append_apart(&h->state, p->name, HG_HISTORY_RESTORES,
                                &(struct hg_history_run){.run = h->log.run,
                                                         .id = r->selected.manifest.id,
                                                         .status = status,
                                                         .error = err->text[0] ? err->text : NULL,
                                                         .started_ms = r->started_ms,
                                                         .duration_ms = hg_now_ms() - r->started_ms,
                                                         .stored_bytes = -1});
    }
    hg_notify_end(h, &(struct hg_job_end){.job = "restore",
                                          .pipeline = p,
                                          .status = status,
                                          .backup = r->selected.manifest.id,
                                          .duration_ms = hg_now_ms() - r->started_ms,
                                          .document = doc,
                                          .error = err});
}

enum hangar_status hangar_restore(struct hangar *h, const struct hangar_restore_request *request,
                                  char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.restore/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    struct hg_restoration *r = restoration_new(h, request);
    if (!r) {
        hg_no_memory(&err);
        return hg_doc_end(h, doc, HANGAR_STATUS_FAILED, &err, json);
    }
    if (!(request->flags & HANGAR_REQUEST_DRY_RUN)) {
        hg_new_run_id(h);
        hg_log_event(&h->log, HANGAR_LOG_INFO, "restore.start", "%s", request->backup.id);
    }
    enum hangar_rc rc = hg_session_begin(&r->session, h, 0, report_restore_progress, r, &err);
    if (rc == HANGAR_OK) {
        rc = run_restore_steps(r, &err);
        fill_restore_document(r, doc);
        hg_session_end(&r->session);
        add_other_copies(r, rc, &err);
    }
    enum hangar_status status = judge_restore_end(r, rc, &err);
    log_restore_end(r, rc, &err);
    if (r->lock >= 0) {
        close(r->lock);
    }
    if (!hg_restoration_is_dry(r)) {
        report_restore_end(r, status, doc, &err);
    }
    restoration_free(r);
    return hg_doc_end(h, doc, status, &err, json);
}
