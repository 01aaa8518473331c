/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * schedule: see schedule.h.
 */
#include "schedule.h"

#include <hangar/hangar.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MINUTE_MS = 60000,
    LATE_MS = 5 * MINUTE_MS,        /* what is due longer was not looked at in time */
    CLOCK_BACK_MS = 60 * MINUTE_MS, /* a clock put back by more is believed */
    HELD_MS = 30000,                /* between two tries at a pipeline that is held */
    MAX_LOST = 3
};

static const struct daemon_pipeline *pipeline_of(const struct daemon_scheduler *s,
                                                 const struct daemon_schedule *schedule)
{
    return &s->plan->pipelines[schedule->pipeline];
}

static void note(const struct daemon_scheduler *s, const struct daemon_schedule *schedule,
                 enum daemon_level level, const char *name, const char *message)
{
    s->note(s->arg, s->plan, schedule, level, name, message);
}

void daemon_scheduler_free(struct daemon_scheduler *s)
{
    while (s->busy_count > 0) {
        free(s->busy[--s->busy_count].pipeline);
    }
}

static void set_due(const struct daemon_scheduler *s, struct daemon_schedule *schedule)
{
    int64_t next =
        hangar_next_time(schedule->cron, pipeline_of(s, schedule)->timezone, schedule->last_ms);

    schedule->due_ms = next < 0 ? INT64_MAX : next + schedule->spread_ms;
}

static void set_pending(struct daemon_schedule *schedule)
{
    schedule->pending = true;
    schedule->not_before_ms = 0;
}

/* The history knows the run: it came to its end, though nobody was there to see it. */
static bool has_ended(const struct daemon_pipeline *p, const struct daemon_schedule *schedule)
{
    return schedule->kind == DAEMON_BACKUP && schedule->run[0] && p->last_run &&
           strcmp(p->last_run, schedule->run) == 0 && p->last_status &&
           strcmp(p->last_status, "interrupted") != 0;
}

/* A run began, and the daemon that began it is gone. */
static void recover(struct daemon_scheduler *s, struct daemon_schedule *schedule)
{
    const struct daemon_pipeline *p = pipeline_of(s, schedule);

    schedule->started_ms = -1;
    if (has_ended(p, schedule)) {
        schedule->lost = 0;
    } else if (!p->catch_up) {
        note(s, schedule, DAEMON_WARNING, "job.lost",
             "it was cut off with the daemon, and is not repeated, as catch_up is false");
    } else if (++schedule->lost > MAX_LOST) {
        schedule->lost = 0;
        note(s, schedule, DAEMON_ERROR, "job.lost",
             "it was cut off with the daemon again and again, and is not repeated any more");
    } else {
        note(s, schedule, DAEMON_WARNING, "job.lost",
             "it was cut off with the daemon, and is run again");
        set_pending(schedule);
    }
    schedule->run[0] = '\0';
}

static bool is_running(const struct daemon_scheduler *s, const char *pipeline,
                       enum daemon_kind kind)
{
    for (size_t i = 0; i < s->busy_count; i++) {
        if (s->busy[i].kind == kind && strcmp(s->busy[i].pipeline, pipeline) == 0) {
            return true;
        }
    }
    return false;
}

void daemon_scheduler_take(struct daemon_scheduler *s, struct daemon_plan *plan, int64_t now_ms)
{
    s->plan = plan;
    for (size_t i = 0; i < plan->schedule_count; i++) {
        struct daemon_schedule *schedule = &plan->schedules[i];
        schedule->running = is_running(s, pipeline_of(s, schedule)->name, schedule->kind);
        if (schedule->last_ms < 0) { /* what is new begins with its next time */
            schedule->last_ms = now_ms;
        }
        if (schedule->started_ms >= 0 && !schedule->running) {
            recover(s, schedule);
        }
        set_due(s, schedule);
    }
}

/* One that has come due: run now, or too late for that. */
static void come_due(struct daemon_scheduler *s, struct daemon_schedule *schedule, int64_t now_ms)
{
    bool late = now_ms - schedule->due_ms > LATE_MS && s->looked_ms < schedule->due_ms;

    if (late && !pipeline_of(s, schedule)->catch_up) {
        note(s, schedule, DAEMON_WARNING, "schedule.missed",
             "it was due while no daemon ran, and is not caught up");
        schedule->last_ms = now_ms;
        set_due(s, schedule);
        return;
    }
    if (late) {
        note(s, schedule, DAEMON_INFO, "schedule.late",
             "it was due while no daemon ran, and is caught up now");
    }
    set_pending(schedule);
}

void daemon_scheduler_look(struct daemon_scheduler *s, int64_t now_ms)
{
    for (size_t i = 0; s->plan && i < s->plan->schedule_count; i++) {
        struct daemon_schedule *schedule = &s->plan->schedules[i];
        if (schedule->last_ms - now_ms > CLOCK_BACK_MS) {
            note(s, schedule, DAEMON_WARNING, "schedule.clock",
                 "the clock was put back: it goes on from now");
            schedule->last_ms = now_ms;
            set_due(s, schedule);
        }
        if (!schedule->running && !schedule->pending && now_ms >= schedule->due_ms) {
            come_due(s, schedule, now_ms);
        }
    }
    s->looked_ms = now_ms;
}

static bool is_busy(const struct daemon_scheduler *s, const char *pipeline)
{
    for (size_t i = 0; i < s->busy_count; i++) {
        if (strcmp(s->busy[i].pipeline, pipeline) == 0) {
            return true;
        }
    }
    return false;
}

static bool window_is_open(const struct daemon_pipeline *p, int64_t now_ms)
{
    for (size_t i = 0; p->windows[i]; i++) {
        if (hangar_in_window(p->windows[i], p->timezone, now_ms)) {
            return true;
        }
    }
    return !p->windows[0];
}

struct daemon_schedule *daemon_scheduler_next(struct daemon_scheduler *s, int64_t now_ms)
{
    struct daemon_schedule *best = NULL;

    if (!s->plan || s->busy_count >= (size_t)s->plan->max_jobs ||
        s->busy_count >= DAEMON_MAX_JOBS) {
        return NULL;
    }
    for (size_t i = 0; i < s->plan->schedule_count; i++) {
        struct daemon_schedule *schedule = &s->plan->schedules[i];
        const struct daemon_pipeline *p = pipeline_of(s, schedule);
        if (schedule->pending && now_ms >= schedule->not_before_ms &&
            (!best || schedule->due_ms < best->due_ms) && !is_busy(s, p->name) &&
            window_is_open(p, now_ms)) {
            best = schedule;
        }
    }
    return best;
}

bool daemon_scheduler_started(struct daemon_scheduler *s, struct daemon_schedule *schedule,
                              int64_t now_ms)
{
    char *name = strdup(pipeline_of(s, schedule)->name);

    if (!name) {
        return false;
    }
    s->busy[s->busy_count++] = (struct daemon_busy){name, schedule->kind};
    schedule->running = true;
    schedule->pending = false;
    schedule->started_ms = now_ms;
    schedule->last_ms = now_ms > schedule->last_ms ? now_ms : schedule->last_ms;
    schedule->run[0] = '\0';
    set_due(s, schedule);
    return true;
}

static void remove_busy(struct daemon_scheduler *s, const char *pipeline, enum daemon_kind kind)
{
    for (size_t i = 0; i < s->busy_count; i++) {
        if (s->busy[i].kind == kind && strcmp(s->busy[i].pipeline, pipeline) == 0) {
            free(s->busy[i].pipeline);
            s->busy[i] = s->busy[--s->busy_count];
            return;
        }
    }
}

void daemon_scheduler_ended(struct daemon_scheduler *s, const char *pipeline, enum daemon_kind kind,
                            int64_t now_ms, enum daemon_end end)
{
    struct daemon_schedule *schedule =
        s->plan ? daemon_plan_find(s->plan, pipeline, daemon_kind_names[kind]) : NULL;

    remove_busy(s, pipeline, kind);
    if (!schedule) { /* a new configuration does not have it any more */
        return;
    }
    schedule->running = false;
    if (end == DAEMON_CUT) {
        return; /* started_ms stays: the next daemon sees it */
    }
    if (end == DAEMON_HELD) {
        if (!schedule->not_before_ms) {
            note(s, schedule, DAEMON_INFO, "schedule.waiting",
                 "another process has the pipeline; it is tried again each half minute");
        }
        set_pending(schedule);
        schedule->not_before_ms = now_ms + HELD_MS;
        return;
    }
    schedule->not_before_ms = 0;
    schedule->started_ms = -1;
    schedule->run[0] = '\0';
    schedule->lost = 0;
    if (schedule->due_ms <= now_ms) {
        note(s, schedule, DAEMON_WARNING, "schedule.skipped",
             "it was due again while it ran; that time is left out");
        schedule->last_ms = now_ms;
    }
    set_due(s, schedule);
}

int64_t daemon_scheduler_wake(const struct daemon_scheduler *s, int64_t now_ms)
{
    int64_t wake = INT64_MAX;

    for (size_t i = 0; s->plan && i < s->plan->schedule_count; i++) {
        const struct daemon_schedule *schedule = &s->plan->schedules[i];
        int64_t at = INT64_MAX;
        if (!schedule->pending && !schedule->running) {
            at = schedule->due_ms;
        } else if (schedule->pending && schedule->not_before_ms > now_ms) {
            at = schedule->not_before_ms;
        } else if (schedule->pending && s->plan->pipelines[schedule->pipeline].windows[0]) {
            at = now_ms - now_ms % MINUTE_MS + MINUTE_MS; /* windows begin on full minutes */
        }
        wake = at < wake ? at : wake;
    }
    return wake;
}
