/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verify: is a backup what was stored?  quick looks at the manifest and the sizes,
 * full reads, decodes and compares every byte, drill restores it besides (drill.c).
 */
#include "jobs/verify/verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "jobs/notify/alerts.h"
#include "jobs/verify/drill.h"
#include "session/priority.h"
#include "jobs/notify/notify.h"
#include "inventory/verification_record.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/manifest.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "config/config.h"
#include "inventory/object_infos.h"
#include "inventory/selection.h"
#include "pipeline/decode.h"
#include "plugin/job.h"
#include "plugin/page.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/session.h"

/* ---- many objects at once ---- */

struct comparing {
    struct hg_session *s;
    struct hangar_ctx *sink;
    struct hangar_ctx *const *chain;
    size_t chain_count;
    const struct hg_stored *objects;
    size_t count;
    struct hg_verify_tally *tally;
    pthread_mutex_t mutex; /* guards what follows and the tally */
    size_t next;
    bool stop;
    struct hg_error error;
};

static void note(struct comparing *c, const struct hg_stored *object, enum hangar_rc rc,
                 const struct hg_error *err)
{
    pthread_mutex_lock(&c->mutex);
    if (rc == HANGAR_OK && c->tally) {
        c->tally->objects++;
        c->tally->plain_bytes += object->plain_bytes;
        c->tally->stored_bytes += object->stored_bytes;
    } else if (rc != HANGAR_OK) {
        if (c->error.rc == HANGAR_OK) {
            c->error = *err;
        }
        if (c->tally && rc == HANGAR_CORRUPT) {
            hg_str_addf(&c->tally->problems, "%s\n", err->text);
        } else {
            c->error = rc == HANGAR_CORRUPT ? c->error : *err;
            c->stop = true;
        }
    }
    pthread_mutex_unlock(&c->mutex);
}

static void compare_main(void *arg, size_t n)
{
    (void)n;
    struct comparing *c = arg;
    for (;;) {
        pthread_mutex_lock(&c->mutex);
        size_t i = c->stop ? c->count : c->next;
        c->next += i < c->count;
        pthread_mutex_unlock(&c->mutex);
        if (i >= c->count) {
            return;
        }
        struct hg_error err = {0};
        const struct hg_stored *object = &c->objects[i];
        enum hangar_rc rc =
            c->chain ? hg_decode(c->sink, c->chain, c->chain_count, object, NULL, NULL, &err)
                     : hg_decode_check(c->sink, object, &err);
        note(c, object, rc, &err);
    }
}

enum hangar_rc hg_verify_objects(struct hg_session *s, struct hangar_ctx *sink,
                                 struct hangar_ctx *const *chain, size_t chain_count,
                                 const struct hg_stored *objects, size_t count,
                                 struct hg_verify_tally *tally, struct hg_error *err)
{
    struct comparing c = {.s = s,
                          .sink = sink,
                          .chain = chain,
                          .chain_count = chain_count,
                          .objects = objects,
                          .count = count,
                          .tally = tally};
    pthread_mutex_init(&c.mutex, NULL);
    size_t threads = hg_workers(s->h);
    if (!hg_thread_run_all(threads < count ? threads : count, compare_main, &c) &&
        c.error.rc == HANGAR_OK) {
        hg_fail(&c.error, HANGAR_NO_MEMORY, 0, "cannot start a thread");
    }
    pthread_mutex_destroy(&c.mutex);
    if (c.error.rc != HANGAR_OK) {
        *err = c.error;
    }
    return c.error.rc;
}

/* ---- one backup in one sink ---- */

static const char *const level_names[] = {"quick", "full", "drill"};

struct verifying {
    struct hangar *h;
    struct hg_session *s;
    struct hangar_ctx *sink;
    const char *pipeline, *id;
    enum hangar_verify_level level;
    struct hg_manifest manifest;
    struct hg_verify_tally tally;
    struct hangar_ctx *chain[HG_CHAIN_MAX];
    int64_t started_ms;
    struct hg_drill drill;
    json_t *sources; /* what the drill's plugins report */
};

/* Names and sizes of what lies in the backup's folder. */
struct listing {
    struct listed {
        char *name;
        uint64_t size;
    } *items;
    size_t count, capacity;
};

static enum hangar_rc take_page(void *arg, const struct hg_page_entries *page, struct hg_error *err)
{
    struct listing *list = arg;
    for (size_t i = 0; i < page->count; i++) {
        char *name = strdup(page->items[i].name);
        if (!name || !hg_vec_reserve((void **)&list->items, list->count, &list->capacity,
                                     sizeof(*list->items))) {
            free(name);
            return hg_no_memory(err);
        }
        list->items[list->count++] = (struct listed){name, page->items[i].size};
    }
    return HANGAR_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

static enum hangar_rc expect_file(struct verifying *v, struct listing *list, const char *name,
                                  uint64_t bytes, struct hg_error *err)
{
    char *path = hg_store_path(v->pipeline, v->id, name);
    if (!path) {
        return hg_no_memory(err);
    }
    struct listed key = {path, 0};
    struct listed *found =
        list->count ? bsearch(&key, list->items, list->count, sizeof(*list->items), by_name) : NULL;
    if (!found) {
        hg_str_addf(&v->tally.problems, "%s is missing\n", name);
    } else if (found->size != bytes) {
        hg_str_addf(&v->tally.problems, "%s has %llu bytes and had %llu\n", name,
                    (unsigned long long)found->size, (unsigned long long)bytes);
    }
    free(path);
    return HANGAR_OK;
}

/* Also when there was no memory to say what it is. */
static bool is_damaged(const struct hg_verify_tally *tally)
{
    return tally->problems.len > 0 || tally->problems.failed;
}

/* Is every file there, with its size? */
static enum hangar_rc check_sizes(struct verifying *v, struct hg_error *err)
{
    struct listing list = {0};
    char *prefix = hg_store_path(v->pipeline, v->id, NULL);
    enum hangar_rc rc =
        prefix ? hg_sink_list(v->sink, prefix, 0, take_page, &list, err) : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        if (list.count) {
            qsort(list.items, list.count, sizeof(*list.items), by_name);
        }
        const struct hg_manifest *m = &v->manifest;
        for (size_t i = 0; i < m->source_count; i++) {
            for (size_t k = 0; k < m->sources[i].count && rc == HANGAR_OK; k++) {
                const struct hg_manifest_object *o = &m->sources[i].objects[k];
                rc = expect_file(v, &list, o->stored, o->stored_bytes, err);
            }
        }
        for (size_t i = 0; i < m->file_count && rc == HANGAR_OK; i++) {
            rc = expect_file(v, &list, m->files[i].name, m->files[i].bytes, err);
        }
    }
    for (size_t i = 0; i < list.count; i++) {
        free(list.items[i].name);
    }
    free(list.items);
    free(prefix);
    return rc;
}

/* RESTORE.txt and SHA256SUMS, byte by byte. */
static enum hangar_rc check_files(struct verifying *v, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < v->manifest.file_count && rc == HANGAR_OK; i++) {
        const struct hg_manifest_file *f = &v->manifest.files[i];
        char *path = hg_store_path(v->pipeline, v->id, f->name);
        struct hg_stored stored = {.path = path,
                                   .stored_bytes = f->bytes,
                                   .plain_bytes = f->bytes,
                                   .stored_sha256 = f->sha256,
                                   .plain_sha256 = f->sha256};
        struct hg_error why = {0};
        rc = path ? hg_decode_check(v->sink, &stored, &why) : hg_no_memory(&why);
        if (rc == HANGAR_CORRUPT) {
            hg_str_addf(&v->tally.problems, "%s\n", why.text);
            rc = HANGAR_OK;
        } else if (rc != HANGAR_OK) {
            *err = why;
        }
        free(path);
    }
    return rc;
}

static enum hangar_rc check_objects(struct verifying *v, struct hg_error *err)
{
    enum hangar_rc rc = hg_session_chain(v->s, &v->manifest, v->chain, err);
    for (size_t i = 0; i < v->manifest.source_count && rc == HANGAR_OK; i++) {
        struct hg_infos infos;
        struct hg_error why = {0};
        rc = hg_infos_make(&v->manifest, &v->manifest.sources[i], false, &infos, err);
        if (rc != HANGAR_OK) {
            break;
        }
        rc = hg_verify_objects(v->s, v->sink, v->chain, v->manifest.chain_count, infos.stored,
                               infos.count, &v->tally, &why);
        if (rc == HANGAR_CORRUPT) {
            rc = HANGAR_OK; /* it is in the tally */
        } else if (rc != HANGAR_OK) {
            *err = why;
        }
        hg_infos_free(&infos);
    }
    return rc;
}

/* Without a key a signature proves nothing, but somebody should know that it is there. */
static void tell_signed(struct verifying *v)
{
    int64_t unused;
    if (!v->s->job.set.signing &&
        hg_store_time(v->sink, v->pipeline, v->id, HG_SIGNATURE_NAME, &unused, NULL) == HANGAR_OK) {
        hg_log_event(&v->h->log, HANGAR_LOG_INFO, "verify.unchecked",
                     "sink %s: %s is signed; its signature was not checked, as the configuration "
                     "has no `signing` key",
                     v->sink->name, v->id);
    }
}

static enum hangar_rc verify_one(struct verifying *v, struct hg_error *err)
{
    enum hangar_rc rc = hg_store_manifest(v->sink, v->pipeline, v->id, &v->manifest, err);
    if (rc == HANGAR_OK) {
        rc = check_sizes(v, err);
    }
    if (rc == HANGAR_OK && v->level == HANGAR_VERIFY_QUICK) {
        v->tally.objects = hg_manifest_objects(&v->manifest);
        v->tally.plain_bytes = hg_manifest_plain_bytes(&v->manifest);
        v->tally.stored_bytes = hg_manifest_stored_bytes(&v->manifest);
    }
    if (rc == HANGAR_OK && v->level >= HANGAR_VERIFY_FULL && !is_damaged(&v->tally)) {
        tell_signed(v);
        rc = check_files(v, err);
        if (rc == HANGAR_OK) {
            rc = check_objects(v, err);
        }
    }
    if (rc == HANGAR_OK && is_damaged(&v->tally)) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0, "sink %s: %s is damaged: %.*s", v->sink->name, v->id,
                     (int)strcspn(hg_str_text(&v->tally.problems), "\n"),
                     hg_str_text(&v->tally.problems));
    }
    if (rc == HANGAR_OK && v->level == HANGAR_VERIFY_DRILL) {
        hg_job_step(&v->s->job, "drilling %s", v->id);
        rc = hg_drill_run(&v->drill, v->s, &v->manifest, v->sink, v->chain, v->sources, err);
    }
    return rc;
}

/* ---- all that are meant ---- */

struct tour {
    struct hangar *h;
    const struct hangar_selection *which;
    enum hangar_verify_level level;
    json_t *backups;
    struct hg_error error; /* the worst so far */
    enum hangar_rc rc;
    size_t seen;
    const struct hg_pipeline_config *of; /* when all of it is about one; NULL otherwise */
};

static void remember(struct tour *t, enum hangar_rc rc, const struct hg_error *err)
{
    /* damage counts more than a sink that cannot be read */
    if (rc != HANGAR_OK && (t->rc == HANGAR_OK || (rc == HANGAR_CORRUPT && t->rc != rc))) {
        t->rc = rc;
        t->error = *err;
    }
}

static json_t *problem_list(const struct hg_verify_tally *tally, const struct hg_error *err)
{
    json_t *list = hg_json_lines(tally->problems.data);
    if (json_array_size(list) == 0 && err->text[0]) {
        hg_json_add(list, json_string(err->text));
    }
    return list;
}

static void on_tick(void *arg)
{
    struct verifying *v = arg;
    hg_drill_progress(&v->drill, v->started_ms);
}

static enum hangar_rc verify_in_session(struct tour *t, const char *pipeline, size_t sink,
                                        const char *id, struct hg_verify_tally *tally,
                                        json_t *sources, bool *there, struct hg_error *err)
{
    struct hg_session s;
    struct verifying v = {.h = t->h,
                          .s = &s,
                          .pipeline = pipeline,
                          .id = id,
                          .level = t->level,
                          .started_ms = hg_now_ms(),
                          .sources = sources};
    hg_drill_init(&v.drill);
    enum hangar_rc rc = hg_session_begin(&s, t->h, 0, on_tick, &v, err);
    if (rc != HANGAR_OK) {
        hg_drill_fini(&v.drill);
        return rc;
    }
    hg_job_step(&s.job, "verifying %s", id);
    rc = hg_session_open(&s, sink, NULL, 0, &v.sink, err);
    if (rc == HANGAR_OK) {
        rc = verify_one(&v, err);
    }
    *tally = v.tally;
    *there = v.manifest.id != NULL;
    rc = hg_session_result(&s, rc, err);
    hg_session_end(&s);
    hg_drill_fini(&v.drill);
    hg_manifest_free(&v.manifest);
    return rc;
}

/* What is kept of it beside the backup. */
static void record(struct tour *t, const char *pipeline, size_t sink, const char *id,
                   int64_t started_ms, enum hangar_rc rc, const struct hg_error *err,
                   json_t *sources)
{
    json_t *one = json_object();
    hg_json_set_time(one, "time", started_ms);
    hg_json_set_string(one, "level", level_names[t->level]);
    hg_json_set_string(one, "status", hangar_status_name(hg_status(rc)));
    hg_json_set_int(one, "duration_ms", hg_now_ms() - started_ms);
    hg_json_set_string(one, "host", t->h->host);
    hg_json_set_string(one, "hangar", hangar_version());
    hg_json_set(one, "sources", json_incref(sources));
    if (rc != HANGAR_OK) {
        hg_json_set_string(one, "error", err->text);
    }
    hg_verified_record(t->h, pipeline, sink, id, one);
    json_decref(one);
}

/* Verifies one backup in one sink and adds it to the document. */
static void visit(struct tour *t, const char *pipeline, size_t sink, const char *id)
{
    struct hg_verify_tally tally = {0};
    struct hg_error err = {0};
    int64_t started = hg_mono_ms(), started_ms = hg_now_ms();
    json_t *sources = json_array();
    bool there = false;
    enum hangar_rc rc = verify_in_session(t, pipeline, sink, id, &tally, sources, &there, &err);
    if (!there && rc == HANGAR_NOT_FOUND) {
        hg_str_free(&tally.problems);
        json_decref(sources);
        return; /* this sink does not have it */
    }
    /* whatever keeps a drill from proving the backup, it is the drill that failed */
    if (t->level == HANGAR_VERIFY_DRILL && there && rc != HANGAR_OK && rc != HANGAR_CORRUPT &&
        rc != HANGAR_CANCELLED) {
        rc = err.rc = HANGAR_IO;
    }
    t->seen++;
    remember(t, rc, &err);
    json_t *one = json_object();
    hg_json_set_string(one, "id", id);
    hg_json_set_string(one, "pipeline", pipeline);
    hg_json_set_string(one, "sink", t->h->config->instances[sink].name);
    hg_json_set_string(one, "status", hangar_status_name(hg_status(rc)));
    hg_json_set_int(one, "objects", (int64_t)tally.objects);
    hg_json_set_int(one, "plain_bytes", (int64_t)tally.plain_bytes);
    hg_json_set_int(one, "stored_bytes", (int64_t)tally.stored_bytes);
    hg_json_set_int(one, "duration_ms", hg_mono_ms() - started);
    hg_json_set(one, "problems", problem_list(&tally, &err));
    if (t->level == HANGAR_VERIFY_DRILL) {
        hg_json_set(one, "sources", json_incref(sources));
    }
    hg_json_add(t->backups, one);
    if (rc == HANGAR_OK) {
        hg_log_took(&t->h->log, HANGAR_LOG_INFO, "verify.done", hg_mono_ms() - started,
                    "level=%s: %s in sink %s", level_names[t->level], id,
                    t->h->config->instances[sink].name);
    } else {
        /* what a plugin says of its server names no backup */
        bool drilled = t->level == HANGAR_VERIFY_DRILL;
        hg_log_took(&t->h->log, HANGAR_LOG_ERROR, "verify.failed", hg_mono_ms() - started,
                    "level=%s: %s%s%s%s%s", level_names[t->level], drilled ? id : "",
                    drilled ? " in sink " : "", drilled ? t->h->config->instances[sink].name : "",
                    drilled ? ": " : "", err.text);
    }
    if (t->level >= HANGAR_VERIFY_FULL && rc != HANGAR_CANCELLED) {
        record(t, pipeline, sink, id, started_ms, rc, &err, sources);
    }
    hg_str_free(&tally.problems);
    json_decref(sources);
}

/* All ids of a pipeline in a sink, newest first. */
static void visit_sink(struct tour *t, const char *pipeline, size_t sink)
{
    struct hg_session s;
    struct hg_error err = {0};
    char **ids = NULL;
    size_t count = 0;
    enum hangar_rc rc = hg_session_begin(&s, t->h, 0, NULL, NULL, &err);
    if (rc == HANGAR_OK) {
        struct hangar_ctx *ctx;
        rc = hg_session_open(&s, sink, NULL, 0, &ctx, &err);
        if (rc == HANGAR_OK) {
            rc = hg_store_ids(ctx, pipeline, &ids, &count, NULL, &err);
        }
        hg_session_end(&s);
    }
    remember(t, rc, &err);
    for (size_t i = count; i-- > 0 && t->rc != HANGAR_CANCELLED;) {
        visit(t, pipeline, sink, ids[i]);
    }
    hg_store_ids_free(ids, count);
}

/* The id that "latest" means, wherever it is. */
static enum hangar_rc resolve(struct tour *t, struct hg_manifest *m, struct hg_error *err)
{
    struct hg_session s;
    struct hg_selected selected = {0};
    enum hangar_rc rc = hg_session_begin(&s, t->h, 0, NULL, NULL, err);
    if (rc == HANGAR_OK) {
        rc = hg_select(&s, t->which, &selected, err);
        hg_session_end(&s);
    }
    *m = selected.manifest;
    return rc;
}

static void walk(struct tour *t, const char *id, const char *only_pipeline)
{
    for (size_t p = 0; p < t->h->config->pipeline_count; p++) {
        const struct hg_pipeline_config *pipeline = &t->h->config->pipelines[p];
        if (only_pipeline && strcmp(only_pipeline, pipeline->name) != 0) {
            continue;
        }
        for (size_t i = 0; i < pipeline->sink_count && t->rc != HANGAR_CANCELLED; i++) {
            size_t sink = pipeline->sinks[i];
            if (t->which->sink && strcmp(t->which->sink, t->h->config->instances[sink].name) != 0) {
                continue;
            }
            if (id) {
                visit(t, pipeline->name, sink, id);
            } else {
                visit_sink(t, pipeline->name, sink);
            }
        }
    }
}

/* The whole tour, once what was asked makes sense. */
static void go_round(void *arg)
{
    struct tour *t = arg;
    struct hg_manifest m = {0};
    struct hg_error err = {0};
    size_t index;
    if (strcmp(t->which->id, "all") == 0) {
        walk(t, NULL, t->which->pipeline);
        return;
    }
    enum hangar_rc rc = resolve(t, &m, &err);
    if (rc == HANGAR_OK) {
        walk(t, m.id, m.pipeline);
        if (hg_find_pipeline(t->h, m.pipeline, &index, NULL) == HANGAR_OK) {
            t->of = &t->h->config->pipelines[index];
        }
    } else if (rc == HANGAR_CORRUPT && strcmp(t->which->id, "latest") != 0) {
        walk(t, t->which->id, t->which->pipeline);
    }
    remember(t, t->seen ? HANGAR_OK : rc, &err);
    hg_manifest_free(&m);
}

static enum hangar_rc check_question(struct tour *t, struct hg_error *err)
{
    const struct hangar_selection *which = t->which;
    size_t index;
    if (t->level > HANGAR_VERIFY_DRILL) {
        return hg_fail(err, HANGAR_CONFIG, 0, "there is no level %d", (int)t->level);
    }
    if (which->pipeline) {
        enum hangar_rc rc = hg_find_pipeline(t->h, which->pipeline, &index, err);
        if (rc != HANGAR_OK) {
            return rc;
        }
        t->of = &t->h->config->pipelines[index];
    }
    return hg_check_names(t->h, NULL, which->sink, err);
}

enum hangar_status hangar_verify(struct hangar *h, const struct hangar_selection *which,
                                 enum hangar_verify_level level, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.verify/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct tour t = {.h = h, .which = which, .level = level, .backups = json_array()};
    hg_new_run_id(h);
    hg_json_set_string(doc, "level", level_names[level <= HANGAR_VERIFY_DRILL ? level : 0]);
    t.rc = check_question(&t, &t.error);
    if (t.rc == HANGAR_OK) {
        hg_priority_run(h->config, &h->log, go_round, &t);
    }
    hg_json_set(doc, "backups", t.backups);
    if (t.rc != HANGAR_CANCELLED) {
        hg_notify_end(h, "verify", t.of, hg_status(t.rc), doc, &t.error);
        if (t.of) {
            hg_alerts_after(h, t.of);
        }
    }
    return hg_doc_end(h, doc, hg_status(t.rc), &t.error, json);
}
