/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify: tells the notifiers what happened.  What becomes of that is logged and
 * counted, and changes nothing else.
 */
#ifndef HG_NOTIFY_NOTIFY_H
#define HG_NOTIFY_NOTIFY_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "config/config.h"
#include "session/handle.h"

/* Something that happened.  Strings may be NULL but for kind and summary. */
struct hg_event {
    const char *kind; /* "backup.failed" */
    enum hangar_log_level level;
    const struct hg_pipeline_config *pipeline; /* NULL: of none; then all notifiers are told */
    const char *run, *backup;
    const char *summary; /* one line for people */
    const char *error;
    int64_t duration_ms;  /* -1: none */
    const json_t *detail; /* what belongs to this kind; NULL: nothing */
};

/* Tells each notifier of the pipeline whose `events` ask for this kind, all at once;
 * returns when the last has been told or has failed for good, after two minutes at
 * most where plugins keep to their contract.  False when nobody could be told whom the
 * event was for. */
bool hg_notify(struct hangar *h, const struct hg_event *event);

/* An event of the end of a job, made of its document ("backup", "restore", "verify");
 * nothing when nobody is to be told. */
void hg_notify_end(struct hangar *h, const char *job, const struct hg_pipeline_config *pipeline,
                   enum hangar_status status, json_t *doc, const struct hg_error *err);

#endif
