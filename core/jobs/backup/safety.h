/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * safety: the backup of what a restore is about to replace.  It is a backup like any
 * other, in the pipeline's place, but for its kind: `latest` never means it, and
 * retention treats it apart.
 */
#ifndef HG_BACKUP_SAFETY_H
#define HG_BACKUP_SAFETY_H

#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "jobs/backup/backup.h"
#include "plugin/job.h"
#include "session/handle.h"

struct hg_safety {
    /* in: the caller's */
    struct hangar *h;
    const struct hg_pipeline_config *pipeline; /* it is locked */
    size_t sink;                               /* where it is stored, if that is possible */
    const size_t *sources;                     /* instances that hold something */
    const struct hg_run_overrides *overrides;  /* beside them */
    size_t count;
    struct hg_job *parent;
    /* out */
    char id[HG_BACKUP_ID_SIZE]; /* "": none was taken */
    size_t stored_in;           /* the sink */
};

/* Takes it: in that sink, else in another that the pipeline requires. */
enum hangar_rc hg_safety_take(struct hg_safety *s, struct hg_error *err);

#endif
