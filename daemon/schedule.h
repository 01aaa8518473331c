/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * schedule: decides which job is started when.  Pure: the caller passes the time, and
 * starts, reads and writes everything.
 *
 *     set_plan ──► ( update ──► next ──► started ... ended )* ──► set_plan
 *
 * A schedule is due at the first time of its cron after `last_ms`, plus its part of the
 * jitter.  Then it is pending until no other job of its pipeline runs, fewer than max_jobs
 * jobs run, and a window is open.  A time that comes while the job runs is skipped.  Times
 * that came while no daemon ran start the job once, or not at all (catch_up).  A job during
 * which the daemon stopped is repeated, at most three times.  A backup that failed is tried
 * again as configured by `retry`, unless the next time of the schedule comes first.
 */
#ifndef DAEMON_SCHEDULE_H
#define DAEMON_SCHEDULE_H

#include "event.h"
#include "plan.h"

#define DAEMON_JOBS_MAX 64

/* Reports an event of a schedule; `name` as in event.h. */
typedef void daemon_schedule_report(void *arg, const struct daemon_plan *plan,
                                    const struct daemon_schedule *schedule, enum daemon_level level,
                                    const char *name, const char *message);

/* Zeroed, with report and arg set. */
struct daemon_scheduler {
    struct daemon_plan *plan; /* owned by the caller */
    int64_t updated_ms;       /* the last update; 0: none */
    daemon_schedule_report *report;
    void *arg;
    struct daemon_running_job {
        char *pipeline;
        enum daemon_kind kind;
    } busy[DAEMON_JOBS_MAX]; /* the jobs that run */
    size_t busy_count;
};

void daemon_scheduler_free(struct daemon_scheduler *s); /* not the plan */

/* Uses this plan from now on.  The caller has applied the state to its schedules; that of
 * an earlier daemon may contain jobs which it did not finish. */
void daemon_scheduler_set_plan(struct daemon_scheduler *s, struct daemon_plan *plan,
                               int64_t now_ms);

/* Marks the schedules that are due as pending. */
void daemon_scheduler_update(struct daemon_scheduler *s, int64_t now_ms);

/* True when a failure of the schedule at this time is followed by another try. */
bool daemon_scheduler_retries(const struct daemon_scheduler *s,
                              const struct daemon_schedule *schedule, int64_t now_ms);

/* The pending job to start now, the one that is due longest; NULL: none. */
struct daemon_schedule *daemon_scheduler_next(struct daemon_scheduler *s, int64_t now_ms);

/* The job is about to start; the caller records that before it does.  False when out of
 * memory. */
bool daemon_scheduler_started(struct daemon_scheduler *s, struct daemon_schedule *schedule,
                              int64_t now_ms);

enum daemon_end {
    DAEMON_END_FINAL,  /* with success or not: the job is not repeated */
    DAEMON_END_BUSY,   /* another process has locked the pipeline: the job is tried again */
    DAEMON_END_RETRY,  /* failed: the job is tried again if daemon_scheduler_retries returns true */
    DAEMON_END_STOPPED /* stopped with the daemon: the next daemon repeats the job */
};
void daemon_scheduler_ended(struct daemon_scheduler *s, const char *pipeline, enum daemon_kind kind,
                            int64_t now_ms, enum daemon_end end);

/* When to call update again, unless a job ends before. */
int64_t daemon_scheduler_wake(const struct daemon_scheduler *s, int64_t now_ms);

#endif
