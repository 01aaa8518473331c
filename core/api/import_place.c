/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * import_place: which pipeline and sink a backup may be imported into, and taking its
 * place there.
 */
#include "api/import.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define RUN_MAX 65536

/* A backup stays in the pipeline and with the origin that its manifest names. */
static enum hangar_rc choose(struct hg_import *x, const char *pipeline, const char *sink,
                             struct hg_error *err)
{
    const struct hangar *h = x->transfer.h;
    const struct hg_manifest *m = &x->manifest;
    size_t index;
    if (pipeline && strcmp(pipeline, m->pipeline) != 0) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "%s is a backup of pipeline %s and cannot become one of %s; hint: give the "
                       "configuration a pipeline of that name",
                       m->id, m->pipeline, pipeline);
    }
    enum hangar_rc rc = hg_find_pipeline(h, m->pipeline, &index, err);
    if (rc != HANGAR_OK) {
        hg_context(err, "%s is a backup of pipeline %s", m->id, m->pipeline);
        return rc;
    }
    if (strcmp(m->origin, h->origin) != 0) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "%s is a backup of origin \"%s\", and this is \"%s\"; hint: use a "
                       "configuration with `origin: %s`, and a sink where nobody else's lie",
                       m->id, m->origin, h->origin, m->origin);
    }
    x->run->pipeline = &h->config->pipelines[index];
    for (size_t i = 0; i < x->run->pipeline->sink_count; i++) {
        const char *name = h->config->instances[x->run->pipeline->sinks[i]].name;
        if (!sink || strcmp(sink, name) == 0) {
            x->sink_index = x->run->pipeline->sinks[i];
            return HANGAR_OK;
        }
    }
    return hg_fail(err, HANGAR_CONFIG, 0, "sink %s is none of pipeline %s's", sink, m->pipeline);
}

/* run.json of a place without a manifest: whose was it?  This host's are dead, as we
 * hold the lock. */
static enum hangar_rc check_marker(struct hg_import *x, struct hangar_ctx *sink,
                                   struct hg_error *err)
{
    struct hg_str text = {0};
    struct hg_error why = {0};
    json_t *json = NULL;
    char *path = hg_store_path(x->manifest.pipeline, x->id, HG_RUN_NAME);
    enum hangar_rc rc = path ? hg_store_get(sink, path, RUN_MAX, &text, &why)
                             : hg_fail(&why, HANGAR_NO_MEMORY, 0, "out of memory");
    free(path);
    if (rc == HANGAR_OK) {
        rc = hg_json_parse(hg_str_text(&text), text.len, HG_RUN_NAME, &json, &why);
        const char *host = hg_json_string(json, "host", "");
        if (rc == HANGAR_OK && strcmp(host, x->transfer.h->host) != 0) {
            rc = hg_fail(&why, HANGAR_EXISTS, 0,
                         "sink %s: host %s is storing %s; hint: if it is not, `hangar prune` "
                         "clears what it left when that is an hour old",
                         sink->name, host, x->id);
        }
        json_decref(json);
    } else if (rc == HANGAR_NOT_FOUND) {
        rc = HANGAR_OK;
    }
    hg_str_free(&text);
    return rc == HANGAR_OK ? rc : hg_fail(err, rc, 0, "%s", why.text);
}

/* Refuses a place that holds the backup, or whose objects readers may still need;
 * what a dead import left is cleared. */
static enum hangar_rc look_at_place(struct hg_import *x, struct hangar_ctx *sink,
                                    struct hg_error *err)
{
    const char *pipeline = x->manifest.pipeline;
    struct hg_manifest there = {0};
    struct hg_error why = {0};
    int64_t ms;
    enum hangar_rc rc = hg_store_manifest(sink, pipeline, x->id, &there, &why);
    hg_manifest_free(&there);
    if (rc == HANGAR_OK || rc == HANGAR_CORRUPT || rc == HANGAR_UNSUPPORTED) {
        return hg_fail(err, HANGAR_EXISTS, 0, "sink %s has %s already%s", sink->name, x->id,
                       rc == HANGAR_CORRUPT ? ", and it is damaged; hint: `hangar remove` it first"
                                            : "; it was left as it is");
    }
    if (rc != HANGAR_NOT_FOUND) {
        return hg_fail(err, rc, 0, "%s", why.text);
    }
    hg_error_clear(&why);
    rc = hg_store_time(sink, pipeline, x->id, HG_DELETED_NAME, &ms, &why);
    if (rc == HANGAR_OK) {
        return hg_fail(err, HANGAR_EXISTS, 0,
                       "sink %s: retention took %s away, and its objects stay until its "
                       "delete_grace is over; hint: run `hangar prune` then, and import after it",
                       sink->name, x->id);
    }
    if (rc != HANGAR_NOT_FOUND) {
        return hg_fail(err, rc, 0, "%s", why.text);
    }
    rc = check_marker(x, sink, err);
    return rc == HANGAR_OK ? hg_store_remove(sink, pipeline, x->id, false, err) : rc;
}

enum hangar_rc hg_import_place(struct hg_import *x, const char *pipeline, const char *sink_name,
                               struct hg_error *err)
{
    struct hangar *h = x->transfer.h;
    struct hg_run_sink *sink = &x->run->sinks[0];
    enum hangar_rc rc = choose(x, pipeline, sink_name, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = hg_state_lock(h, x->manifest.pipeline, &x->lock, err);
    if (rc != HANGAR_OK) {
        x->busy = rc == HANGAR_EXISTS;
        return rc;
    }
    rc = hg_session_open(&x->transfer.session, x->sink_index, NULL, 0, &sink->ctx, err);
    x->run->sink_count = rc == HANGAR_OK;
    if (rc == HANGAR_OK) {
        rc = hg_store_origin(sink->ctx, x->manifest.pipeline, h->origin, false, err);
    }
    if (rc == HANGAR_OK) {
        rc = look_at_place(x, sink->ctx, err);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    char *path = hg_store_path(x->manifest.pipeline, x->id, HG_RUN_NAME);
    char *marker = hg_run_marker(x->run);
    rc = path && marker ? hg_store_put(sink->ctx, path, marker, strlen(marker), true, err)
                        : hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
    sink->placed = rc == HANGAR_OK;
    free(marker);
    free(path);
    return rc;
}
