/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * progress: what the monitor thread does for a run.
 */
#include <stdatomic.h>

#include "jobs/backup/run.h"
#include "pipeline/engine.h"
#include "pipeline/lag.h"
#include "pipeline/pull.h"
#include "plugin/job.h"
#include "session/progress.h"
#include "state/backup_sizes.h"

void hg_run_watch_pull(struct hg_run_progress *progress, struct hg_pull *pull,
                       struct hg_engine *engine)
{
    pthread_mutex_lock(&progress->mutex);
    progress->pull = pull;
    progress->engine = engine;
    pthread_mutex_unlock(&progress->mutex);
}

void hg_run_watch_replication(struct hg_run_progress *progress, struct hg_replication *replication)
{
    pthread_mutex_lock(&progress->mutex);
    progress->replication = replication;
    pthread_mutex_unlock(&progress->mutex);
}

void hg_run_expect(struct hg_run *run)
{
    const char *names[HG_SOURCES_MAX];
    for (size_t i = 0; i < run->request.source_count; i++) {
        names[i] = run->h->config->instances[run->request.sources[i]].name;
    }
    hg_sizes_load(&run->h->state, run->request.pipeline->name, names, run->request.source_count,
                  run->progress.expected);
}

static uint32_t run_fill_sources(struct hg_pull *pull, struct hangar_progress_source *sources)
{
    pthread_mutex_lock(&pull->mutex);
    for (size_t i = 0; i < pull->set.count; i++) {
        const struct hg_pull_source *s = &pull->sources[i];
        sources[i] = (struct hangar_progress_source){
            .name = s->ctx->name, .plain_bytes = s->plain_bytes, .done = s->ended};
    }
    pthread_mutex_unlock(&pull->mutex);
    return (uint32_t)pull->set.count;
}

static void run_report_progress(struct hg_run *run)
{
    struct hg_run_progress *now = &run->progress;
    struct hg_progress report;
    struct hangar_progress *p = &report.values;
    if (!hg_progress_begin(&report, &run->open.session,
                           run->request.safety ? "safety backup" : "backup",
                           run->request.pipeline->name, run->result.first_started_ms)) {
        return;
    }
    pthread_mutex_lock(&now->mutex);
    if (now->pull) {
        hg_engine_counts(now->engine, &p->plain_bytes, &p->stored_bytes, &p->objects_done);
        p->source_count = run_fill_sources(now->pull, report.sources);
        p->expected_bytes = hg_sizes_expect(now->expected, report.sources, p->source_count);
    }
    if (now->replication) {
        p->stored_bytes = atomic_load(&now->replication->done_bytes);
        p->objects_done = atomic_load(&now->replication->done_objects);
        p->objects_total = atomic_load(&now->replication->objects);
    }
    pthread_mutex_unlock(&now->mutex);
    hg_progress_report(&report, &run->open.session);
}

void hg_run_on_tick(void *arg)
{
    struct hg_run *run = arg;
    if (atomic_load(&run->open.pause)) {
        hg_job_alive(&run->open.session.job);
    }
    if (run->request.parent) { /* the parent makes no progress of its own meanwhile */
        hg_job_alive(run->request.parent);
    }
    pthread_mutex_lock(&run->progress.mutex);
    if (run->progress.engine) {
        hg_lag_watch(run->progress.engine);
    }
    pthread_mutex_unlock(&run->progress.mutex);
    if (!atomic_load(&run->progress.ended)) {
        run_report_progress(run);
    }
}
