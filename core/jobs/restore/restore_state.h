/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_state: a restore while it runs.  restore.c defines its steps, clean.c those that a
 * restore over live data adds.
 */
#ifndef HG_JOBS_RESTORE_RESTORE_STATE_H
#define HG_JOBS_RESTORE_RESTORE_STATE_H

#include <pthread.h>
#include <stdbool.h>

#include "config/config.h"
#include "inventory/selection.h"
#include "jobs/backup/backup.h"
#include "jobs/restore/overrides.h"
#include "jobs/restore/targets.h"
#include "session/handle.h"
#include "session/session.h"

struct hg_restoration {
    struct hangar *h;
    const struct hangar_restore_request *request;
    struct hg_session session;
    struct hg_selected_backup selected;
    struct hangar_ctx *chain[HG_CHAIN_MAX];
    struct hg_restore_overrides overrides;
    struct hg_targets targets;
    int64_t started_ms;
    const struct hg_pipeline_config *hooked; /* before_restore ran; NULL: it did not */
    /* with HANGAR_REQUEST_CLEAN */
    int lock;                       /* of the pipeline; -1: not held */
    bool busy;                      /* another job holds it */
    struct hg_safety safety;        /* the safety backup; its id is "" until there is one */
    pthread_mutex_t progress_mutex; /* guards safety_runs */
    bool safety_runs;               /* the run of the safety backup reports progress */
};

static inline bool hg_restoration_is_dry(const struct hg_restoration *r)
{
    return r->request->flags & HANGAR_REQUEST_DRY_RUN;
}

static inline bool hg_restoration_is_clean(const struct hg_restoration *r)
{
    return r->request->flags & HANGAR_REQUEST_CLEAN;
}

#endif
