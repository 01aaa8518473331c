/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * progress: see progress.h.
 */
#include "session/progress.h"

#include "base/clock.h"
#include "plugin/job.h"
#include "session/handle.h"
#include "session/session.h"

bool hg_progress_begin(struct hg_progress *progress, struct hg_session *s, const char *job,
                       const char *pipeline, int64_t started_ms)
{
    if (!s->h->caller.settings.on_progress) {
        return false;
    }
    const int64_t now_ms = hg_now_ms();
    hg_job_get_step(&s->job, progress->step, sizeof(progress->step));
    progress->values = (struct hangar_progress){
        .struct_size = sizeof(progress->values),
        .job = job,
        .pipeline = pipeline,
        .step = progress->step,
        .elapsed_ms = now_ms > started_ms ? now_ms - started_ms : 0, /* the clock was set back */
        .sources = progress->sources};
    return true;
}

void hg_progress_report(const struct hg_progress *progress, const struct hg_session *s)
{
    s->h->caller.settings.on_progress(s->h->caller.settings.arg, &progress->values);
}
