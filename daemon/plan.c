/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plan: see plan.h.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

const char *const daemon_kind_names[DAEMON_KINDS] = {"backup", "verify", "drill"};

enum daemon_kind daemon_kind_named(const char *name)
{
    size_t kind = 0;

    while (kind < DAEMON_KINDS && (!name || strcmp(name, daemon_kind_names[kind]) != 0)) {
        kind++;
    }
    return (enum daemon_kind)kind;
}

/* A copy of a member.  Sets *failed when there is no memory for it, or when it is needed
 * and missing. */
static char *plan_copy(const json_t *object, const char *key, bool needed, bool *failed)
{
    const char *text = json_string_value(json_object_get(object, key));
    char *result = text ? strdup(text) : NULL;

    if (!result && (text || needed)) {
        *failed = true;
    }
    return result;
}

static int64_t plan_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool plan_read_pipeline(struct daemon_pipeline *p, const json_t *item)
{
    const json_t *windows = json_object_get(item, "windows"), *last, *window;
    bool failed = false;

    p->name = plan_copy(item, "name", true, &failed);
    p->timezone = plan_copy(item, "timezone", false, &failed);
    p->jitter_ms = plan_number(item, "jitter_ms");
    p->max_duration_ms = plan_number(item, "max_duration_ms");
    p->retry_times = plan_number(item, "retry_times");
    p->retry_after_ms = plan_number(item, "retry_after_ms");
    p->max_age_ms = plan_number(item, "max_age_ms");
    p->catch_up = json_is_true(json_object_get(item, "catch_up"));
    last = json_object_get(item, "last_run");
    p->last_run = plan_copy(last, "run", false, &failed);
    p->last_status = plan_copy(last, "status", false, &failed);
    p->windows = calloc(json_array_size(windows) + 1, sizeof(char *));
    if (!p->windows) {
        return false;
    }
    size_t i;
    json_array_foreach (windows, i, window) {
        const char *text = json_string_value(window);
        p->windows[i] = text ? strdup(text) : NULL;
        failed = failed || !p->windows[i];
    }
    return !failed;
}

/* FNV-1a distributes hosts and pipelines over the jitter; its quality does not matter. */
static uint64_t plan_mix(uint64_t hash, const char *text)
{
    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    }
    return (hash ^ 0xFF) * UINT64_C(1099511628211);
}

static int64_t plan_spread(const struct daemon_plan *plan, const struct daemon_pipeline *p,
                           const char *job)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    hash = plan_mix(plan_mix(plan_mix(hash, plan->origin), p->name), job);
    return p->jitter_ms > 0 ? (int64_t)(hash % (uint64_t)(p->jitter_ms + 1)) : 0;
}

static bool plan_read_schedule(struct daemon_plan *plan, const json_t *item)
{
    struct daemon_schedule *s = &plan->schedules[plan->schedule_count++];
    const char *job = json_string_value(json_object_get(item, "job"));
    enum daemon_kind kind = daemon_kind_named(job);
    bool failed = false;

    *s = (struct daemon_schedule){.pipeline = plan->pipeline_count - 1,
                                  .kind = kind,
                                  .cron = plan_copy(item, "schedule", true, &failed),
                                  .last_ms = -1,
                                  .started_ms = -1};
    if (kind == DAEMON_KINDS || failed) {
        return false;
    }
    s->spread_ms = plan_spread(plan, &plan->pipelines[s->pipeline], job);
    return true;
}

static bool plan_read_plan(struct daemon_plan *plan, const json_t *document)
{
    const json_t *limits = json_object_get(document, "limits"), *item, *job;
    const json_t *pipelines = json_object_get(document, "pipelines");
    bool failed = false;
    size_t i, k;

    plan->config = plan_copy(document, "config", true, &failed);
    plan->state_dir = plan_copy(document, "state_dir", true, &failed);
    plan->origin = plan_copy(document, "origin", true, &failed);
    plan->listen = plan_copy(document, "listen", false, &failed);
    plan->http_host = plan_copy(document, "http_host", false, &failed);
    plan->max_jobs = plan_number(limits, "jobs");
    plan->stop_timeout_ms = plan_number(limits, "stop_timeout_ms");
    plan->pipelines = calloc(json_array_size(pipelines) + 1, sizeof(*plan->pipelines));
    plan->schedules =
        calloc(json_array_size(pipelines) * DAEMON_KINDS + 1, sizeof(*plan->schedules));
    if (failed || !plan->pipelines || !plan->schedules || plan->max_jobs < 1) {
        return false;
    }
    json_array_foreach (pipelines, i, item) {
        const json_t *jobs = json_object_get(item, "jobs");
        if (!plan_read_pipeline(&plan->pipelines[plan->pipeline_count++], item) ||
            json_array_size(jobs) > DAEMON_KINDS) {
            return false;
        }
        json_array_foreach (jobs, k, job) {
            if (!plan_read_schedule(plan, job)) {
                return false;
            }
        }
    }
    return true;
}

struct daemon_plan *daemon_plan_read(const json_t *document)
{
    struct daemon_plan *plan = calloc(1, sizeof(*plan));

    if (plan && !plan_read_plan(plan, document)) {
        daemon_plan_free(plan);
        plan = NULL;
    }
    return plan;
}

void daemon_plan_free(struct daemon_plan *plan)
{
    if (!plan) {
        return;
    }
    for (size_t i = 0; i < plan->pipeline_count; i++) {
        struct daemon_pipeline *p = &plan->pipelines[i];
        for (size_t k = 0; p->windows && p->windows[k]; k++) {
            free(p->windows[k]);
        }
        free(p->windows);
        free(p->name);
        free(p->timezone);
        free(p->last_run);
        free(p->last_status);
    }
    for (size_t i = 0; i < plan->schedule_count; i++) {
        free(plan->schedules[i].cron);
    }
    free(plan->pipelines);
    free(plan->schedules);
    free(plan->config);
    free(plan->state_dir);
    free(plan->origin);
    free(plan->listen);
    free(plan->http_host);
    free(plan);
}

const struct daemon_pipeline *daemon_plan_pipeline(const struct daemon_plan *plan, const char *name)
{
    for (size_t i = 0; name && i < plan->pipeline_count; i++) {
        if (strcmp(plan->pipelines[i].name, name) == 0) {
            return &plan->pipelines[i];
        }
    }
    return NULL;
}

struct daemon_schedule *daemon_plan_find(const struct daemon_plan *plan, const char *pipeline,
                                         enum daemon_kind kind)
{
    for (size_t i = 0; pipeline && i < plan->schedule_count; i++) {
        struct daemon_schedule *s = &plan->schedules[i];
        if (s->kind == kind && strcmp(plan->pipelines[s->pipeline].name, pipeline) == 0) {
            return s;
        }
    }
    return NULL;
}
