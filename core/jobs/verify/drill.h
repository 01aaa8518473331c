/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * drill: restores a backup into throw-away servers, and has their plugins compare
 * what is in them with the backup.  Which servers those are, only plugins know.
 */
#ifndef HG_VERIFY_DRILL_H
#define HG_VERIFY_DRILL_H

#include "base/error.h"
#include "base/json.h"
#include "catalog/manifest.h"
#include "jobs/restore/targets.h"
#include "session/session.h"

/* A drill's own; zero it, and free it when the session's job has ended its last
 * tick: after hg_session_end. */
struct hg_drill {
    struct hg_targets targets;
    struct hg_scratch {
        struct hangar_ctx *ctx; /* whose scratch_stop is due; NULL: none */
        struct hangar_attrs *overrides;
        char *dir;
    } *scratches; /* beside targets.items */
    size_t scratch_count;
    uint64_t disk; /* that the servers may take together */
};

void hg_drill_init(struct hg_drill *drill);
void hg_drill_fini(struct hg_drill *drill);

/* All of it, on this thread, for a backup whose stored bytes have been compared.
 * `sources` (an array) gets what each plugin reports.  Whatever happens, no server is
 * left.  CORRUPT: what was restored is not what was backed up. */
enum hangar_rc hg_drill_run(struct hg_drill *drill, struct hg_session *s,
                            const struct hg_manifest *m, struct hangar_ctx *sink,
                            struct hangar_ctx *const *chain, json_t *sources, struct hg_error *err);

/* How far it is; from the monitor's thread. */
void hg_drill_progress(struct hg_drill *drill, int64_t started_ms);

#endif
