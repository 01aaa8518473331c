/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup_catchup: gives the sinks that were left behind what they lack.  The sources
 * have ended and another sink has the whole backup by then, so that this may take as
 * long as it needs.  It is still the same run: the lease goes on, and the manifest
 * comes last, create-only.
 */
#include "base/error.h"
#include "base/log.h"
#include "inventory/lease.h"
#include "inventory/replication.h"
#include "jobs/backup/backup.h"
#include "plugin/job.h"

struct lacking {
    const struct hg_run *run;
    unsigned lane;
};

static bool has(void *arg, size_t source, size_t object)
{
    const struct lacking *l = arg;
    return l->run->kept[source].items[object] >> l->lane & 1;
}

static void set_copying(struct hg_run *run, struct hg_copying *copying)
{
    pthread_mutex_lock(&run->progress_mutex);
    run->copying = copying;
    pthread_mutex_unlock(&run->progress_mutex);
}

/* From the first sink that can give it. */
static enum hangar_rc copy_objects(struct hg_run *run, struct hg_run_sink *sink,
                                   struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < run->sink_count; i++) {
        const struct hg_run_sink *from = &run->sinks[i];
        if (!from->committed || from->caught_up) {
            continue;
        }
        struct lacking lacking = {.run = run, .lane = sink->lane};
        struct hg_copying copying = {.from = from->ctx,
                                     .to = sink->side,
                                     .manifest = &run->manifest,
                                     .has = has,
                                     .arg = &lacking};
        hg_error_clear(err);
        hg_job_step(&run->session.job, "copying from sink %s to sink %s", from->config->name,
                    sink->config->name);
        set_copying(run, &copying);
        rc = hg_copying_run(&copying, err);
        set_copying(run, NULL);
        if (rc == HANGAR_OK || hg_job_cancelled(&run->session.job)) {
            break;
        }
    }
    return rc;
}

static void catch_up(struct hg_run *run, struct hg_lease *lease, struct hg_run_sink *sink,
                     const struct hg_run_texts *texts)
{
    struct hg_error err = {0};
    enum hangar_rc rc = copy_objects(run, sink, &err);
    if (rc == HANGAR_OK) {
        rc = hg_run_commit_sink(run, lease, sink, sink->side, texts, &err);
    }
    if (rc == HANGAR_OK) {
        sink->caught_up = true;
        hg_error_clear(&sink->error);
        hg_log_event(&run->h->log, HANGAR_LOG_INFO, "sink.caught_up", "sink %s has %s too",
                     sink->config->name, run->id);
        return;
    }
    hg_context(&err, "sink %s: it was left behind, and could not be given its copy later",
               sink->config->name);
    hg_error_clear(&sink->error);
    hg_run_sink_failed(run, sink, &err);
}

void hg_run_catch_up(struct hg_run *run, struct hg_lease *lease, const struct hg_run_texts *texts)
{
    for (size_t i = 0; i < run->sink_count; i++) {
        if (run->sinks[i].detached) {
            catch_up(run, lease, &run->sinks[i], texts);
        }
    }
}
