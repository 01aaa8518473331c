/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rehearse: the beginning of a run up to the moment before it reads data: opens all instances,
 * examines the place in each sink, prepares the sources and divides the memory.  It uses the
 * functions of the run, and leaves nothing behind.
 */
#include <stdlib.h>
#include <stdatomic.h>

#include "base/error.h"
#include "catalog/store.h"
#include "inventory/origin.h"
#include "jobs/backup/run.h"
#include "plugin/instance.h"
#include "session/session.h"

static enum hangar_rc rehearse_space(const struct hg_run_sink *sink, struct hg_error *err)
{
    struct hangar_ctx *ctx = sink->place.sink;
    struct hangar_space space = {.struct_size = sizeof(space), .free_bytes = UINT64_MAX};
    if (!ctx->plugin->sink.space) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = HG_CALL(ctx, err, ctx->plugin->sink.space(ctx->inst, &space));
    if (rc == HANGAR_OK && space.free_bytes == 0) {
        rc = hg_fail(err, HANGAR_NO_SPACE, 0,
                     "sink %s: no free space above the reserve of its option min_free; "
                     "hint: free some space, or lower min_free",
                     sink->config->name);
    }
    return rc;
}

/* Begins to store the first file of the run, and abandons it.  Only in a sink that the pipeline
 * has used: elsewhere this would make folders, and the probe has shown that they can be made. */
static enum hangar_rc rehearse_put(const struct hg_run_sink *sink, struct hg_error *err)
{
    const struct hg_place *place = &sink->place;
    struct hangar_ctx *ctx = place->sink;
    bool used = false;
    enum hangar_rc rc = hg_store_has_origin(ctx, place->pipeline, &used, err);
    if (rc != HANGAR_OK || !used) {
        return rc;
    }
    char *path = hg_store_path(place->pipeline, place->id, HG_RUN_NAME);
    struct hangar_put *put = NULL;
    struct hg_error why = {0};
    rc = path
             ? HG_CALL(ctx, &why,
                       ctx->plugin->sink.put_open(ctx->inst, path, 0, HANGAR_PUT_CREATE_ONLY, &put))
             : hg_no_memory(&why);
    free(path);
    if (rc != HANGAR_OK) {
        return hg_error_move(err, &why);
    }
    HG_CALL_VOID(ctx, ctx->plugin->sink.put_abort(put));
    return HANGAR_OK;
}

static void rehearse_sink(struct hg_run *run, struct hg_run_sink *sink)
{
    struct hg_error why = {0};
    enum hangar_rc rc =
        hg_origin_check(run->h, sink->place.sink, sink->place.pipeline, false, &why);
    if (rc == HANGAR_OK) {
        rc = rehearse_space(sink, &why);
    }
    if (rc == HANGAR_OK) {
        rc = rehearse_put(sink, &why);
    }
    if (rc != HANGAR_OK) {
        sink->error = why;
    }
}

enum hangar_rc hg_run_rehearse(struct hg_run *run, struct hg_error *err)
{
    enum hangar_rc rc = hg_run_begin_try(run, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    atomic_store(&run->progress.ended, true); /* it reports no progress of a backup */
    struct hg_error why = {0};
    rc = hg_run_open(run, &why);
    for (size_t i = 0; i < run->sink_count && rc == HANGAR_OK; i++) {
        if (run->sinks[i].error.rc == HANGAR_OK) {
            rehearse_sink(run, &run->sinks[i]);
        }
    }
    if (rc == HANGAR_OK && hg_run_any_sink(run, &(struct hg_error){0}) == HANGAR_OK) {
        rc = hg_run_prepare_sources(run, &why);
    }
    rc = hg_session_result(&run->open.session, rc, &why);
    hg_run_end_try(run);
    return rc == HANGAR_OK ? rc : hg_error_move(err, &why);
}
