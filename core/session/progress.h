/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * progress: reports to the caller of the API how far a job is.
 */
#ifndef HG_SESSION_PROGRESS_H
#define HG_SESSION_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <hangar/hangar.h>

#include "session/session.h"

/* One report; `values` points into it. */
struct hg_progress {
    struct hangar_progress values;
    char step[160];
    struct hangar_progress_source sources[HG_SOURCES_MAX];
};

/* Fills what each job reports: its name, its step and the time since started_ms, which is a
 * time of hg_now_ms.  The job adds its figures to `values` and calls hg_progress_report.
 * False: the caller wants no reports.  To be called in the monitor thread of the session's
 * job. */
bool hg_progress_begin(struct hg_progress *progress, struct hg_session *s, const char *job,
                       const char *pipeline, int64_t started_ms);

/* Calls the caller's on_progress. */
void hg_progress_report(const struct hg_progress *progress, const struct hg_session *s);

#endif
