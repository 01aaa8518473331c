/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * place: see place.h.
 */
#include "inventory/place.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/left_event.h"
#include "base/log.h"
#include "catalog/folder.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "inventory/completeness.h"
#include "inventory/origin.h"
#include "plugin/job.h"
#include "inventory/claim.h"
#include "session/session.h"

#define CLEAR_STALL_MS 30000

void hg_final_files_free(struct hg_final_files *files)
{
    hg_str_free(&files->restore);
    hg_str_free(&files->sums);
    hg_str_free(&files->signature);
    hg_str_free(&files->manifest);
}

/* ---- run.json ---- */

static enum hangar_rc place_store_run_json(const struct hg_place *place, struct hangar_ctx *sink,
                                           bool create_only, struct hg_error *err)
{
    const struct hg_claim_terms terms = {.pipeline = place->pipeline,
                                         .id = place->id,
                                         .run = place->run_id,
                                         .started_ms = place->started_ms};
    char *text = hg_claim_text(place->h, sink, &terms);
    enum hangar_rc rc =
        hg_store_put_text(sink, &(struct hg_backup_file){place->pipeline, place->id, HG_RUN_NAME},
                          text, create_only, err);
    free(text);
    return rc;
}

/* Nothing claims what is in the folder: only the mark of a dead run may be removed. */
static enum hangar_rc place_check_unclaimed(const struct hg_place *place, struct hg_error *err)
{
    struct hg_folder folder;
    int64_t store_ms;
    enum hangar_rc rc =
        hg_folder_read(place->sink, place->pipeline, place->id, &folder, &store_ms, err);
    if (rc == HANGAR_OK && folder.files > folder.manifest) {
        rc = hg_fail(err, HANGAR_EXISTS, 0,
                     "sink %s: %s/%s has %zu files and no " HG_RUN_NAME
                     " that marks them as leftovers; hint: remove the folder with the "
                     "tools of the store if it is not needed, then try again",
                     place->sink->name, place->pipeline, place->id, folder.files);
    }
    return rc;
}

/* Refuses a place that another host has claimed.  A run of this host is dead: the caller has the
 * lock of the pipeline. */
static enum hangar_rc place_check_claim(const struct hg_place *place, struct hg_error *err)
{
    struct hg_claim claim;
    struct hg_error why = {0};
    enum hangar_rc rc = hg_claim_read(place->sink, place->pipeline, place->id, &claim, &why);
    if (rc == HANGAR_NOT_FOUND || rc == HANGAR_CORRUPT) {
        return place_check_unclaimed(place, err);
    }
    if (rc == HANGAR_OK && strcmp(claim.host, place->h->identity.host) != 0) {
        rc = hg_fail(&why, HANGAR_EXISTS, 0,
                     "sink %s: host %s is storing %s; hint: if that host has crashed, run "
                     "`hangar prune` an hour later, then try again",
                     place->sink->name, claim.host, place->id);
    }
    return rc == HANGAR_OK ? rc : hg_error_move(err, &why);
}

/* ---- before it is taken ---- */

static enum hangar_rc place_check_backup(const struct hg_place *place, struct hg_error *err)
{
    struct hg_manifest there = {0};
    struct hg_error why = {0};
    enum hangar_rc rc = hg_store_manifest(place->sink, place->pipeline, place->id, &there, &why);
    hg_manifest_free(&there);
    if (rc == HANGAR_NOT_FOUND) {
        return HANGAR_OK;
    }
    if (rc == HANGAR_OK || rc == HANGAR_CORRUPT || rc == HANGAR_UNSUPPORTED) {
        return hg_fail(
            err, HANGAR_EXISTS, 0, "sink %s already has %s%s", place->sink->name, place->id,
            rc == HANGAR_CORRUPT
                ? ", and it is damaged; hint: `hangar repair` repairs it from another sink, "
                  "`hangar remove` removes it"
                : "; it was not changed");
    }
    return hg_error_move(err, &why);
}

/* Readers may still need the objects of a backup that retention has removed. */
static enum hangar_rc place_check_deleted(const struct hg_place *place, struct hg_error *err)
{
    bool begun = false;
    enum hangar_rc rc = hg_store_find_removal(place->sink, place->pipeline, place->id, &begun, err);
    if (rc == HANGAR_OK && begun) {
        rc = hg_fail(err, HANGAR_EXISTS, 0,
                     "sink %s: retention has removed %s, and its objects stay until delete_grace "
                     "ends; hint: run `hangar prune` after that, then try again",
                     place->sink->name, place->id);
    }
    return rc;
}

enum hangar_rc hg_place_prepare(struct hg_place *place, struct hg_error *err)
{
    place->shared = true;
    enum hangar_rc rc = hg_origin_check(place->h, place->sink, place->pipeline, false, err);
    if (rc == HANGAR_OK) {
        rc = place_check_backup(place, err);
    }
    if (rc == HANGAR_OK) {
        rc = place_check_deleted(place, err);
    }
    if (rc == HANGAR_OK) {
        rc = place_check_claim(place, err);
    }
    return rc == HANGAR_OK ? hg_store_remove(place->sink, place->pipeline, place->id, false, err)
                           : rc;
}

/* ---- taken ---- */

/* The renewing thread calls this. */
static bool place_renew(void *arg)
{
    struct hg_place *place = arg;
    struct hangar_ctx *sink = place->sink;
    struct hg_error err = {0};
    struct hg_store_file there = {0};
    enum hangar_rc rc = place->use_spare ? hg_place_spare(place, &sink, &err) : HANGAR_OK;
    if (rc == HANGAR_OK) {
        rc = hg_store_find(sink, place->pipeline, place->id, HG_RUN_NAME, &there, &err);
    }
    /* The spare instance has not seen the place before: on a disk that was unmounted meanwhile it
     * would make a new one. */
    if (rc == HANGAR_OK && !there.exists) {
        rc = hg_fail(&err, HANGAR_IO, 0,
                     "sink %s: the file %s of this run is missing; hint: check that the sink is "
                     "still mounted, and that no other program removes its files",
                     sink->name, HG_RUN_NAME);
    }
    if (rc == HANGAR_OK) {
        rc = place_store_run_json(place, sink, false, &err);
    }
    if (rc != HANGAR_OK && rc != HANGAR_CANCELLED) {
        hg_log_line(&place->h->log, HANGAR_LOG_WARN, "cannot renew the lease of %s: %s", place->id,
                    err.text);
    }
    return rc == HANGAR_OK;
}

enum hangar_rc hg_place_take(struct hg_place *place, struct hg_error *err)
{
    const int64_t since_ms = hg_lease_now();
    enum hangar_rc rc = place_store_run_json(place, place->sink, true, err);
    place->taken = rc == HANGAR_OK;
    if (rc == HANGAR_OK) {
        pthread_mutex_init(&place->spare_mutex, NULL);
        hg_lease_begin(&place->lease, since_ms, place_renew, place);
    }
    return rc;
}

enum hangar_rc hg_place_spare(struct hg_place *place, struct hangar_ctx **spare,
                              struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    pthread_mutex_lock(&place->spare_mutex);
    if (place->released) {
        rc = hg_interrupted(err);
    } else if (!place->spare) {
        const struct hangar_ctx *first = place->sink;
        const struct hg_instance_spec spec = {.plugin = first->plugin,
                                              .kind = first->kind,
                                              .name = first->name,
                                              .file = first->file,
                                              .options = first->options,
                                              .bytes_per_second = first->pace.bytes_per_second,
                                              .signing = first->signing};
        rc = hg_instance_open(first->job, &spec, &place->spare, err);
    }
    if (rc == HANGAR_OK) {
        *spare = place->spare;
    }
    pthread_mutex_unlock(&place->spare_mutex);
    return rc;
}

static enum hangar_rc place_check_lease(struct hg_place *place, const struct hangar_ctx *sink,
                                        struct hg_error *err)
{
    enum hangar_rc rc = hg_job_check(sink->job, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (!hg_lease_holds(&place->lease)) {
        return hg_fail(err, HANGAR_IO, 0,
                       "sink %s: the lease was not renewed for 30 min, and another host may have "
                       "removed the files of this run; hint: run the job again",
                       sink->name);
    }
    return HANGAR_OK;
}

/* What was stored must still be there: the disk may have been unmounted, or a folder moved, since
 * then. */
static enum hangar_rc place_check_contents(struct hangar_ctx *sink,
                                           const struct hg_manifest *manifest, struct hg_error *err)
{
    enum hangar_rc rc = hg_completeness_require(sink, manifest, err);
    if (rc == HANGAR_CORRUPT) {
        hg_context(err, "objects that this run has stored are missing or changed");
        err->rc = rc = HANGAR_IO;
    }
    return rc;
}

/* Stores a final file, unless its text is empty. */
static enum hangar_rc place_store_final(struct hg_place *place, struct hangar_ctx *sink,
                                        const char *name, const struct hg_str *text,
                                        struct hg_error *err)
{
    if (text->len == 0) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = place_check_lease(place, sink, err);
    if (rc == HANGAR_OK) {
        const struct hg_backup_file file = {place->pipeline, place->id, name};
        rc = hg_store_put_text(sink, &file, hg_str_text(text), true, err);
    }
    return rc;
}

/* A file of that name is there.  The mark of a dead run: another host considered this run
 * dead, and has removed its files.  Anything else is a backup of another host, which stays. */
static enum hangar_rc place_judge_existing(struct hg_place *place, struct hangar_ctx *sink,
                                           struct hg_error *err)
{
    bool marked = false;
    int64_t ms;
    struct hg_error why = {0};
    enum hangar_rc rc =
        hg_mark_find_abandoned(sink, place->pipeline, place->id, &marked, &ms, &why);
    if (rc == HANGAR_OK && marked) {
        hg_error_clear(err);
        return hg_fail(
            err, HANGAR_IO, 0,
            "sink %s: another host removed the files of this run, because its lease was not "
            "renewed for 1 h; hint: run the job again",
            sink->name);
    }
    place->committed = place->shared;
    return HANGAR_EXISTS;
}

enum hangar_rc hg_place_commit(struct hg_place *place, struct hangar_ctx *sink,
                               const struct hg_manifest *manifest,
                               const struct hg_final_files *files, struct hg_error *err)
{
    const struct {
        const char *name;
        const struct hg_str *text;
    } first[] = {{HG_RESTORE_NAME, &files->restore},
                 {HG_SUMS_NAME, &files->sums},
                 {HG_SIGNATURE_NAME, &files->signature}};
    /* the origin is claimed only now: a run that fails leaves nothing */
    enum hangar_rc rc = hg_origin_check(place->h, sink, place->pipeline, true, err);
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]) && rc == HANGAR_OK; i++) {
        rc = place_store_final(place, sink, first[i].name, first[i].text, err);
    }
    if (rc == HANGAR_OK) {
        rc = place_check_contents(sink, manifest, err);
    }
    if (rc == HANGAR_OK) {
        rc = place_store_final(place, sink, HG_MANIFEST_NAME, &files->manifest, err);
    }
    /* once more: the machine may have been suspended between the check and the commit */
    if (rc == HANGAR_OK && !hg_lease_holds(&place->lease)) {
        rc = place_check_lease(place, sink, err);
    }
    place->committed = rc == HANGAR_OK;
    return rc == HANGAR_EXISTS ? place_judge_existing(place, sink, err) : rc;
}

void hg_place_release(struct hg_place *place)
{
    if (!place->lease.begun) {
        return;
    }
    pthread_mutex_lock(&place->spare_mutex);
    place->released = true;
    if (place->spare) { /* a renewal under way may hang, and is not needed any more */
        hg_instance_cancel(place->spare);
    }
    pthread_mutex_unlock(&place->spare_mutex);
    hg_lease_end(&place->lease);
    hg_instance_close(place->spare);
    place->spare = NULL;
    pthread_mutex_destroy(&place->spare_mutex);
}

/* ---- what failed ---- */

static bool place_needs_clearing(const struct hg_place *place)
{
    return place->taken && !place->committed;
}

static void place_clear(const struct hg_place *place, struct hg_session *session)
{
    struct hg_error err = {0};
    struct hangar_ctx *sink;
    enum hangar_rc rc = hg_session_open(session, place->instance, NULL, 0, &sink, &err);
    if (rc == HANGAR_OK) {
        rc = hg_store_remove(sink, place->pipeline, place->id, false, &err);
    }
    if (rc != HANGAR_OK) {
        hg_log_event(&place->h->log, HANGAR_LOG_WARN, HG_LOG_LEFT,
                     "cannot remove the files of the failed run %s from sink %s (they are not "
                     "listed as a backup, and a later prune removes them): %s",
                     place->id, place->h->config->instances[place->instance].name, err.text);
    }
}

void hg_places_clear(struct hangar *h, struct hg_place *const *places, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = any || place_needs_clearing(places[i]);
    }
    if (!any) {
        return;
    }
    /* the cancel request that ended the run must not end this, and must not be lost */
    const bool cancelled = atomic_exchange(&h->caller.cancel, false);
    struct hg_session session;
    struct hg_error err = {0};
    if (hg_session_begin(&session, h, CLEAR_STALL_MS, NULL, NULL, &err) == HANGAR_OK) {
        for (size_t i = 0; i < count; i++) {
            if (place_needs_clearing(places[i])) {
                place_clear(places[i], &session);
            }
        }
        hg_session_end(&session);
    }
    if (cancelled) {
        atomic_store(&h->caller.cancel, true);
    }
}
