/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * jobs: the processes: starting them, hearing what they say, and what their end means.
 */
#include "context.h"

#include <errno.h>
#include <hangar/hangar.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* ---- what a process says ---- */

/* An event about a job. */
static struct daemon_event about(const struct daemon *d, const struct daemon_job_process *p,
                                 enum daemon_level level, const char *name, const char *message)
{
    return (struct daemon_event){.time_ms = daemon_now(d),
                                 .level = level,
                                 .name = name,
                                 .pipeline = p->pipeline,
                                 .job = p->job,
                                 .run = p->run[0] ? p->run : NULL,
                                 .duration_ms = -1,
                                 .message = message};
}

static void tell(struct daemon *d, const struct daemon_job_process *p, enum daemon_level level,
                 const char *name, const char *message)
{
    struct daemon_event event = about(d, p, level, name, message);

    daemon_tell(&d->listeners, &event);
}

struct hearing {
    struct daemon *d;
    struct daemon_job_process *p;
};

/* The id of the run is what the history is asked for, should the daemon be cut off. */
static void learn_run(struct daemon *d, struct daemon_job_process *p, const char *run)
{
    struct daemon_schedule *s = d->plan ? daemon_plan_find(d->plan, p->pipeline, p->job) : NULL;

    if (!run || strcmp(run, p->run) == 0) {
        return;
    }
    snprintf(p->run, sizeof(p->run), "%s", run);
    if (s && s->running) {
        snprintf(s->run, sizeof(s->run), "%s", run);
        daemon_remember(d);
    }
}

static void on_event(void *arg, const char *line, size_t length)
{
    const struct hearing *h = arg;
    json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    json_t *end = json_object_get(object, "end");

    if (end) {
        json_decref(h->p->end);
        h->p->end = json_incref(end);
    } else if (json_is_object(object)) {
        json_int_t level = json_integer_value(json_object_get(object, "level"));
        struct daemon_event event =
            about(h->d, h->p, level >= 0 && level <= 3 ? (enum daemon_level)level : DAEMON_DEBUG,
                  json_string_value(json_object_get(object, "event")),
                  json_string_value(json_object_get(object, "message")));
        learn_run(h->d, h->p, json_string_value(json_object_get(object, "run")));
        event.time_ms = json_integer_value(json_object_get(object, "time_ms"));
        event.run = json_string_value(json_object_get(object, "run"));
        event.duration_ms = json_integer_value(json_object_get(object, "duration_ms"));
        daemon_tell(&h->d->listeners, &event);
    }
    json_decref(object);
}

/* What a library printed, or the last words of one that crashed. */
static void on_output(void *arg, const char *line, size_t length)
{
    const struct hearing *h = arg;
    json_t *clean = json_stringn(line, length);

    tell(h->d, h->p, DAEMON_WARNING, "job.output",
         clean ? json_string_value(clean) : "a line that is no UTF-8");
    json_decref(clean);
}

static bool start(struct daemon *d, const char *job, const char *pipeline, enum daemon_kind kind);

/* ---- its end ---- */

static const char *end_text(const struct daemon_job_process *p, const char *key)
{
    const char *text = json_string_value(json_object_get(p->end, key));

    return text ? text : "";
}

/* It said nothing of its end: what wait knows. */
static void tell_crash(struct daemon *d, const struct daemon_job_process *p, int status)
{
    char text[160];

    if (WIFSIGNALED(status)) {
        snprintf(text, sizeof(text), "the process of the job was ended by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else {
        snprintf(text, sizeof(text),
                 "the process of the job ended without a result, exit status %d",
                 WEXITSTATUS(status));
    }
    tell(d, p, DAEMON_ERROR, "job.crashed", text);
}

static void tell_end(struct daemon *d, const struct daemon_job_process *p)
{
    const char *status = p->end ? end_text(p, "status") : "failed";
    bool good = strcmp(status, "done") == 0;
    bool minor = strcmp(status, "degraded") == 0 || strcmp(status, "interrupted") == 0 ||
                 strcmp(status, "busy") == 0;
    struct daemon_event event = about(d, p,
                                      good    ? DAEMON_INFO
                                      : minor ? DAEMON_WARNING
                                              : DAEMON_ERROR,
                                      "job.end", p->end ? end_text(p, "error") : "it crashed");
    const json_t *document = json_object_get(p->end, "document");

    event.status = status;
    event.duration_ms = daemon_now(d) - p->started_ms;
    event.document = json_is_object(document) ? document : NULL;
    daemon_tell(&d->listeners, &event);
}

static enum daemon_end meaning(const struct daemon *d, const struct daemon_job_process *p)
{
    const char *status = end_text(p, "status");

    if (strcmp(status, "busy") == 0) {
        return DAEMON_HELD;
    }
    if (d->stopping && (!p->end || strcmp(status, "interrupted") == 0)) {
        return DAEMON_CUT;
    }
    return DAEMON_ENDED;
}

static void free_process(struct daemon_job_process *p)
{
    daemon_child_close(&p->child);
    json_decref(p->end);
    free(p->pipeline);
    free(p);
}

static const char *const reports[DAEMON_KINDS] = {
    [DAEMON_BACKUP] = DAEMON_REPORT "backup",
    [DAEMON_VERIFY] = DAEMON_REPORT "verify",
    [DAEMON_DRILL] = DAEMON_REPORT "drill",
};

/* Has the notifiers told what the job itself could not: the library does that. */
static void report_crash(struct daemon *d, const struct daemon_job_process *p)
{
    if (d->job_count < DAEMON_MAX_PROCESSES) {
        start(d, reports[p->kind], p->pipeline, DAEMON_KINDS);
    }
}

static void see_to_end(struct daemon *d, struct daemon_job_process *p, int status)
{
    if (!p->end && !(d->stopping && WIFSIGNALED(status))) {
        tell_crash(d, p, status);
    }
    const json_t *document = json_object_get(p->end, "document");
    if (strcmp(p->job, "watch") == 0) {
        bool good = strcmp(end_text(p, "status"), "done") == 0;
        daemon_take_status(d, good && json_is_object(document) ? document : NULL,
                           p->end ? end_text(p, "error") : "the process that looks crashed");
        return;
    }
    if (strcmp(p->job, "plan") == 0) {
        daemon_take_plan(d, json_is_object(document) ? document : NULL, end_text(p, "status"),
                         p->end ? end_text(p, "error") : "the process that read it crashed");
        return;
    }
    if (p->kind == DAEMON_KINDS) { /* it told of another's end; its own was told */
        return;
    }
    tell_end(d, p);
    daemon_watch_soon(d);
    if (!p->end && !d->stopping) {
        report_crash(d, p);
    }
    daemon_scheduler_ended(&d->scheduler, p->pipeline, p->kind, daemon_now(d), meaning(d, p));
    daemon_remember(d);
}

void daemon_attend(struct daemon *d)
{
    for (size_t i = 0; i < d->job_count;) {
        struct daemon_job_process *p = d->jobs[i];
        struct hearing h = {d, p};
        int status = 0;
        /* the order matters: what it wrote before its end is there when that is seen */
        bool ended = daemon_child_ended(&p->child, &status);
        daemon_child_read_output(&p->child, on_output, &h);
        daemon_child_read_events(&p->child, on_event, &h);
        if (!ended) {
            i++;
            continue;
        }
        d->jobs[i] = d->jobs[--d->job_count];
        see_to_end(d, p, status);
        free_process(p);
    }
}

/* ---- its beginning ---- */

static bool start(struct daemon *d, const char *job, const char *pipeline, enum daemon_kind kind)
{
    const struct daemon_settings *s = d->settings;
    const char *argv[9] = {"hangar"}, *program = s->program ? s->program : "/proc/self/exe";
    size_t n = 1;
    struct daemon_job_process *p = calloc(1, sizeof(*p));

    if (s->config_file) {
        argv[n++] = "-c";
        argv[n++] = s->config_file;
    }
    if (s->verbose) {
        argv[n++] = "-v";
    }
    argv[n++] = "run-job";
    argv[n++] = job;
    argv[n++] = pipeline;
    if (!p) {
        return false;
    }
    *p = (struct daemon_job_process){.child = {.events = {.fd = -1}, .output = {.fd = -1}},
                                     .job = job,
                                     .pipeline = pipeline ? strdup(pipeline) : NULL,
                                     .kind = kind,
                                     .started_ms = daemon_now(d)};
    int why = pipeline && !p->pipeline ? ENOMEM : daemon_child_start(&p->child, program, argv);
    if (why != 0) {
        char text[160];
        snprintf(text, sizeof(text), "cannot start a process: %s", strerror(why));
        tell(d, p, DAEMON_ERROR, "job.crashed", text);
        free_process(p);
        return false;
    }
    d->jobs[d->job_count++] = p;
    if (kind != DAEMON_KINDS) {
        char text[160];
        snprintf(text, sizeof(text), "%s of pipeline %s begins", job, pipeline);
        tell(d, p, DAEMON_INFO, "job.start", text);
        daemon_watch_soon(d);
    }
    return true;
}

void daemon_start_plan(struct daemon *d)
{
    d->reload = false;
    if (!start(d, "plan", NULL, DAEMON_KINDS)) {
        daemon_take_plan(d, NULL, "failed", "cannot start the process that reads it");
    }
}

void daemon_start_watch(struct daemon *d)
{
    start(d, "watch", NULL, DAEMON_KINDS); /* when it cannot, that is told, and tried again */
}

bool daemon_is_running(const struct daemon *d, const char *job)
{
    for (size_t i = 0; i < d->job_count; i++) {
        if (strcmp(d->jobs[i]->job, job) == 0) {
            return true;
        }
    }
    return false;
}

void daemon_start_due(struct daemon *d)
{
    struct daemon_schedule *s;

    while ((s = daemon_scheduler_next(&d->scheduler, daemon_now(d)))) {
        const struct daemon_pipeline *p = &d->plan->pipelines[s->pipeline];
        if (!daemon_scheduler_started(&d->scheduler, s, daemon_now(d))) {
            return;
        }
        /* first remembered, then done: a run that is cut off is known to have begun */
        daemon_remember(d);
        if (!start(d, daemon_kind_names[s->kind], p->name, s->kind)) {
            daemon_scheduler_ended(&d->scheduler, p->name, s->kind, daemon_now(d), DAEMON_HELD);
        }
    }
}

void daemon_signal_all(struct daemon *d, int number)
{
    for (size_t i = 0; i < d->job_count; i++) {
        daemon_child_signal(&d->jobs[i]->child, number);
    }
}

int64_t daemon_tell_slow(struct daemon *d)
{
    int64_t now = daemon_now(d), wake = INT64_MAX;

    for (size_t i = 0; d->plan && i < d->job_count; i++) {
        struct daemon_job_process *p = d->jobs[i];
        const struct daemon_pipeline *pipeline = daemon_plan_pipeline(d->plan, p->pipeline);
        if (!pipeline || pipeline->max_duration_ms == 0 || p->told_slow) {
            continue;
        }
        int64_t at = p->started_ms + pipeline->max_duration_ms;
        if (now >= at) {
            struct daemon_event event =
                about(d, p, DAEMON_WARNING, "job.slow", "it takes longer than max_duration");
            event.duration_ms = now - p->started_ms;
            p->told_slow = true;
            daemon_tell(&d->listeners, &event);
        } else if (at < wake) {
            wake = at;
        }
    }
    return wake;
}
