/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify: sends events to the notifiers.  The result is logged and counted, and changes no job.
 */
#ifndef HG_JOBS_NOTIFY_NOTIFY_H
#define HG_JOBS_NOTIFY_NOTIFY_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "config/config.h"
#include "session/handle.h"

/* Strings may be NULL, except for kind and summary. */
struct hg_event {
    const char *kind; /* "backup.failed" */
    enum hangar_log_level level;
    const struct hg_pipeline_config *pipeline; /* NULL: none; then every notifier is meant */
    const char *run, *backup;
    const char *summary; /* one line for people */
    const char *error;
    int64_t duration_ms;  /* -1: none */
    const json_t *detail; /* a document of this kind of event; NULL: none */
};

/* Sends an event, to all notifiers at once whose `events` ask for this kind; returns when the last
 * has received it or has failed for good: after two minutes at most, if the plugins keep their
 * contract.  False: the event was meant for notifiers, and none has received it. */
bool hg_notify(struct hangar *h, const struct hg_event *event);

/* The end of a job. */
struct hg_job_end {
    const char *job;                           /* "backup", "restore", "verify" */
    const struct hg_pipeline_config *pipeline; /* NULL: of several */
    enum hangar_status status;
    const char *run, *backup;     /* NULL: none */
    int64_t duration_ms;          /* -1: none */
    int64_t retry_ms;             /* a failed one is tried again then; -1 or 0: it is not */
    json_t *document;             /* of the job; gets the status */
    const struct hg_error *error; /* of the job */
};

/* Sends "JOB.done", "JOB.degraded", "JOB.interrupted", "JOB.retry" (it failed, and is tried again)
 * or "JOB.failed". */
void hg_notify_end(struct hangar *h, const struct hg_job_end *end);

#endif
