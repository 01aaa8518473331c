/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * status: the state of each pipeline and each of its sinks, read from the sinks and from what this
 * machine remembers.  Alerts are derived from it, and hangar.status/1 shows it.
 */
#ifndef HG_JOBS_REPORT_STATUS_H
#define HG_JOBS_REPORT_STATUS_H

#include <stdbool.h>

#include "base/error.h"
#include "config/config.h"
#include "inventory/index.h"
#include "inventory/verification_memory.h"
#include "session/handle.h"
#include "session/session.h"
#include "state/history.h"
#include "state/pipeline_lock.h"

/* One sink of a pipeline.  Figures are -1 where they are not known. */
struct hg_sink_status {
    const struct hg_instance_config *config;
    struct hangar_ctx *ctx; /* NULL: it could not be opened; gone with the session */
    struct hg_index index;
    bool readable;         /* the index could be read */
    struct hg_error error; /* why it, a folder in it, or its free space cannot be read; or OK */
    /* Good backups.  Safety backups do not count.  Backups from the future do not count as the
     * newest. */
    const struct hg_index_item *newest, *oldest;
    const struct hg_index_item *future; /* the first from the future; NULL: none */
    const struct hg_index_item *damage; /* the newest that is damaged; NULL: none */
    int64_t backups, safety_backups, partial_backups, damaged, stored_bytes;
    struct hg_verification last_full, last_drill; /* of at least that level; `id` NULL: none */
    int64_t
        good_full_ms;    /* when the last good one of at least level full began; 0: there is none */
    int64_t usual_bytes; /* the median of the backups before the newest; -1: too few */
    int64_t free_bytes;
};

struct hg_pipeline_status {
    const struct hg_pipeline_config *config;
    struct hg_history_run last_run;           /* of the journal; see `exists` */
    struct hg_lock_holder running;            /* the job that has locked it on this machine */
    const struct hg_verification *last_drill; /* the worst of the sinks' last ones; NULL: none */
    int64_t good_drill_ms;                    /* when the last good one began; 0: there is none */
    struct hg_sink_status *sinks;
    size_t sink_count;
};

struct hg_status_report {
    struct hg_session session;
    bool session_is_open;
    int64_t read_ms; /* when the reading began */
    struct hg_pipeline_status *pipelines;
    size_t count;
};

/* Reads the status of a pipeline (NULL: of all), each sink once.  A sink that cannot be read is
 * part of the result.  Close the report also after a failure. */
enum hangar_rc hg_status_read(struct hg_status_report *report, struct hangar *h,
                              const struct hg_pipeline_config *only, struct hg_error *err);

/* The same in a session that is open already and stays open. */
enum hangar_rc hg_status_read_in(struct hg_status_report *report, struct hg_session *session,
                                 const struct hg_pipeline_config *only, struct hg_error *err);

/* Ends the session, and with it the connections; the figures stay until the report is closed. */
void hg_status_end_session(struct hg_status_report *report);
void hg_status_close(struct hg_status_report *report);

#endif
