/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * drill: restores a backup into throw-away servers, and has their plugins compare the servers'
 * contents with the backup.  Only the plugins know which servers these are.
 */
#ifndef HG_JOBS_VERIFY_DRILL_H
#define HG_JOBS_VERIFY_DRILL_H

#include "base/error.h"
#include "base/json.h"
#include "catalog/manifest.h"
#include "jobs/restore/targets.h"
#include "pipeline/decode.h"
#include "session/session.h"

/* Call hg_drill_init before hg_session_begin and hg_drill_fini after hg_session_end: the job's
 * monitor thread reads it until then. */
struct hg_drill {
    struct hg_targets targets;
    struct hg_scratch {
        struct hangar_ctx *ctx; /* scratch_stop is due for it; NULL: none */
        struct hangar_attrs *overrides;
        char *dir;
    } *scratches; /* beside targets.items */
    size_t scratch_count;
    uint64_t disk; /* bytes that the servers may use together */
};

void hg_drill_init(struct hg_drill *drill);
void hg_drill_fini(struct hg_drill *drill);

/* Runs the drill on this thread, for a backup whose stored bytes have been compared.  `sources` (an
 * array) gets what each plugin reports.  Every server is stopped, whatever happens.  CORRUPT: the
 * restored data differs from the backup. */
enum hangar_rc hg_drill_run(struct hg_drill *drill, struct hg_session *s,
                            const struct hg_manifest *m, const struct hg_object_reader *from,
                            json_t *sources, struct hg_error *err);

/* Reports the progress; called by the monitor thread. */
void hg_drill_progress(struct hg_drill *drill, int64_t started_ms);

#endif
