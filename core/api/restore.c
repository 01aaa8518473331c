/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore: a backup back into its sources.  Every stored byte is compared with the
 * manifest, and every target looked at, before anything is written.
 */
#include "api/handle.h"
#include "api/verify.h"
#include "pipeline/push.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SET 64

/* One source that is restored. */
struct target {
    struct hg_manifest_source *from;
    struct hangar_ctx *ctx;
    struct hg_infos infos;
    struct hangar_restore how;
    struct hangar_text plan;
    struct hg_push push;
    bool prepared; /* restore_end is due */
};

struct restoring {
    struct hangar *h;
    const struct hangar_restore_request *request;
    struct hg_session session;
    struct hg_selected selected;
    struct hangar_ctx *chain[HG_CHAIN_MAX];
    struct target *targets;
    size_t count;
    int64_t started_ms;
    pthread_mutex_t progress_mutex;
    bool running;   /* the targets' pushes can be asked how far they are */
    char *set_text; /* copies of --set, cut at "." and "=" */
    struct hg_override overrides[MAX_SET];
    const char *override_source[MAX_SET];
    size_t override_count;
};

static void on_tick(void *arg)
{
    struct restoring *r = arg;
    char step[160];
    struct hangar_progress_source sources[32];
    struct hangar_progress p = {.struct_size = sizeof(p),
                                .job = "restore",
                                .pipeline = "",
                                .step = step,
                                .elapsed_ms = hg_now_ms() - r->started_ms,
                                .sources = sources};
    if (!r->h->set.on_progress) {
        return;
    }
    hg_job_get_step(&r->session.job, step, sizeof(step));
    pthread_mutex_lock(&r->progress_mutex);
    for (size_t i = 0; r->running && i < r->count && i < 32; i++) {
        struct target *t = &r->targets[i];
        uint64_t expected = 0;
        for (size_t k = 0; k < t->infos.count; k++) {
            expected += t->infos.items[k].size_hint;
        }
        pthread_mutex_lock(&t->push.mutex);
        sources[i] = (struct hangar_progress_source){.name = t->ctx->name,
                                                     .plain_bytes = t->push.plain_bytes,
                                                     .expected_bytes = expected,
                                                     .done = t->push.done};
        p.stored_bytes += t->push.stored_bytes;
        p.objects_done += t->push.objects_done;
        pthread_mutex_unlock(&t->push.mutex);
        p.plain_bytes += sources[i].plain_bytes;
        p.expected_bytes += expected;
        p.objects_total += t->infos.count;
        p.source_count++;
    }
    pthread_mutex_unlock(&r->progress_mutex);
    r->h->set.on_progress(r->h->set.arg, &p);
}

/* ---- the request ---- */

/* "SOURCE.OPTION=VALUE" into overrides. */
static enum hangar_rc parse_set(struct restoring *r, struct hg_error *err)
{
    struct hg_str all = {0};
    size_t n = 0;
    for (const char *const *s = r->request->set; s && *s; s++, n++) {
        hg_str_add_n(&all, *s, strlen(*s) + 1);
    }
    if (n > MAX_SET || all.failed) {
        hg_str_free(&all);
        return hg_fail(err, HANGAR_CONFIG, 0, "more than %d settings", MAX_SET);
    }
    r->set_text = hg_str_take(&all);
    char *at = r->set_text;
    for (size_t i = 0; i < n && at; i++) {
        char *next = at + strlen(at) + 1;
        char *dot = strchr(at, '.'), *equals = strchr(at, '=');
        if (!dot || !equals || dot > equals || dot == at || equals == dot + 1) {
            return hg_fail(err, HANGAR_CONFIG, 0,
                           "cannot read setting \"%.*s\"; hint: it must be SOURCE.OPTION=VALUE",
                           equals ? (int)(equals - at) : (int)strlen(at), at);
        }
        *dot = *equals = '\0';
        r->override_source[i] = at;
        r->overrides[i] = (struct hg_override){.option = dot + 1, .value = equals + 1};
        r->override_count++;
        if (!hg_manifest_source(&r->selected.manifest, at)) {
            return hg_fail(err, HANGAR_CONFIG, 0, "%s has no source %s to set %s of",
                           r->selected.manifest.id, at, dot + 1);
        }
        at = next;
    }
    return r->set_text ? HANGAR_OK : hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
}

static bool is_wanted(const struct restoring *r, const char *name)
{
    const char *const *only = r->request->only;
    for (; only && *only; only++) {
        if (strcmp(*only, name) == 0) {
            return true;
        }
    }
    return !r->request->only || !r->request->only[0];
}

static enum hangar_rc check_only(const struct restoring *r, struct hg_error *err)
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

static enum hangar_rc open_target(struct restoring *r, struct hg_manifest_source *from,
                                  struct hg_error *err)
{
    struct target *t = &r->targets[r->count];
    long instance = hg_config_find(r->h->config, HG_SOURCE, from->name);
    if (instance < 0) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "the configuration has no source %s to restore into; hint: add one with "
                       "plugin: %s, or choose others with --only",
                       from->name, from->plugin);
    }
    if (strcmp(r->h->config->instances[instance].plugin, from->plugin) != 0) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "source %s was backed up with plugin %s and is now %s", from->name,
                       from->plugin, r->h->config->instances[instance].plugin);
    }
    struct hg_override overrides[MAX_SET];
    size_t n = 0;
    for (size_t i = 0; i < r->override_count; i++) {
        if (strcmp(r->override_source[i], from->name) == 0) {
            overrides[n++] = r->overrides[i];
        }
    }
    enum hangar_rc rc = hg_session_open(&r->session, (size_t)instance, overrides, n, &t->ctx, err);
    if (rc == HANGAR_OK && !t->ctx->plugin->source.restore_prepare) {
        rc = hg_fail(err, HANGAR_UNSUPPORTED, 0, "plugin %s cannot restore", from->plugin);
    }
    if (rc == HANGAR_OK) {
        rc = hg_infos_make(&r->selected.manifest, from, false, &t->infos, err);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    t->from = from;
    uint32_t flags = 0;
    flags |= r->request->flags & HANGAR_REQUEST_DRY_RUN ? HANGAR_RESTORE_DRY_RUN : 0;
    flags |= r->request->flags & HANGAR_REQUEST_CLEAN ? HANGAR_RESTORE_CLEAN : 0;
    flags |= r->request->flags & HANGAR_REQUEST_COMPARE ? HANGAR_RESTORE_COMPARE : 0;
    t->how = (struct hangar_restore){.struct_size = sizeof(t->how),
                                     .flags = flags,
                                     .facts = from->facts,
                                     .objects = t->infos.items,
                                     .object_count = t->infos.count,
                                     .plan = &t->plan};
    r->count++;
    return HANGAR_OK;
}

static enum hangar_rc open_all(struct restoring *r, struct hg_error *err)
{
    struct hg_manifest *m = &r->selected.manifest;
    enum hangar_rc rc = check_only(r, err);
    if (rc == HANGAR_OK) {
        rc = parse_set(r, err);
    }
    if (rc == HANGAR_OK && json_array_size(m->requires) > 0) {
        rc = hg_fail(err, HANGAR_UNSUPPORTED, 0,
                     "%s is an incremental backup, which this version cannot restore", m->id);
    }
    if (rc == HANGAR_OK) {
        rc = hg_session_chain(&r->session, m, r->chain, err);
    }
    r->targets = calloc(m->source_count ? m->source_count : 1, sizeof(*r->targets));
    if (rc == HANGAR_OK && !r->targets) {
        rc = hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    for (size_t i = 0; rc == HANGAR_OK && i < m->source_count; i++) {
        if (is_wanted(r, m->sources[i].name)) {
            rc = open_target(r, &m->sources[i], err);
        }
    }
    return rc;
}

/* ---- doing it ---- */

/* Compares all stored bytes of the chosen sources before a target is touched. */
static enum hangar_rc check_stored(struct restoring *r, struct hg_error *err)
{
    hg_job_step(&r->session.job, "checking the stored bytes");
    for (size_t i = 0; i < r->count; i++) {
        struct target *t = &r->targets[i];
        enum hangar_rc rc = hg_verify_objects(&r->session, r->selected.ctx, NULL, 0,
                                              t->infos.stored, t->infos.count, NULL, err);
        if (rc != HANGAR_OK) {
            hg_context(err, "nothing was restored");
            return rc;
        }
    }
    return HANGAR_OK;
}

static void end_targets(struct restoring *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct target *t = &r->targets[i];
        if (t->prepared) {
            t->prepared = false;
            HG_CALL_VOID(t->ctx, t->ctx->plugin->source.restore_end(t->ctx->inst, NULL));
        }
    }
}

static enum hangar_rc prepare_targets(struct restoring *r, struct hg_error *err)
{
    hg_job_step(&r->session.job, "looking at the targets");
    for (size_t i = 0; i < r->count; i++) {
        struct target *t = &r->targets[i];
        t->prepared = true;
        enum hangar_rc rc =
            HG_CALL(t->ctx, err, t->ctx->plugin->source.restore_prepare(t->ctx->inst, &t->how));
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    return HANGAR_OK;
}

static void push_one(void *arg, size_t i)
{
    struct restoring *r = arg;
    hg_push_run(&r->targets[i].push);
}

static enum hangar_rc push_all(struct restoring *r, struct hg_error *err)
{
    for (size_t i = 0; i < r->count; i++) {
        struct target *t = &r->targets[i];
        t->push = (struct hg_push){.job = &r->session.job,
                                   .source = t->ctx,
                                   .sink = r->selected.ctx,
                                   .chain = r->chain,
                                   .chain_count = r->selected.manifest.chain_count,
                                   .infos = t->infos.items,
                                   .stored = t->infos.stored,
                                   .count = t->infos.count,
                                   .report = hg_attrs_new()};
        pthread_mutex_init(&t->push.mutex, NULL);
        t->prepared = false; /* hg_push_run ends it */
    }
    hg_job_step(&r->session.job, "restoring");
    pthread_mutex_lock(&r->progress_mutex);
    r->running = true;
    pthread_mutex_unlock(&r->progress_mutex);
    bool started = hg_run_parallel(r->count, push_one, r);
    pthread_mutex_lock(&r->progress_mutex);
    r->running = false;
    pthread_mutex_unlock(&r->progress_mutex);
    if (!started) {
        return hg_fail(err, HANGAR_NO_MEMORY, 0, "cannot start a thread");
    }
    return hg_job_result(&r->session.job, err);
}

static enum hangar_rc run(struct restoring *r, struct hg_error *err)
{
    enum hangar_rc rc = hg_select(&r->session, &r->request->backup, &r->selected, err);
    if (rc == HANGAR_OK) {
        rc = open_all(r, err);
    }
    bool dry = r->request->flags & HANGAR_REQUEST_DRY_RUN;
    if (rc == HANGAR_OK && !dry) {
        rc = check_stored(r, err);
    }
    if (rc == HANGAR_OK) {
        rc = prepare_targets(r, err);
    }
    if (rc == HANGAR_OK && !dry) {
        rc = push_all(r, err);
    }
    end_targets(r);
    if (rc != HANGAR_OK && hg_job_cancelled(&r->session.job)) {
        struct hg_error why = {0};
        rc = hg_job_result(&r->session.job, &why);
        *err = why;
    }
    return rc;
}

/* ---- telling ---- */

static json_t *plan_lines(const struct target *t)
{
    json_t *lines = json_array();
    char *copy = strdup(hg_str_text(&t->plan.str));
    for (char *save = NULL, *line = copy ? strtok_r(copy, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        hg_json_add(lines, json_string(line));
    }
    free(copy);
    return lines;
}

static void document(const struct restoring *r, json_t *doc)
{
    const struct hg_manifest *m = &r->selected.manifest;
    hg_json_set_string(doc, "id", m->id);
    hg_json_set_string(doc, "pipeline", m->pipeline);
    hg_json_set_string(doc, "sink", r->selected.ctx ? r->selected.ctx->name : NULL);
    hg_json_set_bool(doc, "dry_run", r->request->flags & HANGAR_REQUEST_DRY_RUN);
    hg_json_set_int(doc, "duration_ms", hg_now_ms() - r->started_ms);
    json_t *sources = json_array();
    uint64_t bytes = 0, objects = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct target *t = &r->targets[i];
        json_t *one = json_object();
        hg_json_set_string(one, "name", t->from->name);
        hg_json_set_string(one, "plugin", t->from->plugin);
        hg_json_set_string(one, "target", hg_instance_target(t->ctx));
        hg_json_set(one, "plan", plan_lines(t));
        hg_json_set(one, "report",
                    t->push.report ? hg_attrs_to_json(t->push.report) : json_object());
        hg_json_add(sources, one);
        bool dry = r->request->flags & HANGAR_REQUEST_DRY_RUN; /* then: what it would be */
        for (size_t k = 0; dry && k < t->infos.count; k++) {
            bytes += t->infos.items[k].size_hint;
        }
        bytes += t->push.plain_bytes;
        objects += dry ? t->infos.count : t->push.objects_done;
    }
    hg_json_set_int(doc, "objects", (int64_t)objects);
    hg_json_set_int(doc, "plain_bytes", (int64_t)bytes);
    hg_json_set(doc, "sources", sources);
}

static void restoring_free(struct restoring *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct target *t = &r->targets[i];
        if (t->push.report) {
            hg_attrs_free(t->push.report);
            pthread_mutex_destroy(&t->push.mutex);
        }
        hg_infos_free(&t->infos);
        hg_str_free(&t->plan.str);
    }
    free(r->targets);
    free(r->set_text);
    hg_manifest_free(&r->selected.manifest);
    pthread_mutex_destroy(&r->progress_mutex);
    free(r);
}

static void log_end(struct restoring *r, enum hangar_rc rc, const struct hg_error *err)
{
    struct hg_log *log = &r->h->log;
    long long ms = (long long)(hg_now_ms() - r->started_ms);
    const char *id = r->selected.manifest.id ? r->selected.manifest.id : r->request->backup.id;
    if (r->request->flags & HANGAR_REQUEST_DRY_RUN) {
        return;
    }
    if (rc == HANGAR_OK) {
        hg_log_event(log, HANGAR_LOG_INFO, "restore.done", "%s in %lld ms", id, ms);
    } else {
        hg_log_event(log, HANGAR_LOG_ERROR, "restore.failed", "%s after %lld ms: %s", id, ms,
                     err->text);
    }
}

enum hangar_status hangar_restore(struct hangar *h, const struct hangar_restore_request *request,
                                  char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.restore/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    struct restoring *r = calloc(1, sizeof(*r));
    if (!r) {
        hg_fail(&err, HANGAR_NO_MEMORY, 0, "out of memory");
        return hg_doc_end(h, doc, HANGAR_STATUS_FAILED, &err, json);
    }
    r->h = h;
    r->request = request;
    r->started_ms = hg_now_ms();
    pthread_mutex_init(&r->progress_mutex, NULL);
    if (!(request->flags & HANGAR_REQUEST_DRY_RUN)) {
        hg_log_event(&h->log, HANGAR_LOG_INFO, "restore.start", "%s", request->backup.id);
    }
    enum hangar_rc rc = hg_session_begin(&r->session, h, 0, on_tick, r, &err);
    if (rc == HANGAR_OK) {
        rc = run(r, &err);
        document(r, doc);
        hg_session_end(&r->session);
    }
    log_end(r, rc, &err);
    restoring_free(r);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
