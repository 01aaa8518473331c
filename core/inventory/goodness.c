/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * goodness: see goodness.h.
 */
#include "inventory/goodness.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/retention.h"
#include "catalog/store.h"
#include "inventory/completeness.h"
#include "inventory/origin.h"
#include "inventory/record.h"
#include "plugin/instance.h"
#include "session/handle.h"

enum hangar_rc hg_goodness(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                           const char *id, struct hg_manifest *m, struct hg_error *err)
{
    *m = (struct hg_manifest){0};
    enum hangar_rc rc = hg_store_manifest(sink, pipeline, id, m, err);
    if (rc != HANGAR_OK) {
        hg_manifest_free(m);
        return rc;
    }
    return hg_goodness_of(h, sink, m, err);
}

enum hangar_rc hg_goodness_of(struct hangar *h, struct hangar_ctx *sink,
                              const struct hg_manifest *m, struct hg_error *err)
{
    enum hangar_rc rc = hg_completeness_require(sink, m, err);
    return rc == HANGAR_OK ? hg_record_find_damage(h, sink, m->pipeline, m->id, err) : rc;
}

/* ---- the newest ---- */

/* One search. */
struct newest_search {
    struct hangar *h;
    struct hangar_ctx *sink;
    const struct hg_newest_request *request;
    int64_t now_ms;
    struct hg_newest_backup *out;
};

/* True when the backup is skipped as one from the future. */
static bool newest_is_future(const struct newest_search *x, const char *id, int64_t time_ms)
{
    if (!hg_is_future(time_ms, x->now_ms)) {
        return false;
    }
    char time[HG_TIME_SIZE];
    hg_time_format(time_ms, time);
    hg_log_line(
        &x->h->log, HANGAR_LOG_WARN,
        "sink %s: %s is from the future (%s), and %s; hint: check the clocks, or remove the "
        "backup by its id if the clock was wrong when it was made",
        x->sink->name, id, time,
        x->request->flags & HG_NEWEST_FUTURE_TOO ? "is used, because there is no other"
                                                 : "does not count as the newest");
    if (x->request->flags & HG_NEWEST_FUTURE_TOO) {
        return false;
    }
    if (!x->out->future[0]) {
        snprintf(x->out->future, sizeof(x->out->future), "%s", id);
    }
    return true;
}

static void newest_keep_bad(struct hg_newest_backup *out, const char *id)
{
    if (!out->bad_id[0]) {
        snprintf(out->bad_id, sizeof(out->bad_id), "%s", id);
        out->bad_manifest = out->manifest;
        out->manifest = (struct hg_manifest){0};
    }
}

/* OK: it is the newest.  NOT_FOUND: it is skipped. */
static enum hangar_rc newest_consider(struct newest_search *x, const char *id, struct hg_error *err)
{
    struct hg_newest_backup *out = x->out;
    int64_t begun_ms = 0;
    if (hg_backup_id_parse(id, &begun_ms) && newest_is_future(x, id, begun_ms)) {
        return HANGAR_NOT_FOUND;
    }
    struct hg_error why = {0};
    enum hangar_rc rc = hg_mark_find_backup(x->sink, x->request->pipeline, id, &why);
    if (rc == HANGAR_OK) {
        rc = hg_goodness(x->h, x->sink, x->request->pipeline, id, &out->manifest, &why);
    }
    const bool bad = rc == HANGAR_CORRUPT || rc == HANGAR_UNSUPPORTED;
    if (rc != HANGAR_OK && !bad) {
        return rc == HANGAR_NOT_FOUND ? rc : hg_error_move(err, &why);
    }
    bool passed = out->manifest.safety || out->manifest.partial;
    out->apart = out->apart || passed;
    if (bad && !passed) {
        passed = !(x->request->flags & HG_NEWEST_BAD_TOO);
        if (passed) {
            hg_log_line(&x->h->log, HANGAR_LOG_WARN, "skipping a damaged copy: %s", why.text);
            newest_keep_bad(out, id);
        }
        if (out->damage.rc == HANGAR_OK) {
            out->damage = why;
        }
    }
    passed = passed || (out->manifest.id && newest_is_future(x, id, out->manifest.finished_ms));
    if (passed) {
        hg_manifest_free(&out->manifest);
        return HANGAR_NOT_FOUND;
    }
    snprintf(out->id, sizeof(out->id), "%s", id);
    out->good = !bad;
    return HANGAR_OK;
}

enum hangar_rc hg_newest_find(struct hangar *h, struct hangar_ctx *sink,
                              const struct hg_newest_request *request, struct hg_newest_backup *out,
                              struct hg_error *err)
{
    struct newest_search x = {
        .h = h, .sink = sink, .request = request, .now_ms = hg_now_ms(), .out = out};
    struct hg_origin_ids ids;
    out->id[0] = out->unknown[0] = '\0';
    enum hangar_rc rc = hg_origin_ids(h, sink, request->pipeline, &ids, err);
    out->lost = ids.lost;
    for (size_t i = ids.count; rc == HANGAR_OK && i-- > 0;) {
        if (request->than && strcmp(ids.items[i], request->than) <= 0) {
            break;
        }
        const enum hangar_rc one = newest_consider(&x, ids.items[i], err);
        if (one == HANGAR_NOT_FOUND) {
            continue;
        }
        if (one != HANGAR_OK) { /* an older one must not be taken in its place */
            snprintf(out->unknown, sizeof(out->unknown), "%s", ids.items[i]);
            hg_context(err,
                       "cannot read %s, which may be the latest backup (an older one can be "
                       "selected by its id)",
                       ids.items[i]);
        }
        rc = one;
        break;
    }
    hg_store_ids_free(ids.items, ids.count);
    return rc;
}
