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
    LATE_MS = 5 * MINUTE_MS,        /* due longer than this: no daemon ran at that time */
    CLOCK_BACK_MS = 60 * MINUTE_MS, /* when the clock is set back by more, follow it */
    RETRY_MS = 30000,               /* between two attempts at a locked pipeline */
    LOST_MAX = 3
};

static const struct daemon_pipeline *schedule_pipeline_of(const struct daemon_scheduler *s,
                                                          const struct daemon_schedule *schedule)
{
    return &s->plan->pipelines[schedule->pipeline];
}

static void schedule_report(const struct daemon_scheduler *s,
                            const struct daemon_schedule *schedule, enum daemon_level level,
                            const char *name, const char *message)
{
    s->report(s->arg, s->plan, schedule, level, name, message);
}

void daemon_scheduler_free(struct daemon_scheduler *s)
{
    while (s->busy_count > 0) {
        free(s->busy[--s->busy_count].pipeline);
    }
}

static void schedule_set_due(const struct daemon_scheduler *s, struct daemon_schedule *schedule)
{
    int64_t next = hangar_next_time(schedule->cron, schedule_pipeline_of(s, schedule)->timezone,
                                    schedule->last_ms);

    schedule->due_ms = next < 0 ? INT64_MAX : next + schedule->spread_ms;
}

static void schedule_set_pending(struct daemon_schedule *schedule)
{
    schedule->pending = true;
    schedule->not_before_ms = 0;
}

/* The history has a final record of the run: it ended after the daemon did. */
static bool schedule_has_ended(const struct daemon_pipeline *p,
                               const struct daemon_schedule *schedule)
{
    return schedule->kind == DAEMON_BACKUP && schedule->run[0] && p->last_run &&
           strcmp(p->last_run, schedule->run) == 0 && p->last_status &&
           strcmp(p->last_status, "interrupted") != 0;
}

/* Handles a job during which an earlier daemon stopped. */
static void schedule_recover(struct daemon_scheduler *s, struct daemon_schedule *schedule)
{
    const struct daemon_pipeline *p = schedule_pipeline_of(s, schedule);

    schedule->started_ms = -1;
    if (schedule_has_ended(p, schedule)) {
        schedule->lost = 0;
    } else if (!p->catch_up) {
        schedule_report(
            s, schedule, DAEMON_WARNING, "job.lost",
            "the daemon stopped during the job; the job is not repeated (catch_up is false)");
    } else if (++schedule->lost > LOST_MAX) {
        schedule->lost = 0;
        schedule_report(
            s, schedule, DAEMON_ERROR, "job.lost",
            "the daemon stopped during the job too often; the job is not repeated (limit 3)");
    } else {
        schedule_report(s, schedule, DAEMON_WARNING, "job.lost",
                        "the daemon stopped during the job; the job is repeated");
        schedule_set_pending(schedule);
    }
    schedule->run[0] = '\0';
}

/* The entry of a job; NULL: it does not run. */
static struct daemon_running_job *schedule_find_busy(struct daemon_scheduler *s,
                                                     const char *pipeline, enum daemon_kind kind)
{
    for (size_t i = 0; i < s->busy_count; i++) {
        if (s->busy[i].kind == kind && strcmp(s->busy[i].pipeline, pipeline) == 0) {
            return &s->busy[i];
        }
    }
    return NULL;
}

bool daemon_scheduler_retries(const struct daemon_scheduler *s,
                              const struct daemon_schedule *schedule, int64_t now_ms)
{
    const struct daemon_pipeline *p = schedule_pipeline_of(s, schedule);

    return schedule->kind == DAEMON_BACKUP && schedule->tries < (uint64_t)p->retry_times &&
           now_ms + p->retry_after_ms < schedule->due_ms;
}

static void schedule_end_tries(struct daemon_schedule *schedule)
{
    schedule->tries = 0;
    schedule->retry_ms = 0;
    schedule->not_before_ms = 0;
}

/* The job failed, and waits for its next try. */
static void schedule_retry(struct daemon_scheduler *s, struct daemon_schedule *schedule,
                           int64_t now_ms)
{
    const struct daemon_pipeline *p = schedule_pipeline_of(s, schedule);

    schedule->tries++;
    schedule->retry_ms = now_ms + p->retry_after_ms;
    char text[160];
    snprintf(text, sizeof(text), "the job failed; it is tried again in %lld s (retry %u of %lld)",
             (long long)p->retry_after_ms / 1000, schedule->tries, (long long)p->retry_times);
    schedule_report(s, schedule, DAEMON_WARNING, "schedule.retry", text);
    schedule_set_pending(schedule);
    schedule->not_before_ms = schedule->retry_ms;
}

/* Continues the tries that an earlier daemon, or an earlier plan, began. */
static void schedule_resume_retry(struct daemon_scheduler *s, struct daemon_schedule *schedule,
                                  int64_t now_ms)
{
    const struct daemon_pipeline *p = schedule_pipeline_of(s, schedule);

    if (!schedule->retry_ms || schedule->running || schedule->pending) {
        return;
    }
    if (schedule->tries > (uint64_t)p->retry_times) {
        schedule_end_tries(schedule);
    } else if (!p->catch_up && now_ms - schedule->retry_ms > LATE_MS) {
        schedule_report(s, schedule, DAEMON_WARNING, "schedule.missed",
                        "a retry of the job was due while no daemon ran; it is not started "
                        "(catch_up is false)");
        schedule_end_tries(schedule);
    } else {
        schedule_set_pending(schedule);
        schedule->not_before_ms = schedule->retry_ms;
    }
}

void daemon_scheduler_set_plan(struct daemon_scheduler *s, struct daemon_plan *plan, int64_t now_ms)
{
    s->plan = plan;
    for (size_t i = 0; i < plan->schedule_count; i++) {
        struct daemon_schedule *schedule = &plan->schedules[i];
        schedule->running =
            schedule_find_busy(s, schedule_pipeline_of(s, schedule)->name, schedule->kind) != NULL;
        if (schedule->last_ms < 0) { /* a new schedule starts with its next time */
            schedule->last_ms = now_ms;
        }
        if (schedule->started_ms >= 0 && !schedule->running) {
            schedule_recover(s, schedule);
        }
        schedule_set_due(s, schedule);
        schedule_resume_retry(s, schedule, now_ms);
    }
}

/* The job is due: starts now, or is missed. */
static void schedule_come_due(struct daemon_scheduler *s, struct daemon_schedule *schedule,
                              int64_t now_ms)
{
    bool late = now_ms - schedule->due_ms > LATE_MS && s->updated_ms < schedule->due_ms;

    if (late && !schedule_pipeline_of(s, schedule)->catch_up) {
        schedule_report(
            s, schedule, DAEMON_WARNING, "schedule.missed",
            "the job was due while no daemon ran; it is not started (catch_up is false)");
        schedule->last_ms = now_ms;
        schedule_set_due(s, schedule);
        return;
    }
    if (late) {
        schedule_report(s, schedule, DAEMON_INFO, "schedule.late",
                        "the job was due while no daemon ran; it is started now");
    }
    schedule_set_pending(schedule);
}

void daemon_scheduler_update(struct daemon_scheduler *s, int64_t now_ms)
{
    for (size_t i = 0; s->plan && i < s->plan->schedule_count; i++) {
        struct daemon_schedule *schedule = &s->plan->schedules[i];
        if (schedule->last_ms - now_ms > CLOCK_BACK_MS) {
            schedule_report(s, schedule, DAEMON_WARNING, "schedule.clock",
                            "the clock was set back; the schedule continues from the current time");
            schedule->last_ms = now_ms;
            schedule_set_due(s, schedule);
        }
        const int64_t after_ms = schedule_pipeline_of(s, schedule)->retry_after_ms;
        if (schedule->retry_ms && now_ms >= schedule->due_ms) {
            schedule_end_tries(schedule); /* the schedule comes first */
            schedule->pending = false;
        } else if (schedule->retry_ms - now_ms > after_ms + CLOCK_BACK_MS) {
            schedule->not_before_ms = schedule->retry_ms = now_ms + after_ms;
        }
        if (!schedule->running && !schedule->pending && now_ms >= schedule->due_ms) {
            schedule_come_due(s, schedule, now_ms);
        }
    }
    s->updated_ms = now_ms;
}

static bool schedule_is_busy(const struct daemon_scheduler *s, const char *pipeline)
{
    for (size_t i = 0; i < s->busy_count; i++) {
        if (strcmp(s->busy[i].pipeline, pipeline) == 0) {
            return true;
        }
    }
    return false;
}

static bool schedule_window_is_open(const struct daemon_pipeline *p, int64_t now_ms)
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
        s->busy_count >= DAEMON_JOBS_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < s->plan->schedule_count; i++) {
        struct daemon_schedule *schedule = &s->plan->schedules[i];
        const struct daemon_pipeline *p = schedule_pipeline_of(s, schedule);
        if (schedule->pending && now_ms >= schedule->not_before_ms &&
            (!best || schedule->due_ms < best->due_ms) && !schedule_is_busy(s, p->name) &&
            schedule_window_is_open(p, now_ms)) {
            best = schedule;
        }
    }
    return best;
}

bool daemon_scheduler_started(struct daemon_scheduler *s, struct daemon_schedule *schedule,
                              int64_t now_ms)
{
    char *name = strdup(schedule_pipeline_of(s, schedule)->name);

    if (!name) {
        return false;
    }
    s->busy[s->busy_count++] = (struct daemon_running_job){name, schedule->kind};
    schedule->running = true;
    schedule->pending = false;
    schedule->retry_ms = 0;
    schedule->started_ms = now_ms;
    schedule->last_ms = now_ms > schedule->last_ms ? now_ms : schedule->last_ms;
    schedule->run[0] = '\0';
    schedule_set_due(s, schedule);
    return true;
}

static void schedule_remove_busy(struct daemon_scheduler *s, const char *pipeline,
                                 enum daemon_kind kind)
{
    struct daemon_running_job *busy = schedule_find_busy(s, pipeline, kind);

    if (busy) {
        free(busy->pipeline);
        *busy = s->busy[--s->busy_count];
    }
}

void daemon_scheduler_ended(struct daemon_scheduler *s, const char *pipeline, enum daemon_kind kind,
                            int64_t now_ms, enum daemon_end end)
{
    struct daemon_schedule *schedule = s->plan ? daemon_plan_find(s->plan, pipeline, kind) : NULL;

    schedule_remove_busy(s, pipeline, kind);
    if (!schedule) { /* the new configuration does not have this job */
        return;
    }
    schedule->running = false;
    if (end == DAEMON_END_STOPPED) {
        return; /* started_ms stays, for the next daemon */
    }
    if (end == DAEMON_END_BUSY) {
        if (!schedule->not_before_ms) {
            schedule_report(
                s, schedule, DAEMON_INFO, "schedule.waiting",
                "another process has locked the pipeline; the job is tried again every 30 s");
        }
        schedule_set_pending(schedule);
        schedule->not_before_ms = now_ms + RETRY_MS;
        return;
    }
    schedule->started_ms = -1;
    schedule->run[0] = '\0';
    schedule->lost = 0;
    if (end == DAEMON_END_RETRY && daemon_scheduler_retries(s, schedule, now_ms)) {
        schedule_retry(s, schedule, now_ms);
        return;
    }
    schedule_end_tries(schedule);
    if (schedule->due_ms <= now_ms) {
        schedule_report(s, schedule, DAEMON_WARNING, "schedule.skipped",
                        "the job was due again while it ran; that time is skipped");
        schedule->last_ms = now_ms;
    }
    schedule_set_due(s, schedule);
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
        } else if (schedule->pending && schedule_pipeline_of(s, schedule)->windows[0]) {
            at = now_ms - now_ms % MINUTE_MS + MINUTE_MS; /* windows start at full minutes */
        }
        wake = at < wake ? at : wake;
    }
    return wake;
}
