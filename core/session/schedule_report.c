/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * schedule_report: reports the schedules of the configuration, for the daemon, and computes their
 * times.
 */
#include <string.h>

#include "base/cron.h"
#include "base/error.h"
#include "base/json.h"
#include "base/zone.h"
#include "config/config.h"
#include "session/document.h"
#include "session/handle.h"
#include "state/history.h"
#include "state/project.h"

static json_t *scheduled_jobs(const struct hg_pipeline_config *p)
{
    const struct {
        const char *job, *schedule;
    } all[] = {{"backup", p->schedule}, {"verify", p->verify}, {"drill", p->drill}};
    json_t *jobs = json_array();
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].schedule) {
            json_t *one = json_object();
            hg_json_set_string(one, "job", all[i].job);
            hg_json_set_string(one, "schedule", all[i].schedule);
            hg_json_add(jobs, one);
        }
    }
    return jobs;
}

static json_t *pipeline_plan(struct hangar *h, const struct hg_pipeline_config *p)
{
    json_t *one = json_object(), *windows = json_array();
    struct hg_history_run last;
    struct hg_error err = {0};
    if (hg_history_last(&h->state, p->name, &last, &err) != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "%s", err.text);
    }
    hg_json_set_string(one, "name", p->name);
    hg_json_set(one, "jobs", scheduled_jobs(p));
    hg_json_set_string(one, "timezone", p->timezone);
    for (size_t i = 0; p->windows && p->windows[i]; i++) {
        hg_json_add(windows, json_string(p->windows[i]));
    }
    hg_json_set(one, "windows", windows);
    hg_json_set_int(one, "jitter_ms", p->jitter_ms);
    hg_json_set_bool(one, "catch_up", p->catch_up);
    hg_json_set_int(one, "retry_times", p->retry_times);
    hg_json_set_int(one, "retry_after_ms", p->retry_after_ms);
    hg_json_set_int(one, "max_duration_ms", p->max_duration_ms);
    hg_json_set_int(one, "max_age_ms", hg_pipeline_max_age_ms(p));
    hg_json_set(one, "last_run", hg_history_json(&last));
    hg_history_free(&last);
    return one;
}

enum hangar_status hangar_plan(struct hangar *h, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.plan/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    json_t *limits = json_object(), *pipelines = json_array();
    hg_json_set_string(doc, "config", h->config->path);
    hg_project_enter(&h->state, NULL); /* the daemon reports what is wrong with the folder */
    hg_json_set_string(doc, "state_dir", hg_project_dir(&h->state));
    hg_json_set_string(doc, "origin", h->identity.origin);
    hg_json_set_string(doc, "listen", h->config->listen);
    hg_json_set_string(doc, "http_host", h->config->http_host);
    hg_json_set_int(limits, "jobs", h->config->jobs);
    hg_json_set_int(limits, "stop_timeout_ms", h->config->stop_timeout_ms);
    hg_json_set(doc, "limits", limits);
    for (size_t i = 0; i < h->config->pipeline_count; i++) {
        hg_json_add(pipelines, pipeline_plan(h, &h->config->pipelines[i]));
    }
    hg_json_set(doc, "pipelines", pipelines);
    struct hg_error err = {0};
    return hg_doc_end(h, doc, HANGAR_STATUS_DONE, &err, json);
}

int64_t hangar_next_time(const char *schedule, const char *zone, int64_t after_ms)
{
    struct hg_cron cron;
    struct hg_cron_error err;
    struct hg_zone *clock = NULL;
    int64_t next = -1;
    if (hg_zone_open(zone, &clock) == HANGAR_OK && hg_cron_parse(schedule, &cron, &err)) {
        int64_t found = hg_cron_next(&cron, clock, after_ms);
        next = found == INT64_MAX ? -1 : found;
    }
    hg_zone_close(clock);
    return next;
}

int hangar_in_window(const char *window, const char *zone, int64_t time_ms)
{
    struct hg_window parsed;
    struct hg_cron_error err;
    struct hg_zone *clock = NULL;
    bool holds = hg_zone_open(zone, &clock) == HANGAR_OK &&
                 hg_window_parse(window, &parsed, &err) && hg_window_holds(&parsed, clock, time_ms);
    hg_zone_close(clock);
    return holds;
}
