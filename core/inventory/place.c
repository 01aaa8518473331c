/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * place: see place.h.
 */
#include "inventory/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/store.h"
#include "inventory/lease.h"
#include "jobs/backup/backup.h"

#define RUN_MAX 65536

/* run.json of a place without a manifest: whose was it?  This host's are dead, as we
 * hold the lock. */
static enum hangar_rc check_marker(const struct hg_run *run, struct hangar_ctx *sink,
                                   struct hg_error *err)
{
    struct hg_str text = {0};
    struct hg_error why = {0};
    json_t *json = NULL;
    char *path = hg_store_path(run->pipeline->name, run->id, HG_RUN_NAME);
    enum hangar_rc rc = path ? hg_store_get(sink, path, RUN_MAX, &text, &why) : hg_no_memory(&why);
    free(path);
    if (rc == HANGAR_OK) {
        rc = hg_json_parse(hg_str_text(&text), text.len, HG_RUN_NAME, &json, &why);
        const char *host = hg_json_string(json, "host", "");
        if (rc == HANGAR_OK && strcmp(host, run->h->host) != 0) {
            rc = hg_fail(&why, HANGAR_EXISTS, 0,
                         "sink %s: host %s is storing %s; hint: if it is not, `hangar prune` "
                         "clears what it left when that is an hour old",
                         sink->name, host, run->id);
        }
        json_decref(json);
    } else if (rc == HANGAR_NOT_FOUND) {
        rc = HANGAR_OK;
    }
    hg_str_free(&text);
    return rc == HANGAR_OK ? rc : hg_error_move(err, &why);
}

/* Refuses a place that holds the backup, or whose objects readers may still need;
 * what a dead one left is cleared. */
static enum hangar_rc look_at_place(const struct hg_run *run, struct hangar_ctx *sink,
                                    struct hg_error *err)
{
    const char *pipeline = run->pipeline->name;
    struct hg_manifest there = {0};
    struct hg_error why = {0};
    int64_t ms;
    enum hangar_rc rc = hg_store_manifest(sink, pipeline, run->id, &there, &why);
    hg_manifest_free(&there);
    if (rc == HANGAR_OK || rc == HANGAR_CORRUPT || rc == HANGAR_UNSUPPORTED) {
        return hg_fail(err, HANGAR_EXISTS, 0, "sink %s has %s already%s", sink->name, run->id,
                       rc == HANGAR_CORRUPT ? ", and it is damaged; hint: `hangar remove` it first"
                                            : "; it was left as it is");
    }
    if (rc != HANGAR_NOT_FOUND) {
        return hg_error_move(err, &why);
    }
    hg_error_clear(&why);
    rc = hg_store_time(sink, pipeline, run->id, HG_DELETED_NAME, &ms, &why);
    if (rc == HANGAR_OK) {
        return hg_fail(
            err, HANGAR_EXISTS, 0,
            "sink %s: retention took %s away, and its objects stay until its "
            "delete_grace is over; hint: run `hangar prune` then, and try again after it",
            sink->name, run->id);
    }
    if (rc != HANGAR_NOT_FOUND) {
        return hg_error_move(err, &why);
    }
    rc = check_marker(run, sink, err);
    return rc == HANGAR_OK ? hg_store_remove(sink, pipeline, run->id, false, err) : rc;
}

enum hangar_rc hg_place_take(struct hg_run *run, size_t instance, struct hangar_ctx *ctx,
                             struct hg_error *err)
{
    struct hg_run_sink *sink = &run->sinks[0];
    sink->config = &run->h->config->instances[instance];
    sink->ctx = ctx;
    run->part.sinks = &run->pipeline->sinks[0];
    while (*run->part.sinks != instance) {
        run->part.sinks++;
    }
    run->part.sink_count = run->sink_count = 1;
    enum hangar_rc rc = hg_store_origin(ctx, run->pipeline->name, run->h->origin, false, err);
    if (rc == HANGAR_OK) {
        rc = look_at_place(run, ctx, err);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = hg_run_mark(run, ctx, true, err);
    sink->placed = rc == HANGAR_OK;
    return rc;
}

enum hangar_rc hg_place_commit(struct hg_run *run, struct hg_lease *lease,
                               const struct hg_run_texts *texts, struct hg_error *err)
{
    struct hg_run_sink *sink = &run->sinks[0];
    enum hangar_rc rc = hg_run_commit_sink(run, lease, sink, sink->ctx, texts, err);
    if (rc == HANGAR_EXISTS) { /* it is whole by somebody else's hand, and theirs */
        sink->committed = true;
    }
    return rc;
}
