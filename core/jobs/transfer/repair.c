/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * repair: rebuilds what is lost or damaged of a backup, in each sink that has it: from another sink
 * of its pipeline (place_repair.h), and SHA256SUMS and RESTORE.txt also from the manifest.  What
 * cannot be rebuilt is reported and not changed.  A repair ends with a verification, whose record
 * replaces the results of earlier ones for the copy.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/store.h"
#include "config/config.h"
#include "inventory/origin.h"
#include "inventory/place_repair.h"
#include "inventory/occupancy.h"
#include "inventory/place.h"
#include "inventory/selection.h"
#include "inventory/record.h"
#include "inventory/restore_text.h"
#include "jobs/verify/verify.h"
#include "pipeline/decode.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/progress.h"
#include "session/session.h"
#include "state/pipeline_lock.h"

struct repair_job {
    struct hangar *h;
    struct hg_session session;
    const struct hg_pipeline_config *pipeline; /* NULL until it is chosen */
    char id[HG_BACKUP_ID_SIZE];
    bool dry;
    int64_t started_ms;
};

/* The manifest that a copy is compared with, and the sink that it was read from. */
struct repair_origin {
    struct hangar_ctx *sink;
    struct hg_manifest manifest;
    struct hg_final_files files; /* the bytes of the manifest and of its signature */
};

static void repair_on_tick(void *arg)
{
    struct repair_job *r = arg;
    struct hg_progress report;
    if (hg_progress_begin(&report, &r->session, "repair", "repair", r->started_ms)) {
        hg_progress_report(&report, &r->session);
    }
}

/* ---- the origin of a repair ---- */

static void repair_origin_free(struct repair_origin *origin)
{
    hg_manifest_free(&origin->manifest);
    hg_final_files_free(&origin->files);
    *origin = (struct repair_origin){0};
}

/* Reads the manifest of one sink, checked, and its signature. */
static enum hangar_rc repair_read(const struct repair_job *r, struct hangar_ctx *sink,
                                  struct repair_origin *out, struct hg_error *err)
{
    struct hg_error why = {0};
    *out = (struct repair_origin){.sink = sink};
    enum hangar_rc rc = hg_store_manifest_both(sink, r->pipeline->name, r->id, &out->files.manifest,
                                               &out->manifest, &why);
    if (rc == HANGAR_OK) {
        rc = hg_store_signature(sink, r->pipeline->name, r->id, &out->files.signature, &why);
        if (rc == HANGAR_NOT_FOUND) {
            hg_error_clear(&why);
            rc = HANGAR_OK;
        }
    }
    if (rc != HANGAR_OK) {
        repair_origin_free(out);
        hg_error_move(err, &why);
    }
    return rc;
}

/* ---- from the manifest alone ---- */

/* Makes the text of RESTORE.txt or SHA256SUMS again. */
static enum hangar_rc repair_make_text(struct repair_job *r, const struct hg_manifest *m,
                                       size_t file, struct hg_str *out, struct hg_error *err)
{
    struct hangar_ctx *sources[HG_SOURCES_MAX];
    if (strcmp(m->files[file].name, HG_SUMS_NAME) == 0) {
        hg_manifest_sums(m, m->files[0].sha256, out);
        return out->failed ? hg_no_memory(err) : HANGAR_OK;
    }
    for (size_t i = 0; i < m->source_count; i++) {
        const long source = hg_config_find(r->h->config, HG_SOURCE, m->sources[i].name);
        if (source < 0 || i == HG_SOURCES_MAX) {
            return hg_fail(err, HANGAR_NOT_FOUND, 0, "source %s is not in the configuration",
                           m->sources[i].name);
        }
        enum hangar_rc rc = hg_session_open(&r->session, (size_t)source, NULL, 0, &sources[i], err);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    return hg_restore_text(m, sources, out, err);
}

/* Stores it if it is exactly what the manifest lists. */
static enum hangar_rc repair_remake(struct repair_job *r, const struct repair_origin *origin,
                                    size_t file, struct hg_error *err)
{
    const struct hg_manifest *m = &origin->manifest;
    struct hg_str text = {0};
    char sha256[HG_SHA256_HEX] = "";
    enum hangar_rc rc = repair_make_text(r, m, file, &text, err);
    if (rc == HANGAR_OK &&
        (!hg_sha256_of(hg_str_text(&text), text.len, sha256) || text.len != m->files[file].bytes ||
         strcmp(sha256, m->files[file].sha256) != 0)) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0,
                     "sink %s: cannot rebuild %s of %s: the result does not match its manifest",
                     origin->sink->name, m->files[file].name, m->id);
    }
    if (rc == HANGAR_OK && !r->dry) {
        char *path = hg_store_path(m->pipeline, m->id, m->files[file].name);
        rc = path ? hg_store_put(origin->sink, path, hg_str_text(&text), text.len, false, err)
                  : hg_no_memory(err);
        free(path);
    }
    hg_str_free(&text);
    return rc;
}

/* Is this file of the manifest as it should be in its own sink? */
static bool repair_file_is_good(const struct repair_origin *origin, size_t file)
{
    const struct hg_manifest *m = &origin->manifest;
    char *path = hg_store_path(m->pipeline, m->id, m->files[file].name);
    const struct hg_stored_object stored = {
        .path = path, .stored_bytes = m->files[file].bytes, .stored_sha256 = m->files[file].sha256};
    struct hg_error why = {0};
    const bool good = path && hg_decode_check(origin->sink, &stored, &why) == HANGAR_OK;
    free(path);
    return good;
}

/* Rebuilds what the manifest of this sink is enough for. */
static void repair_remake_files(struct repair_job *r, struct hangar_ctx *sink, size_t *remade)
{
    struct repair_origin own;
    struct hg_error why = {0};
    if (repair_read(r, sink, &own, &why) != HANGAR_OK) {
        return;
    }
    for (size_t i = 0; i < own.manifest.file_count; i++) {
        hg_error_clear(&why);
        if (repair_file_is_good(&own, i)) {
            continue;
        }
        if (repair_remake(r, &own, i, &why) == HANGAR_OK) {
            (*remade)++;
        } else {
            hg_log_line(&r->h->log, HANGAR_LOG_DEBUG, "%s", why.text);
        }
    }
    repair_origin_free(&own);
}

/* ---- one sink ---- */

struct repair_result {
    const char *from; /* the sink that it was compared with, perhaps itself; NULL: none */
    size_t files, bad, remade;
    bool bad_manifest;
    struct hg_str problems;
};

/* Compares the copy in `to` with the manifest of `origin`, and repairs it from there. */
static enum hangar_rc repair_from(struct repair_job *r, const struct repair_origin *origin,
                                  struct hangar_ctx *to, struct repair_result *result,
                                  struct hg_error *err)
{
    const bool itself = origin->sink == to;
    struct hg_place_repair repair = {.session = &r->session,
                                     .from = origin->sink,
                                     .to = to,
                                     .manifest = &origin->manifest,
                                     .text = &origin->files.manifest,
                                     .signature = &origin->files.signature,
                                     .dry = r->dry || itself};
    const struct hg_incoming_backup backup = {r->pipeline->name, r->id, &origin->files.manifest};
    enum hg_occupancy there;
    enum hangar_rc rc = hg_occupancy_find(r->h, to, &backup, &there, err);
    if (rc == HANGAR_OK) {
        rc = hg_place_repair_run(&repair, err);
    }
    result->from = origin->sink->name;
    result->files = repair.files;
    result->bad = repair.bad;
    result->bad_manifest = repair.bad_manifest;
    hg_str_free(&result->problems);
    result->problems = repair.problems;
    if (rc == HANGAR_OK && itself && repair.bad > 0) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0,
                     "sink %s: %zu of %zu files of %s are damaged, and no other sink has them",
                     to->name, repair.bad, repair.files, r->id);
    }
    return rc;
}

/* Tries each other sink of the pipeline, then the copy itself, which can only be compared. */
static enum hangar_rc repair_sink(struct repair_job *r, size_t target, struct hangar_ctx *to,
                                  struct repair_result *result, struct hg_error *err)
{
    const struct hg_pipeline_config *pipeline = r->pipeline;
    enum hangar_rc rc = hg_origin_check(r->h, to, pipeline->name, false, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    repair_remake_files(r, to, &result->remade);
    rc = HANGAR_NOT_FOUND;
    for (size_t n = 0; n <= pipeline->sink_count && rc != HANGAR_OK && rc != HANGAR_CANCELLED;
         n++) {
        const size_t i = n < pipeline->sink_count ? pipeline->sinks[n] : target;
        struct hangar_ctx *from = to;
        struct repair_origin origin;
        if (n < pipeline->sink_count && i == target) {
            continue;
        }
        struct hg_error why = {0};
        rc = i == target ? HANGAR_OK : hg_session_open(&r->session, i, NULL, 0, &from, &why);
        if (rc == HANGAR_OK) {
            rc = repair_read(r, from, &origin, &why);
        }
        if (rc == HANGAR_OK) {
            rc = repair_from(r, &origin, to, result, &why);
            repair_origin_free(&origin);
        }
        if (rc == HANGAR_OK) {
            hg_error_clear(err);
        } else if (err->rc == HANGAR_OK || err->rc == HANGAR_NOT_FOUND || i == target) {
            *err = why; /* of the copy itself: what is damaged */
        }
    }
    return rc;
}

/* ---- the document ---- */

static void repair_add(struct repair_job *r, const char *sink, const struct repair_result *result,
                       const struct hg_error *err, json_t *sinks)
{
    json_t *one = json_object(), *problems = json_array();
    const bool repaired =
        err->rc == HANGAR_OK && (result->bad > 0 || result->bad_manifest || result->remade > 0);
    hg_json_set_string(one, "sink", sink);
    hg_json_set_string(one, "status", hangar_status_name(hg_status(err->rc)));
    if (err->rc != HANGAR_OK) {
        hg_json_set_string(one, "error", err->text);
        hg_log_event(&r->h->log, HANGAR_LOG_ERROR, "repair.failed", "%s in sink %s: %s", r->id,
                     sink, err->text);
    } else if (repaired && !r->dry) {
        hg_log_event(&r->h->log, HANGAR_LOG_INFO, "repair.done", "%s in sink %s", r->id, sink);
    }
    hg_json_set_string(one, "from", result->from);
    hg_json_set_bool(one, "repaired", repaired && !r->dry);
    hg_json_set_int(one, "files", (int64_t)result->files);
    hg_json_set_int(one, "damaged", (int64_t)(result->bad + result->remade));
    hg_json_set_bool(one, "manifest", result->bad_manifest);
    for (const char *line = hg_str_text(&result->problems); *line;) {
        const size_t n = strcspn(line, "\n");
        hg_json_add(problems, json_stringn(line, n));
        line += n + (line[n] == '\n');
    }
    hg_json_set(one, "problems", problems);
    hg_json_add(sinks, one);
}

/* ---- the job ---- */

/* Verifies the copy when it was changed, or is known to be damaged although every file matches. */
static enum hangar_rc repair_verify(struct repair_job *r, size_t sink, struct hangar_ctx *to,
                                    const struct repair_result *result, struct hg_error *err)
{
    struct hg_error why = {0};
    const bool changed = result->bad > 0 || result->bad_manifest || result->remade > 0;
    const char *pipeline = r->pipeline->name;
    return changed || hg_record_find_damage(r->h, to, pipeline, r->id, &why) == HANGAR_CORRUPT
               ? hg_verify_repaired(r->h, pipeline, sink, r->id, err)
               : HANGAR_OK;
}

/* Each sink of the pipeline that has the backup, or only the one that was asked for. */
static enum hangar_rc repair_all(struct repair_job *r, const struct hangar_selection *which,
                                 json_t *sinks, struct hg_error *err)
{
    for (size_t n = 0; n < r->pipeline->sink_count; n++) {
        const size_t i = r->pipeline->sinks[n];
        const char *name = r->h->config->instances[i].name;
        struct repair_result result = {0};
        if (which->sink && strcmp(which->sink, name) != 0) {
            continue;
        }
        hg_job_step(&r->session.job, "comparing %s in sink %s", r->id, name);
        struct hangar_ctx *to = NULL;
        struct hg_error why = {0};
        enum hangar_rc rc = hg_session_open(&r->session, i, NULL, 0, &to, &why);
        if (rc == HANGAR_OK) {
            rc = hg_mark_find_backup(to, r->pipeline->name, r->id, &why);
        }
        if (rc == HANGAR_NOT_FOUND) {
            continue; /* `copy` stores it there */
        }
        if (rc == HANGAR_OK) {
            rc = repair_sink(r, i, to, &result, &why);
        }
        rc = hg_session_result(&r->session, rc, &why);
        if (rc == HANGAR_OK && !r->dry) {
            rc = repair_verify(r, i, to, &result, &why);
        }
        repair_add(r, name, &result, &why, sinks);
        hg_str_free(&result.problems);
        if (rc != HANGAR_OK && (err->rc == HANGAR_OK || rc == HANGAR_CANCELLED)) {
            *err = why;
        }
        if (rc == HANGAR_CANCELLED) {
            break;
        }
    }
    return err->rc;
}

/* "latest" is the newest backup, good or bad: a bad one is what is to be repaired. */
static enum hangar_rc repair_find(struct repair_job *r, const struct hangar_selection *which,
                                  struct hg_error *err)
{
    struct hangar_selection any = *which;
    struct hg_selected_id selected;
    any.sink = NULL; /* that is the sink to be repaired */
    enum hangar_rc rc = hg_select_newest(&r->session, &any, &selected, err);
    if (rc == HANGAR_OK) {
        snprintf(r->id, sizeof(r->id), "%s", selected.id);
        r->pipeline = &r->h->config->pipelines[selected.pipeline];
    }
    return rc;
}

enum hangar_status hangar_repair(struct hangar *h, const struct hangar_selection *which,
                                 uint32_t flags, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.repair/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct repair_job r = {
        .h = h, .dry = flags & HANGAR_REQUEST_DRY_RUN, .started_ms = hg_now_ms()};
    json_t *sinks = json_array();
    bool busy = false;
    int lock = -1;
    hg_new_run_id(h);
    struct hg_error err = {0};
    enum hangar_rc rc = hg_session_begin(&r.session, h, 0, repair_on_tick, &r, &err);
    if (rc == HANGAR_OK) {
        rc = repair_find(&r, which, &err);
        if (rc == HANGAR_OK) {
            rc = hg_pipeline_lock(&h->state, r.pipeline->name, HG_LOCK_REPAIR, &lock, &err);
            busy = rc == HANGAR_EXISTS;
        }
        if (rc == HANGAR_OK) {
            rc = repair_all(&r, which, sinks, &err);
        }
        hg_session_end(&r.session);
    }
    if (lock >= 0) {
        close(lock);
    }
    hg_json_set_string(doc, "id", r.id[0] ? r.id : NULL);
    hg_json_set_string(doc, "pipeline", r.pipeline ? r.pipeline->name : NULL);
    hg_json_set_bool(doc, "dry_run", r.dry);
    hg_json_set(doc, "sinks", sinks);
    return hg_doc_end(h, doc, busy ? HANGAR_STATUS_BUSY : hg_status(rc), &err, json);
}
