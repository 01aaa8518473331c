/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * copy: copies whole backups from one sink of a pipeline into another, byte for byte.  Each
 * byte is compared with the manifest, which is stored last, create-only, with its signature.
 * A copy has the lock of the pipeline and a lease, as a run does.
 *
 * A hold is copied: it applies to the backup, not to one copy.  Records of verifications are
 * not copied: they apply to the copy that was verified.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/store.h"
#include "config/config.h"
#include "inventory/goodness.h"
#include "inventory/place_repair.h"
#include "inventory/object_lock.h"
#include "inventory/occupancy.h"
#include "inventory/origin.h"
#include "inventory/place.h"
#include "inventory/replication.h"
#include "inventory/selection.h"
#include "inventory/verification_memory.h"
#include "jobs/verify/verify.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/progress.h"
#include "session/session.h"
#include "state/pipeline_lock.h"

/* One call: from one sink into another of the same pipeline. */
struct copy_job {
    struct hangar *h;
    struct hg_session session;
    const struct hg_pipeline_config *pipeline;
    struct hangar_ctx *from, *to;
    size_t to_index; /* among the instances */
    int64_t started_ms;
    pthread_mutex_t mutex; /* guards pipeline, until it is chosen, and replication */
    struct hg_replication *replication;
    json_t *backups;
};

/* ---- progress and result ---- */

static void copy_on_tick(void *arg)
{
    struct copy_job *c = arg;
    struct hg_progress report;
    struct hangar_progress *p = &report.values;
    if (!hg_progress_begin(&report, &c->session, "copy", "copy", c->started_ms)) {
        return;
    }
    pthread_mutex_lock(&c->mutex);
    if (c->pipeline) {
        p->pipeline = c->pipeline->name;
    }
    if (c->replication) {
        p->plain_bytes = p->stored_bytes = atomic_load(&c->replication->done_bytes);
        p->expected_bytes = atomic_load(&c->replication->expected_bytes);
        p->objects_done = atomic_load(&c->replication->done_objects);
        p->objects_total = atomic_load(&c->replication->objects);
    }
    pthread_mutex_unlock(&c->mutex);
    hg_progress_report(&report, &c->session);
}

static void copy_watch_replication(struct copy_job *c, struct hg_replication *replication)
{
    pthread_mutex_lock(&c->mutex);
    c->replication = replication;
    pthread_mutex_unlock(&c->mutex);
}

/* The result of one backup. */
struct copy_result {
    const char *id;
    const struct hg_replication *replication;
    int64_t started_ms; /* of hg_mono_ms */
    enum hangar_rc rc;
    bool copied, repaired; /* both false: the other sink has it already */
};

static void copy_add_result(struct copy_job *c, const struct copy_result *result,
                            const struct hg_error *err)
{
    json_t *one = json_object();
    const char *id = result->id;
    const int64_t ms = hg_mono_ms() - result->started_ms;
    hg_json_set_string(one, "id", id);
    hg_json_set_string(one, "status", hangar_status_name(hg_status(result->rc)));
    if (result->rc != HANGAR_OK) {
        hg_json_set_string(one, "error", err->text);
        hg_log_took(&c->h->log, HANGAR_LOG_ERROR, "copy.failed", ms, "%s after %lld ms: %s", id,
                    (long long)ms, err->text);
    } else if (result->copied) {
        hg_log_took(&c->h->log, HANGAR_LOG_INFO, "copy.done", ms, "%s into sink %s in %lld ms", id,
                    c->to->name, (long long)ms);
    } else if (result->repaired) {
        hg_log_took(&c->h->log, HANGAR_LOG_INFO, "copy.repaired", ms, "%s in sink %s in %lld ms",
                    id, c->to->name, (long long)ms);
    }
    hg_json_set_bool(one, "copied", result->copied);
    hg_json_set_bool(one, "repaired", result->repaired);
    hg_json_set_int(one, "objects", (int64_t)atomic_load(&result->replication->done_objects));
    hg_json_set_int(one, "stored_bytes", (int64_t)atomic_load(&result->replication->done_bytes));
    hg_json_set_int(one, "duration_ms", ms);
    hg_json_add(c->backups, one);
}

/* ---- one backup ---- */

/* Reads the manifest and its signature, byte for byte. */
static enum hangar_rc copy_read_manifest(struct copy_job *c, const char *id,
                                         struct hg_final_files *files, struct hg_manifest *m,
                                         struct hg_error *err)
{
    const char *pipeline = c->pipeline->name;
    enum hangar_rc rc = hg_store_manifest_both(c->from, pipeline, id, &files->manifest, m, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct hg_error why = {0};
    rc = hg_store_signature(c->from, pipeline, id, &files->signature, &why);
    if (rc != HANGAR_OK && rc != HANGAR_NOT_FOUND) {
        return hg_error_move(err, &why);
    }
    return HANGAR_OK;
}

/* Copies a hold before the commit: prune may run right after it. */
static enum hangar_rc copy_hold(struct copy_job *c, const char *id, struct hg_error *err)
{
    struct hg_store_file hold;
    enum hangar_rc rc = hg_store_find(c->from, c->pipeline->name, id, HG_HOLD_NAME, &hold, err);
    return rc == HANGAR_OK && hold.exists
               ? hg_mark_held(c->to, c->pipeline->name, id, c->h->identity.host, err)
               : rc;
}

/* The place is free in the other sink. */
static enum hangar_rc copy_into_place(struct copy_job *c, struct hg_place *place,
                                      const struct hg_final_files *files,
                                      struct hg_replication *replication, struct hg_error *err)
{
    hg_job_step(&c->session.job, "copying %s", place->id);
    copy_watch_replication(c, replication);
    enum hangar_rc rc = hg_replication_run(replication, err);
    copy_watch_replication(c, NULL);
    if (rc == HANGAR_OK) {
        rc = copy_hold(c, place->id, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_place_commit(place, c->to, replication->manifest, files, err);
    }
    if (rc == HANGAR_OK) { /* an earlier copy may have been damaged */
        hg_verification_forget(&c->h->state, c->pipeline->name, place->id, c->to->name);
    }
    return rc;
}

static enum hangar_rc copy_store(struct copy_job *c, const char *id,
                                 const struct hg_final_files *files,
                                 struct hg_replication *replication, struct hg_error *err)
{
    struct hg_place place = {.h = c->h,
                             .pipeline = c->pipeline->name,
                             .id = id,
                             .run_id = c->h->log.run,
                             .started_ms = hg_now_ms(),
                             .instance = c->to_index,
                             .sink = c->to};
    struct hg_place *const places[] = {&place};
    enum hangar_rc rc = hg_place_prepare(&place, err);
    if (rc == HANGAR_OK) {
        rc = hg_place_take(&place, err);
    }
    if (rc == HANGAR_OK) {
        rc = copy_into_place(c, &place, files, replication, err);
    }
    hg_place_release(&place);
    rc = hg_session_result(&c->session, rc, err);
    hg_places_clear(c->h, places, 1);
    return rc;
}

/* The other sink has the backup, and that copy is damaged. */
static enum hangar_rc copy_repair(struct copy_job *c, struct hg_place_repair *repair,
                                  struct hg_error *err)
{
    const char *pipeline = c->pipeline->name, *id = repair->manifest->id;
    hg_job_step(&c->session.job, "repairing %s", id);
    enum hangar_rc rc = hg_origin_check(c->h, c->to, pipeline, false, err);
    if (rc == HANGAR_OK) {
        copy_watch_replication(c, &repair->replication);
        rc = hg_place_repair_run(repair, err);
        copy_watch_replication(c, NULL);
    }
    if (rc == HANGAR_OK) {
        rc = copy_hold(c, id, err);
    }
    rc = hg_session_result(&c->session, rc, err);
    hg_str_free(&repair->problems);
    return rc == HANGAR_OK ? hg_verify_repaired(c->h, pipeline, c->to_index, id, err) : rc;
}

/* Another host has stored the same backup meanwhile: that ends as if it had been there before. */
static enum hangar_rc copy_accept_same(struct copy_job *c, const char *id,
                                       const struct hg_final_files *files, enum hg_occupancy *there,
                                       struct hg_error *err)
{
    enum hg_occupancy now = HG_OCCUPANCY_FREE;
    struct hg_error why = {0};
    const struct hg_incoming_backup backup = {c->pipeline->name, id, &files->manifest};
    if (hg_occupancy_find(c->h, c->to, &backup, &now, &why) != HANGAR_OK ||
        now != HG_OCCUPANCY_SAME) {
        return HANGAR_EXISTS;
    }
    hg_error_clear(err);
    *there = now;
    return HANGAR_OK;
}

static enum hangar_rc copy_one(struct copy_job *c, const char *id, struct hg_error *err)
{
    const int64_t started_ms = hg_mono_ms();
    struct hg_manifest m = {0};
    struct hg_replication replication = {
        .from = c->from, .to = c->to, .manifest = &m, .files = true};
    struct hg_final_files files = {0};
    struct hg_place_repair repair = {.session = &c->session,
                                     .from = c->from,
                                     .to = c->to,
                                     .manifest = &m,
                                     .text = &files.manifest,
                                     .signature = &files.signature};
    enum hg_occupancy there = HG_OCCUPANCY_FREE;
    enum hangar_rc rc = copy_read_manifest(c, id, &files, &m, err);
    if (rc == HANGAR_OK) {
        const struct hg_incoming_backup backup = {c->pipeline->name, id, &files.manifest};
        rc = hg_occupancy_find(c->h, c->to, &backup, &there, err);
    }
    if (rc == HANGAR_OK && there == HG_OCCUPANCY_FREE) {
        rc = copy_store(c, id, &files, &replication, err);
        if (rc == HANGAR_EXISTS) {
            rc = copy_accept_same(c, id, &files, &there, err);
        }
    } else if (rc == HANGAR_OK && there == HG_OCCUPANCY_DAMAGED) {
        rc = copy_repair(c, &repair, err);
    }
    const struct copy_result result = {
        .id = id,
        .replication = there == HG_OCCUPANCY_DAMAGED ? &repair.replication : &replication,
        .started_ms = started_ms,
        .rc = rc,
        .copied = rc == HANGAR_OK && there == HG_OCCUPANCY_FREE,
        .repaired = rc == HANGAR_OK && there == HG_OCCUPANCY_DAMAGED};
    copy_add_result(c, &result, err);
    hg_final_files_free(&files);
    hg_manifest_free(&m);
    return rc;
}

/* ---- the selection ---- */

/* Has the other sink a good copy?  A damaged one is missing, too: it is repaired. */
static enum hangar_rc copy_find_good(struct copy_job *c, const char *id, bool *there,
                                     struct hg_error *err)
{
    struct hg_manifest m;
    struct hg_error why = {0};
    const enum hangar_rc rc = hg_goodness(c->h, c->to, c->pipeline->name, id, &m, &why);
    hg_manifest_free(&m);
    *there = rc == HANGAR_OK || rc == HANGAR_UNSUPPORTED;
    return *there || rc == HANGAR_NOT_FOUND || rc == HANGAR_CORRUPT ? HANGAR_OK
                                                                    : hg_error_move(err, &why);
}

/* Copies a backup that the one sink has and the other has not.  When a sink cannot be asked whether
 * it has the backup, the copy of this backup fails. */
static enum hangar_rc copy_if_missing(struct copy_job *c, const char *id, struct hg_error *err)
{
    const char *pipeline = c->pipeline->name;
    const int64_t started_ms = hg_mono_ms();
    enum hangar_rc rc = hg_mark_find_backup(c->from, pipeline, id, err);
    if (rc == HANGAR_NOT_FOUND) { /* of a run under way, or a leftover */
        hg_error_clear(err);
        return HANGAR_OK;
    }
    bool there = false;
    rc = rc == HANGAR_OK ? copy_find_good(c, id, &there, err) : rc;
    if (rc == HANGAR_OK) {
        return there ? rc : copy_one(c, id, err);
    }
    const struct hg_replication none = {0};
    const struct copy_result result = {
        .id = id, .replication = &none, .started_ms = started_ms, .rc = rc};
    copy_add_result(c, &result, err);
    return rc;
}

/* Copies each whole backup that the other sink does not have, the oldest first.  A failure is
 * reported and the next backup is copied; only a cancel ends the loop. */
static enum hangar_rc copy_all_missing(struct copy_job *c, struct hg_error *err)
{
    struct hg_origin_ids ids;
    enum hangar_rc rc = hg_origin_ids(c->h, c->from, c->pipeline->name, &ids, err);
    if (ids.lost) {
        hg_origin_warn_lost(c->h, c->from, c->pipeline->name);
    }
    for (size_t i = 0; i < ids.count && rc != HANGAR_CANCELLED; i++) {
        struct hg_error why = {0};
        if (hg_job_cancelled(&c->session.job)) {
            rc = hg_job_result(&c->session.job, &why);
        } else {
            rc = copy_if_missing(c, ids.items[i], &why);
        }
        if (rc != HANGAR_OK) {
            *err = err->rc == HANGAR_OK || rc == HANGAR_CANCELLED ? why : *err;
        }
    }
    hg_store_ids_free(ids.items, ids.count);
    return err->rc;
}

/* Selects the pipeline and the id ("": all that are missing).  A backup that is named must be
 * in the first sink. */
static enum hangar_rc copy_select(struct copy_job *c, const struct hangar_selection *which,
                                  char id[HG_BACKUP_ID_SIZE], size_t *pipeline,
                                  struct hg_error *err)
{
    id[0] = '\0';
    if (strcmp(which->id, "missing") != 0) {
        struct hg_selected_backup found = {0};
        enum hangar_rc rc = hg_select(&c->session, which, &found, err);
        if (rc == HANGAR_OK) {
            snprintf(id, HG_BACKUP_ID_SIZE, "%s", found.manifest.id);
            *pipeline = found.pipeline;
            hg_manifest_free(&found.manifest);
        }
        return rc;
    }
    if (which->pipeline) {
        return hg_find_pipeline(c->h->config, which->pipeline, pipeline, err);
    }
    size_t fit = 0, unused;
    for (size_t i = 0; i < c->h->config->pipeline_count; i++) {
        if (hg_find_pipeline_sink(c->h->config, &c->h->config->pipelines[i], which->sink, &unused,
                                  NULL) == HANGAR_OK) {
            *pipeline = i;
            fit++;
        }
    }
    if (fit != 1) {
        return hg_fail(
            err, HANGAR_CONFIG, 0,
            fit ? "more than one pipeline stores in sink %s; hint: choose one with --pipeline"
                : "no pipeline stores in sink %s",
            which->sink);
    }
    return HANGAR_OK;
}

static enum hangar_rc copy_open_sinks(struct copy_job *c, const struct hangar_selection *which,
                                      const char *to, struct hg_error *err)
{
    size_t from_index;
    const char *const names[] = {which->sink, to};
    size_t *const indexes[] = {&from_index, &c->to_index};
    struct hangar_ctx **const contexts[] = {&c->from, &c->to};
    for (size_t i = 0; i < 2; i++) {
        enum hangar_rc rc =
            hg_find_pipeline_sink(c->h->config, c->pipeline, names[i], indexes[i], err);
        if (rc == HANGAR_OK) {
            rc = hg_session_open(&c->session, *indexes[i], NULL, 0, contexts[i], err);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    return HANGAR_OK;
}

static enum hangar_rc copy_check_request(const struct hangar *h,
                                         const struct hangar_selection *which, const char *to,
                                         struct hg_error *err)
{
    if (!which->id || !which->sink || !to) {
        return hg_fail(err, HANGAR_CONFIG, 0, "cannot copy: a backup and two sinks are required");
    }
    enum hangar_rc rc = hg_check_names(h->config, which->pipeline, which->sink, err);
    if (rc == HANGAR_OK) {
        rc = hg_check_names(h->config, NULL, to, err);
    }
    if (rc == HANGAR_OK && strcmp(which->sink, to) == 0) {
        rc = hg_fail(err, HANGAR_CONFIG, 0, "cannot copy: both sinks are %s", to);
    }
    return rc;
}

static enum hangar_rc copy_run(struct copy_job *c, const struct hangar_selection *which,
                               const char *to, bool *busy, struct hg_error *err)
{
    char id[HG_BACKUP_ID_SIZE];
    size_t pipeline = 0;
    int lock = -1;
    enum hangar_rc rc = copy_select(c, which, id, &pipeline, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    pthread_mutex_lock(&c->mutex);
    c->pipeline = &c->h->config->pipelines[pipeline];
    pthread_mutex_unlock(&c->mutex);
    rc = copy_open_sinks(c, which, to, err);
    if (rc == HANGAR_OK) {
        rc = hg_pipeline_lock(&c->h->state, c->pipeline->name, HG_LOCK_COPY, &lock, err);
        *busy = rc == HANGAR_EXISTS;
    }
    if (rc == HANGAR_OK) {
        rc = id[0] ? copy_one(c, id, err) : copy_all_missing(c, err);
        if (rc == HANGAR_OK) {
            hg_object_lock_copied(c->h, c->pipeline, &c->h->config->instances[c->to_index], c->to);
        }
    }
    if (lock >= 0) {
        close(lock);
    }
    return rc;
}

enum hangar_status hangar_copy(struct hangar *h, const struct hangar_selection *which,
                               const char *to, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.copy/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct copy_job c = {.h = h, .started_ms = hg_now_ms(), .backups = json_array()};
    bool busy = false;
    hg_new_run_id(h);
    pthread_mutex_init(&c.mutex, NULL);
    struct hg_error err = {0};
    enum hangar_rc rc = copy_check_request(h, which, to, &err);
    if (rc == HANGAR_OK) {
        rc = hg_session_begin(&c.session, h, 0, copy_on_tick, &c, &err);
        if (rc == HANGAR_OK) {
            rc = copy_run(&c, which, to, &busy, &err);
            hg_session_end(&c.session);
        }
    }
    hg_json_set_string(doc, "pipeline", c.pipeline ? c.pipeline->name : NULL);
    hg_json_set_string(doc, "from", which->sink);
    hg_json_set_string(doc, "to", to);
    hg_json_set(doc, "backups", c.backups);
    pthread_mutex_destroy(&c.mutex);
    return hg_doc_end(h, doc, busy ? HANGAR_STATUS_BUSY : hg_status(rc), &err, json);
}
