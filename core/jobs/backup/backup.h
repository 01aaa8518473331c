/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: what other jobs use of the backup job: the safety backup.  hangar_backup itself is
 * declared in hangar.h, and the steps of a run in run.h.
 */
#ifndef HG_JOBS_BACKUP_BACKUP_H
#define HG_JOBS_BACKUP_BACKUP_H

#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "config/options.h"
#include "plugin/job.h"
#include "session/handle.h"

/* A backup of the data that a restore is about to replace.  It is stored like any other
 * backup of the pipeline, and marked as such in its manifest: `latest` never selects it, and
 * retention has rules of its own for it. */
struct hg_safety {
    /* set by the caller, who owns all of it */
    struct hangar *h;
    const struct hg_pipeline_config *pipeline;   /* the caller has its lock */
    size_t sink;                                 /* the sink to try first */
    const size_t *sources;                       /* the instances to back up */
    const struct hg_source_overrides *overrides; /* one for each source */
    size_t count;
    struct hg_job *parent; /* the restore's job, which waits */
    /* set by hg_safety_take */
    char id[HG_BACKUP_ID_SIZE]; /* "" unless OK */
    size_t stored_in;           /* the sink that has it */
};

/* Makes the safety backup in that sink or, when the sink fails, in another sink that the
 * pipeline requires.  Never returns NOT_FOUND. */
enum hangar_rc hg_safety_take(struct hg_safety *safety, struct hg_error *err);

#endif
