/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * catch_up: copies the missing objects into sinks that were detached, and commits there.  By
 * then the sources have ended and another sink has the whole backup, so this may take as long
 * as it needs.  The lease is still renewed, and the manifest is stored last, create-only.
 */
#include "base/error.h"
#include "base/log.h"
#include "inventory/place.h"
#include "inventory/replication.h"
#include "jobs/backup/run.h"
#include "plugin/job.h"

/* Which objects a sink has. */
struct lane_objects {
    const struct hg_stored_lanes *lanes; /* beside the sources of the manifest */
    unsigned lane;
};

static bool lane_has_object(void *arg, size_t source, size_t object)
{
    const struct lane_objects *l = arg;
    return l->lanes[source].items[object] >> l->lane & 1;
}

static enum hangar_rc catch_up_from(struct hg_run *run, const struct hg_run_sink *from,
                                    const struct hg_run_sink *sink, struct hangar_ctx *to,
                                    struct hg_error *err)
{
    struct lane_objects objects = {.lanes = run->result.lanes, .lane = sink->lane};
    struct hg_replication replication = {.from = from->place.sink,
                                         .to = to,
                                         .manifest = &run->result.manifest,
                                         .has = lane_has_object,
                                         .arg = &objects};
    hg_job_step(&run->open.session.job, "copying from sink %s to sink %s", from->config->name,
                sink->config->name);
    hg_run_watch_replication(&run->progress, &replication);
    enum hangar_rc rc = hg_replication_run(&replication, err);
    hg_run_watch_replication(&run->progress, NULL);
    return rc;
}

/* From the first sink from which it succeeds. */
static enum hangar_rc catch_up_objects(struct hg_run *run, const struct hg_run_sink *sink,
                                       struct hangar_ctx *to, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < run->sink_count; i++) {
        const struct hg_run_sink *from = &run->sinks[i];
        if (!from->place.committed || from->caught_up) {
            continue;
        }
        hg_error_clear(err);
        rc = catch_up_from(run, from, sink, to, err);
        if (rc == HANGAR_OK || hg_job_cancelled(&run->open.session.job)) {
            break;
        }
    }
    return rc;
}

static void catch_up_sink(struct hg_run *run, struct hg_run_sink *sink,
                          const struct hg_final_files *files)
{
    struct hg_error err = {0};
    struct hangar_ctx *spare = NULL; /* the first instance was cancelled */
    enum hangar_rc rc = hg_place_spare(&sink->place, &spare, &err);
    if (rc == HANGAR_OK) {
        rc = catch_up_objects(run, sink, spare, &err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_place_commit(&sink->place, spare, &run->result.manifest, files, &err);
    }
    if (rc == HANGAR_OK) {
        sink->caught_up = true;
        hg_error_clear(&sink->error);
        hg_log_event(&run->h->log, HANGAR_LOG_INFO, "sink.caught_up",
                     "sink %s has caught up: it now has %s", sink->config->name, run->result.id);
        return;
    }
    hg_context(&err, "sink %s fell behind, and %s could not be copied into it", sink->config->name,
               run->result.id);
    hg_error_clear(&sink->error);
    hg_run_sink_failed(run, sink, &err);
}

void hg_run_catch_up(struct hg_run *run, const struct hg_final_files *files)
{
    for (size_t i = 0; i < run->sink_count; i++) {
        if (run->sinks[i].detached) {
            catch_up_sink(run, &run->sinks[i], files);
        }
    }
}
