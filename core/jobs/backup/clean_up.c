/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup_cleanup: removes what a run stored where it did not commit.
 */
#include "base/error.h"
#include "catalog/store.h"
#include "jobs/backup/backup.h"
#include "session/session.h"

#define CLEANUP_STALL_MS 30000

void hg_run_clean_up(struct hg_run *run)
{
    struct hg_session s;
    struct hg_error err = {0};
    bool any = false;
    for (size_t i = 0; i < run->sink_count; i++) {
        any = any || (run->sinks[i].placed && !run->sinks[i].committed);
    }
    if (!any) {
        return;
    }
    /* this must not be interrupted by the same signal, and yet it counts afterwards */
    bool cancelled = atomic_exchange(&run->h->cancel, false);
    bool open = hg_session_begin(&s, run->h, CLEANUP_STALL_MS, NULL, NULL, &err) == HANGAR_OK;
    for (size_t i = 0; i < run->sink_count && open; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        struct hangar_ctx *ctx;
        hg_error_clear(&err);
        if (!sink->placed || sink->committed) {
            continue;
        }
        enum hangar_rc rc = hg_session_open(&s, run->part.sinks[i], NULL, 0, &ctx, &err);
        if (rc == HANGAR_OK) {
            rc = hg_store_remove(ctx, run->pipeline->name, run->id, false, &err);
        }
        if (rc != HANGAR_OK) {
            hg_log_line(&run->h->log, HANGAR_LOG_WARN,
                        "parts of the failed run %s stay in sink %s (they are not a backup and "
                        "not listed): %s",
                        run->id, sink->config->name, err.text);
        }
    }
    if (open) {
        hg_session_end(&s);
    }
    if (cancelled) {
        atomic_store(&run->h->cancel, true);
    }
}
