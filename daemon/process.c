/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * process: see process.h.
 */
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

/* ---- what a process writes ---- */

/* The name of the job that `hangar run-job` is started for. */
static const char *process_job_name(const struct daemon_process *p)
{
    static const char *const reports[DAEMON_KINDS] = {
        [DAEMON_BACKUP] = DAEMON_REPORT "backup",
        [DAEMON_VERIFY] = DAEMON_REPORT "verify",
        [DAEMON_DRILL] = DAEMON_REPORT "drill",
    };

    switch (p->purpose) {
    case DAEMON_FOR_JOB:
        return daemon_kind_names[p->kind];
    case DAEMON_FOR_REPORT:
        return reports[p->kind];
    case DAEMON_FOR_PLAN:
        return "plan";
    case DAEMON_FOR_WATCH:
        break;
    }
    return "watch";
}

struct daemon_event daemon_process_event(const struct daemon *d, const struct daemon_process *p,
                                         enum daemon_level level, const char *name,
                                         const char *message)
{
    return (struct daemon_event){.time_ms = daemon_now(d),
                                 .level = level,
                                 .name = name,
                                 .pipeline = p->pipeline,
                                 .job = process_job_name(p),
                                 .run = p->run[0] ? p->run : NULL,
                                 .duration_ms = -1,
                                 .message = message};
}

static void process_report(struct daemon *d, const struct daemon_process *p,
                           enum daemon_level level, const char *name, const char *message)
{
    struct daemon_event event = daemon_process_event(d, p, level, name, message);

    daemon_listeners_notify(&d->listeners, &event);
}

/* The next daemon searches the history for this id when the daemon stops during the job. */
static void process_set_run(struct daemon *d, struct daemon_process *p, const char *run)
{
    if (!run || strcmp(run, p->run) == 0) {
        return;
    }
    snprintf(p->run, sizeof(p->run), "%s", run);
    if (p->purpose != DAEMON_FOR_JOB || !d->plan) {
        return;
    }
    struct daemon_schedule *s = daemon_plan_find(d->plan, p->pipeline, p->kind);
    if (s && s->running) {
        snprintf(s->run, sizeof(s->run), "%s", run);
        daemon_remember(d);
    }
}

/* What the callbacks of daemon_child get. */
struct process_reader {
    struct daemon *d;
    struct daemon_process *p;
};

static void process_on_message(void *arg, const char *line, size_t length)
{
    const struct process_reader *reader = arg;
    struct daemon_process *p = reader->p;
    struct daemon_message message;

    if (!daemon_message_parse(line, length, &message)) {
        return;
    }
    if (message.result) {
        daemon_result_free(p->result);
        p->result = message.result;
        message.result = NULL;
    } else {
        process_set_run(reader->d, p, message.event.run);
        message.event.pipeline = p->pipeline;
        message.event.job = process_job_name(p);
        daemon_listeners_notify(&reader->d->listeners, &message.event);
    }
    daemon_message_free(&message);
}

/* A line that a library printed, often the reason of a crash. */
static void process_on_output(void *arg, const char *line, size_t length)
{
    const struct process_reader *reader = arg;
    json_t *valid = json_stringn(line, length); /* NULL when it is not UTF-8 */

    process_report(reader->d, reader->p, DAEMON_WARNING, "job.output",
                   valid ? json_string_value(valid) : "(a line that is not valid UTF-8)");
    json_decref(valid);
}

struct daemon_process *daemon_process_poll(struct daemon *d)
{
    for (size_t i = 0; i < d->process_count; i++) {
        struct daemon_process *p = d->processes[i];
        struct process_reader reader = {d, p};
        /* In this order: when the end is seen, all that was written before can be read. */
        bool ended = daemon_child_ended(&p->child, &p->wait_status);
        daemon_child_read_output(&p->child, process_on_output, &reader);
        daemon_child_read_events(&p->child, process_on_message, &reader);
        if (ended) {
            d->processes[i] = d->processes[--d->process_count];
            return p;
        }
    }
    return NULL;
}

void daemon_process_free(struct daemon_process *p)
{
    daemon_child_close(&p->child);
    daemon_result_free(p->result);
    free(p->pipeline);
    free(p);
}

/* ---- starting ---- */

static struct daemon_process *process_new(enum daemon_purpose purpose, enum daemon_kind kind,
                                          const char *pipeline)
{
    struct daemon_process *p = calloc(1, sizeof(*p));

    if (!p) {
        return NULL;
    }
    *p = (struct daemon_process){.child = {.events = {.fd = -1}, .output = {.fd = -1}},
                                 .purpose = purpose,
                                 .kind = kind,
                                 .pipeline = pipeline ? strdup(pipeline) : NULL};
    if (pipeline && !p->pipeline) {
        free(p);
        return NULL;
    }
    return p;
}

/* Returns 0 or an errno. */
static int process_exec(const struct daemon *d, struct daemon_process *p)
{
    const struct daemon_settings *s = d->settings;
    char after[24], within[24];
    const char *argv[11] = {"hangar"};
    size_t n = 1;

    if (s->config_file) {
        argv[n++] = "-c";
        argv[n++] = s->config_file;
    }
    if (s->verbose) {
        argv[n++] = "-v";
    }
    argv[n++] = "run-job";
    argv[n++] = process_job_name(p);
    argv[n++] = p->pipeline;
    if (p->retry_after_ms > 0) {
        snprintf(after, sizeof(after), "%lld", (long long)p->retry_after_ms);
        snprintf(within, sizeof(within), "%lld", (long long)p->retry_within_ms);
        argv[n++] = after;
        argv[n++] = within;
    }
    p->started_ms = daemon_now(d);
    return daemon_child_start(&p->child, s->program ? s->program : "/proc/self/exe", argv);
}

static bool process_start(struct daemon *d, enum daemon_purpose purpose, enum daemon_kind kind,
                          const char *pipeline)
{
    struct daemon_process *p = process_new(purpose, kind, pipeline);

    if (!p || d->process_count == DAEMON_PROCESSES_MAX) {
        daemon_report(d, DAEMON_ERROR, "job.crashed", "cannot start a process: %s",
                      p ? "too many processes" : "out of memory");
        if (p) {
            daemon_process_free(p);
        }
        return false;
    }
    const struct daemon_schedule *s =
        purpose == DAEMON_FOR_JOB ? daemon_plan_find(d->plan, pipeline, kind) : NULL;
    if (s && daemon_scheduler_retries(&d->scheduler, s, daemon_now(d))) {
        p->retry_after_ms = daemon_plan_pipeline(d->plan, pipeline)->retry_after_ms;
        p->retry_within_ms = s->due_ms - daemon_now(d);
    }
    int why = process_exec(d, p);
    if (why != 0) {
        char text[160];
        snprintf(text, sizeof(text), "cannot start a process: %s", strerror(why));
        process_report(d, p, DAEMON_ERROR, "job.crashed", text);
        daemon_process_free(p);
        return false;
    }
    d->processes[d->process_count++] = p;
    return true;
}

bool daemon_process_start_job(struct daemon *d, enum daemon_kind kind, const char *pipeline)
{
    if (!process_start(d, DAEMON_FOR_JOB, kind, pipeline)) {
        return false;
    }
    const struct daemon_process *p = d->processes[d->process_count - 1];
    char text[160];
    snprintf(text, sizeof(text), "%s of pipeline %s started", daemon_kind_names[kind], pipeline);
    process_report(d, p, DAEMON_INFO, "job.start", text);
    daemon_request_watch(d);
    return true;
}

bool daemon_process_start_report(struct daemon *d, enum daemon_kind kind, const char *pipeline)
{
    return process_start(d, DAEMON_FOR_REPORT, kind, pipeline);
}

bool daemon_process_start_plan(struct daemon *d)
{
    return process_start(d, DAEMON_FOR_PLAN, DAEMON_KINDS, NULL);
}

bool daemon_process_start_watch(struct daemon *d)
{
    return process_start(d, DAEMON_FOR_WATCH, DAEMON_KINDS, NULL);
}

/* ---- while they run ---- */

bool daemon_process_is_running(const struct daemon *d, enum daemon_purpose purpose)
{
    for (size_t i = 0; i < d->process_count; i++) {
        if (d->processes[i]->purpose == purpose) {
            return true;
        }
    }
    return false;
}

void daemon_process_signal_all(const struct daemon *d, int number)
{
    for (size_t i = 0; i < d->process_count; i++) {
        daemon_child_signal(&d->processes[i]->child, number);
    }
}

/* "90 s", "15 min", "2 h" */
static const char *process_duration(int64_t ms, char *out, size_t size)
{
    long long s = ms / 1000;

    if (s < 120) {
        snprintf(out, size, "%lld s", s);
    } else if (s < 7200) {
        snprintf(out, size, "%lld min", s / 60);
    } else {
        snprintf(out, size, "%lld h", s / 3600);
    }
    return out;
}

int64_t daemon_process_report_slow(struct daemon *d)
{
    int64_t now = daemon_now(d), wake = INT64_MAX;

    for (size_t i = 0; d->plan && i < d->process_count; i++) {
        struct daemon_process *p = d->processes[i];
        const struct daemon_pipeline *pipeline = daemon_plan_pipeline(d->plan, p->pipeline);
        if (!pipeline || pipeline->max_duration_ms == 0 || p->reported_slow) {
            continue;
        }
        int64_t at = p->started_ms + pipeline->max_duration_ms;
        if (now >= at) {
            char text[120], age[32], limit[32];
            snprintf(text, sizeof(text), "the job has run for %s (max_duration %s)",
                     process_duration(now - p->started_ms, age, sizeof(age)),
                     process_duration(pipeline->max_duration_ms, limit, sizeof(limit)));
            struct daemon_event event =
                daemon_process_event(d, p, DAEMON_WARNING, "job.slow", text);
            event.duration_ms = now - p->started_ms;
            p->reported_slow = true;
            daemon_listeners_notify(&d->listeners, &event);
        } else if (at < wake) {
            wake = at;
        }
    }
    return wake;
}
