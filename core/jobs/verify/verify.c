/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verify: the job: finds the backups that were asked for, verifies each in each sink that holds
 * it (contents.c), stores the records, and reports and notifies.
 */
#include "jobs/verify/verify.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/store.h"
#include "config/config.h"
#include "inventory/origin.h"
#include "inventory/selection.h"
#include "inventory/record.h"
#include "jobs/notify/alerts.h"
#include "jobs/notify/notify.h"
#include "jobs/verify/contents.h"
#include "jobs/verify/drill.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/priority.h"
#include "session/session.h"

/* One call of hangar_verify. */
struct hg_verify_job {
    struct hangar *h;
    const struct hangar_selection *which;
    enum hangar_verify_level level;
    json_t *backups;
    struct hg_error error;    /* the worst so far */
    enum hangar_rc rc;        /* its result code */
    struct hg_error standing; /* of the last copy: what a drill found before; else OK */
    size_t verified;
    const struct hg_pipeline_config *pipeline; /* when all backups are of one; NULL otherwise */
    struct hg_session session; /* of all backups of a pipeline, so that each sink opens once */
    bool began;                /* the session */
};

/* Damage outranks a sink that cannot be read. */
static void verify_note_result(struct hg_verify_job *job, enum hangar_rc rc,
                               const struct hg_error *err)
{
    if (rc != HANGAR_OK &&
        (job->rc == HANGAR_OK || (rc == HANGAR_CORRUPT && job->rc != HANGAR_CORRUPT))) {
        job->rc = rc;
        job->error = *err;
    }
}

static void verify_tick(void *arg)
{
    struct hg_verified_backup *v = arg;
    hg_drill_progress(&v->drill, v->started_ms);
}

static void verify_end_session(struct hg_verify_job *job)
{
    if (job->began) {
        hg_session_end(&job->session);
    }
    job->began = false;
}

/* The session of the job.  Another one when the last was cancelled, for example by a sink that did
 * not answer; and for each drill (`drilled`, else NULL), whose temporary folders and limits end
 * with it. */
static enum hangar_rc verify_session(struct hg_verify_job *job, struct hg_verified_backup *drilled,
                                     struct hg_error *err)
{
    if (job->began && !drilled && !hg_job_cancelled(&job->session.job)) {
        return HANGAR_OK;
    }
    verify_end_session(job);
    enum hangar_rc rc =
        hg_session_begin(&job->session, job->h, 0, drilled ? verify_tick : NULL, drilled, err);
    job->began = rc == HANGAR_OK;
    return rc;
}

/* ---- the result of one backup in one sink ---- */

static json_t *verify_problems(const struct hg_verified_backup *v, const struct hg_error *err)
{
    json_t *list = hg_json_lines(v->found.problems.data);
    if (json_array_size(list) == 0 && err->text[0]) {
        hg_json_add(list, json_string(err->text));
    }
    return list;
}

static void verify_log(const struct hg_verify_job *job, const char *sink,
                       const struct hg_verification *result)
{
    const char *level = hg_verify_level_name(result->level);
    if (result->status == HANGAR_STATUS_DONE) {
        hg_log_took(&job->h->log, HANGAR_LOG_INFO, "verify.done", result->duration_ms,
                    "level=%s: %s in sink %s", level, result->id, sink);
    } else if (result->status == HANGAR_STATUS_INTERRUPTED) {
        hg_log_took(&job->h->log, HANGAR_LOG_WARN, "verify.interrupted", result->duration_ms,
                    "level=%s: %s in sink %s is not judged", level, result->id, sink);
    } else if (hg_outcome_of(result->status) == HG_NOT_JUDGED) {
        hg_log_took(&job->h->log, HANGAR_LOG_ERROR, "verify.failed", result->duration_ms,
                    "level=%s: %s in sink %s could not be judged: %s", level, result->id, sink,
                    result->error);
    } else if (result->level == HANGAR_VERIFY_DRILL) {
        /* what a plugin reports of its server names no backup */
        hg_log_took(&job->h->log, HANGAR_LOG_ERROR, "verify.failed", result->duration_ms,
                    "level=%s: %s in sink %s: %s", level, result->id, sink,
                    hg_error_without(result->error, "sink", sink));
    } else {
        hg_log_took(&job->h->log, HANGAR_LOG_ERROR, "verify.failed", result->duration_ms,
                    "level=%s: %s", level, result->error);
    }
}

static json_t *verify_document(const struct hg_verified_backup *v,
                               const struct hg_verification *result, const struct hg_error *err)
{
    json_t *one = json_object();
    hg_json_set_string(one, "id", v->id);
    hg_json_set_string(one, "pipeline", v->pipeline);
    hg_json_set_string(one, "sink", result->sink);
    hg_json_set_string(one, "status", hangar_status_name(result->status));
    hg_json_set_string(one, "outcome", hg_outcome_name(hg_outcome_of(result->status)));
    hg_json_set_int(one, "objects", (int64_t)v->found.objects);
    hg_json_set_int(one, "plain_bytes", (int64_t)v->found.plain_bytes);
    hg_json_set_int(one, "stored_bytes", (int64_t)v->found.stored_bytes);
    hg_json_set_int(one, "duration_ms", result->duration_ms);
    hg_json_set(one, "problems", verify_problems(v, err));
    if (result->level == HANGAR_VERIFY_DRILL) {
        hg_json_set(one, "sources", json_incref(result->sources));
    }
    return one;
}

/* Remembers the result, and stores the record of a judgement beside the backup.  The sink of the
 * verification serves for it unless it was cancelled with its job. */
static void verify_store_record(struct hg_verified_backup *v, size_t sink,
                                struct hg_verification *result)
{
    struct hg_session fresh;
    struct hg_verification previous = {0};
    struct hg_error err = {0};
    enum hangar_rc rc = HANGAR_OK;
    bool opened = false;
    if (hg_outcome_of(result->status) == HG_NOT_JUDGED) {
        hg_verification_remember(&v->h->state, v->pipeline, result);
        return;
    }
    if (!v->sink || hg_job_cancelled(&v->s->job)) {
        rc = hg_session_begin(&fresh, v->h, 0, NULL, NULL, &err);
        opened = rc == HANGAR_OK;
        rc = opened ? hg_session_open(&fresh, sink, NULL, 0, &v->sink, &err) : rc;
    }
    if (rc == HANGAR_OK && !v->drilled) {
        rc = hg_record_carry(v->h, v->sink, v->pipeline, result, &previous, &err);
    }
    /* a good result must not hide what a drill found: it may be in a record that cannot be read */
    const bool hides = rc != HANGAR_OK && !v->drilled && result->status == HANGAR_STATUS_DONE;
    if (rc == HANGAR_OK) {
        rc = hg_record_store(v->h, v->sink, v->pipeline, result, &err);
    }
    if (opened) {
        hg_session_end(&fresh);
    }
    if (rc != HANGAR_OK) {
        hg_log_line(&v->h->log, HANGAR_LOG_WARN, "cannot store the verification record of %s: %s",
                    v->id, err.text);
    }
    if (!hides) {
        hg_verification_remember(&v->h->state, v->pipeline, result);
    }
    if (result->status == HANGAR_STATUS_DONE && result->drill_error) {
        hg_fail(&v->standing, HANGAR_CORRUPT, 0,
                "sink %s: %s still counts as damaged: its bytes are right, but a drill found: %s; "
                "hint: `hangar verify --level drill %s` judges it again",
                result->sink, v->id, result->drill_error, v->id);
        hg_log_line(&v->h->log, HANGAR_LOG_WARN, "%s", v->standing.text);
    }
    result->drill_error = NULL;
    hg_verification_free(&previous);
}

/* ---- one backup in one sink ---- */

/* The sink stays open for the other backups. */
static enum hangar_rc verify_run(struct hg_verified_backup *v, size_t sink, struct hg_error *err)
{
    hg_job_step(&v->s->job, "verifying %s", v->id);
    enum hangar_rc rc = hg_session_open(v->s, sink, NULL, 0, &v->sink, err);
    const size_t kept = v->s->count;
    if (rc == HANGAR_OK) {
        rc = hg_verify_backup(v, err);
    }
    if (rc == HANGAR_NOT_FOUND && !v->manifest.id) {
        struct hg_error why = {0};
        if (hg_origin_again(v->h, v->sink, v->pipeline, &why) != HANGAR_OK) {
            hg_error_clear(err);
            rc = hg_error_move(err, &why); /* a copy in another sink does not make up for that */
        }
    }
    hg_session_close_from(v->s, kept);
    rc = hg_session_result(v->s, rc, err);
    /* whatever else keeps a drill from proving the backup, it is the drill that failed, and the
     * backup is not judged */
    bool judged = rc == HANGAR_OK || rc == HANGAR_CORRUPT || rc == HANGAR_CANCELLED;
    if (v->level == HANGAR_VERIFY_DRILL && v->manifest.id && !judged) {
        rc = err->rc = HANGAR_IO;
    }
    return rc;
}

/* Adds the result of one backup in one sink to the document, the log and the records. */
static void verify_add_result(struct hg_verify_job *job, struct hg_verified_backup *v, size_t sink,
                              struct hg_verification *result, enum hangar_rc rc,
                              const struct hg_error *err)
{
    result->status = hg_status(rc);
    result->error = rc != HANGAR_OK ? err->text : NULL;
    result->drill_error = rc == HANGAR_CORRUPT && v->drilled ? err->text : NULL;
    result->drill_ms = v->started_ms;
    result->unread = rc == HANGAR_CORRUPT && !v->read;
    job->verified++;
    verify_note_result(job, rc, err);
    hg_json_add(job->backups, verify_document(v, result, err));
    verify_log(job, result->sink, result);
    if (job->began && job->level >= HANGAR_VERIFY_FULL && rc != HANGAR_CANCELLED) {
        verify_store_record(v, sink, result);
        job->standing = v->standing;
    }
}

/* Verifies one backup in one sink and adds it to the document. */
static void verify_in_sink(struct hg_verify_job *job, const char *pipeline, size_t sink,
                           const char *id)
{
    struct hg_verified_backup v = {.h = job->h,
                                   .s = &job->session,
                                   .pipeline = pipeline,
                                   .id = id,
                                   .level = job->level,
                                   .started_ms = hg_now_ms(),
                                   .sources = json_array()};
    struct hg_verification result = {.id = id,
                                     .sink = job->h->config->instances[sink].name,
                                     .time_ms = v.started_ms,
                                     .level = job->level,
                                     .sources = v.sources};
    int64_t started = hg_mono_ms();
    hg_drill_init(&v.drill);
    const bool drills = job->level == HANGAR_VERIFY_DRILL;
    struct hg_error err = {0};
    enum hangar_rc rc = verify_session(job, drills ? &v : NULL, &err);
    if (rc == HANGAR_OK) {
        rc = verify_run(&v, sink, &err);
    }
    if (rc != HANGAR_NOT_FOUND || v.manifest.id) { /* else this sink does not have it */
        result.duration_ms = hg_mono_ms() - started;
        verify_add_result(job, &v, sink, &result, rc, &err);
    }
    if (drills) {
        verify_end_session(job);
    }
    hg_drill_fini(&v.drill);
    hg_manifest_free(&v.manifest);
    hg_str_free(&v.found.problems);
    json_decref(v.sources);
}

enum hangar_rc hg_verify_repaired(struct hangar *h, const char *pipeline, size_t sink,
                                  const char *id, struct hg_error *err)
{
    struct hg_verify_job job = {.h = h, .level = HANGAR_VERIFY_FULL, .backups = json_array()};
    verify_in_sink(&job, pipeline, sink, id);
    verify_end_session(&job);
    json_decref(job.backups);
    if (job.rc == HANGAR_CORRUPT || job.rc == HANGAR_CANCELLED) {
        return hg_error_move(err, &job.error);
    }
    return job.standing.rc == HANGAR_OK ? HANGAR_OK : hg_error_move(err, &job.standing);
}

/* ---- which backups ---- */

/* All backups of a pipeline in a sink, the newest first. */
static void verify_all_in_sink(struct hg_verify_job *job, const char *pipeline, size_t sink)
{
    struct hg_error err = {0};
    struct hg_origin_ids ids = {0};
    struct hangar_ctx *ctx;
    enum hangar_rc rc = verify_session(job, NULL, &err);
    if (rc == HANGAR_OK) {
        rc = hg_session_open(&job->session, sink, NULL, 0, &ctx, &err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_origin_ids(job->h, ctx, pipeline, &ids, &err);
        if (ids.lost) {
            hg_origin_warn_lost(job->h, ctx, pipeline);
        }
    }
    verify_note_result(job, rc, &err);
    for (size_t i = ids.count; i-- > 0 && job->rc != HANGAR_CANCELLED;) {
        verify_in_sink(job, pipeline, sink, ids.items[i]);
    }
    hg_store_ids_free(ids.items, ids.count);
}

/* Finds the backup that an id or "latest" stands for, good or bad. */
static enum hangar_rc verify_select(struct hg_verify_job *job, char id[HG_BACKUP_ID_SIZE],
                                    struct hg_error *err)
{
    struct hg_selected_id selected;
    enum hangar_rc rc = verify_session(job, NULL, err);
    if (rc == HANGAR_OK) {
        rc = hg_select_newest(&job->session, job->which, &selected, err);
        rc = hg_session_result(&job->session, rc, err);
    }
    if (rc == HANGAR_OK) {
        snprintf(id, HG_BACKUP_ID_SIZE, "%s", selected.id);
        job->pipeline = &job->h->config->pipelines[selected.pipeline];
    }
    return rc;
}

/* Verifies the backup of this id (NULL: every backup) in each sink of the pipeline (NULL: of each
 * pipeline). */
static void verify_in_sinks(struct hg_verify_job *job, const char *id, const char *pipeline)
{
    const struct hg_config *config = job->h->config;
    const char *only_sink = job->which->sink;
    for (size_t p = 0; p < config->pipeline_count; p++) {
        const struct hg_pipeline_config *pc = &config->pipelines[p];
        if (pipeline && strcmp(pipeline, pc->name) != 0) {
            continue;
        }
        for (size_t i = 0; i < pc->sink_count && job->rc != HANGAR_CANCELLED; i++) {
            size_t sink = pc->sinks[i];
            if (only_sink && strcmp(only_sink, config->instances[sink].name) != 0) {
                continue;
            }
            if (id) {
                verify_in_sink(job, pc->name, sink, id);
            } else {
                verify_all_in_sink(job, pc->name, sink);
            }
        }
        if (job->began) { /* the sinks of all pipelines may be more than a session can open */
            hg_session_close_from(&job->session, 0);
        }
    }
}

static void verify_selected(void *arg)
{
    struct hg_verify_job *job = arg;
    const struct hangar_selection *which = job->which;
    if (strcmp(which->id, "all") == 0) {
        verify_in_sinks(job, NULL, which->pipeline);
        return;
    }
    char id[HG_BACKUP_ID_SIZE];
    struct hg_error err = {0};
    enum hangar_rc rc = verify_select(job, id, &err);
    if (rc == HANGAR_OK) {
        verify_in_sinks(job, id, job->pipeline->name);
    }
    verify_note_result(job, job->verified ? HANGAR_OK : rc, &err);
}

static enum hangar_rc verify_check_request(struct hg_verify_job *job, struct hg_error *err)
{
    const struct hangar_selection *which = job->which;
    if (job->level > HANGAR_VERIFY_DRILL) {
        return hg_fail(err, HANGAR_CONFIG, 0, "there is no verification level %d", (int)job->level);
    }
    enum hangar_rc rc = hg_check_names(job->h->config, which->pipeline, which->sink, err);
    if (rc == HANGAR_OK && which->pipeline) {
        size_t index;
        rc = hg_find_pipeline(job->h->config, which->pipeline, &index, err);
        job->pipeline = rc == HANGAR_OK ? &job->h->config->pipelines[index] : NULL;
    }
    return rc;
}

enum hangar_status hangar_verify(struct hangar *h, const struct hangar_selection *which,
                                 enum hangar_verify_level level, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.verify/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_verify_job job = {.h = h, .which = which, .level = level, .backups = json_array()};
    hg_new_run_id(h);
    hg_json_set_string(doc, "level", hg_verify_level_name(level));
    job.rc = verify_check_request(&job, &job.error);
    if (job.rc == HANGAR_OK) {
        hg_priority_run(h->config, &h->log, verify_selected, &job);
    }
    verify_end_session(&job);
    hg_json_set_string(doc, "outcome", hg_outcome_name(hg_outcome_of(hg_status(job.rc))));
    hg_json_set(doc, "backups", job.backups);
    if (job.rc != HANGAR_CANCELLED) {
        hg_notify_end(h, &(struct hg_job_end){.job = "verify",
                                              .pipeline = job.pipeline,
                                              .status = hg_status(job.rc),
                                              .duration_ms = -1,
                                              .document = doc,
                                              .error = &job.error});
        if (job.pipeline) {
            hg_alerts_after(h, NULL, job.pipeline);
        }
    }
    return hg_doc_end(h, doc, hg_status(job.rc), &job.error, json);
}
