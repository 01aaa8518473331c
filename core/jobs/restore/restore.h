/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore: a restore under way; shared by restore.c (what happens) and
 * restore_clean.c (what happens besides when live data is replaced).
 */
#ifndef HG_RESTORE_RESTORE_H
#define HG_RESTORE_RESTORE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "config/config.h"
#include "config/options.h"
#include "inventory/selection.h"
#include "jobs/backup/backup.h"
#include "jobs/restore/targets.h"
#include "session/handle.h"
#include "session/session.h"

#define HG_MAX_SET 64

struct hg_restoring {
    struct hangar *h;
    const struct hangar_restore_request *request;
    struct hg_session session;
    struct hg_selected selected;
    struct hangar_ctx *chain[HG_CHAIN_MAX];
    struct hg_targets targets;
    int64_t started_ms;
    char *set_text; /* copies of --set, cut at "." and "=" */
    struct hg_override overrides[HG_MAX_SET];
    const char *override_source[HG_MAX_SET];
    size_t override_count;
    const struct hg_pipeline_config *hooked; /* its hook ran before; NULL: none did */
    /* of a clean restore */
    int lock;                   /* the pipeline's; -1: not held */
    bool busy;                  /* another run holds it */
    struct hg_safety safety;    /* what was taken; its id is "" before that */
    pthread_mutex_t tick_mutex; /* guards saving */
    bool saving;                /* the safety backup's run tells how far it is */
};

static inline bool hg_restoring_dry(const struct hg_restoring *r)
{
    return r->request->flags & HANGAR_REQUEST_DRY_RUN;
}

static inline bool hg_restoring_clean(const struct hg_restoring *r)
{
    return r->request->flags & HANGAR_REQUEST_CLEAN;
}

/* The options of --set for a source, in `out` (room for HG_MAX_SET); how many. */
size_t hg_restoring_overrides(const struct hg_restoring *r, const char *source,
                              struct hg_override *out);

/* From the choice of the backup on nobody else runs the pipeline: neither a backup, which
 * would be in the way, nor a prune, which could take what is being restored.  EXISTS (and
 * r->busy) when somebody does. */
enum hangar_rc hg_clean_lock(struct hg_restoring *r, struct hg_error *err);

/* Looks at the targets and takes the safety backup of those that hold something: all that
 * must have gone well before anything is changed.  A dry run only looks. */
enum hangar_rc hg_clean_begin(struct hg_restoring *r, struct hg_error *err);

/* The fields of hangar.restore/1 that are about it. */
void hg_clean_document(const struct hg_restoring *r, json_t *doc);

/* The first line of the plan of a source; NULL: none.  The caller frees. */
char *hg_clean_plan(const struct hg_restoring *r, const struct hg_target *target);

#endif
