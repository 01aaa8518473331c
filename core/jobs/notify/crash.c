/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * crash: reports a job whose process ended before it could report itself.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "config/config.h"
#include "jobs/notify/alerts.h"
#include "jobs/notify/notify.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "state/counters.h"
#include "state/history.h"

/* Adds the run to the history, where a crashed run leaves no line. */
static void crash_record(struct hangar *h, const char *pipeline, const struct hg_error *why)
{
    const struct hg_history_run run = {.status = HANGAR_STATUS_FAILED,
                                       .error = why->text,
                                       .started_ms = hg_now_ms(),
                                       .stored_bytes = -1};
    hg_history_append(&h->state, pipeline, &run);
}

enum hangar_status hangar_report_crash(struct hangar *h, const char *job, const char *pipeline,
                                       const char *why, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.crash/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0}, crash = {0};
    size_t index;
    enum hangar_rc rc = hg_find_pipeline(h->config, pipeline, &index, &err);
    bool backup = strcmp(job, "backup") == 0;
    if (rc == HANGAR_OK) {
        const struct hg_pipeline_config *p = &h->config->pipelines[index];
        hg_fail(&crash, HANGAR_INTERNAL, 0, "%s", why);
        hg_json_set_string(doc, "job", job);
        hg_json_set_string(doc, "pipeline", pipeline);
        if (backup) {
            crash_record(h, pipeline, &crash);
            hg_counters_add(&h->state, "backup", pipeline, hangar_status_name(HANGAR_STATUS_FAILED),
                            1);
        }
        hg_notify_end(h, &(struct hg_job_end){.job = backup ? "backup" : "verify",
                                              .pipeline = p,
                                              .status = HANGAR_STATUS_FAILED,
                                              .duration_ms = -1,
                                              .document = doc,
                                              .error = &crash});
        hg_alerts_after(h, NULL, p);
    }
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
