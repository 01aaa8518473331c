/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * missing: the backups that another sink of a pipeline has and this one lacks, although its own
 * retention would keep them.  A pure function of the status.
 */
#ifndef HG_JOBS_REPORT_MISSING_H
#define HG_JOBS_REPORT_MISSING_H

#include "jobs/report/status.h"
#include "session/handle.h"

#define HG_MISSING_LISTED 20 /* ids that are listed; all are counted */

struct hg_missing_backups {
    int64_t count; /* -1: not known, because the sink is not readable or memory ran out */
    const char *ids[HG_MISSING_LISTED]; /* the newest; those of the indexes */
    size_t listed;
};

struct hg_missing_backups hg_missing_of(const struct hangar *h,
                                        const struct hg_pipeline_status *pipeline, size_t sink,
                                        int64_t now_ms);

#endif
