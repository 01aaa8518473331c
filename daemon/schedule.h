/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * schedule: which job is to be started when.  Pure: the time is told, nothing is
 * started, read or written here.
 *
 *     take a plan ──► ( look ──► next ──► started ... ended )* ──► take another
 *
 * A schedule is due at the first time that its cron names after `last_ms`, and the
 * spread of its jitter later.  It is then pending until no other job of its pipeline
 * runs, fewer than max_jobs run in all, and a window is open.  What comes due while it
 * runs is skipped; what came due while nobody looked is run once, or not at all
 * (catch_up).  A run that was cut off with the daemon is repeated, three times at most.
 */
#ifndef DAEMON_SCHEDULE_H
#define DAEMON_SCHEDULE_H

#include "event.h"
#include "plan.h"

#define DAEMON_MAX_JOBS 64

/* Something to tell about a schedule; `name` as in event.h. */
typedef void daemon_note(void *arg, const struct daemon_plan *plan,
                         const struct daemon_schedule *schedule, enum daemon_level level,
                         const char *name, const char *message);

/* Zero it but for note and arg. */
struct daemon_scheduler {
    struct daemon_plan *plan; /* the caller's */
    int64_t looked_ms;        /* when it last looked; 0: never */
    daemon_note *note;
    void *arg;
    struct daemon_busy {
        char *pipeline;
        enum daemon_kind kind;
    } busy[DAEMON_MAX_JOBS]; /* the jobs that run */
    size_t busy_count;
};

void daemon_scheduler_free(struct daemon_scheduler *s); /* not the plan */

/* Goes by this plan from now on.  What it remembers has been set in its schedules; the
 * first plan of a process may have runs that were cut off. */
void daemon_scheduler_take(struct daemon_scheduler *s, struct daemon_plan *plan, int64_t now_ms);

/* Finds what is due. */
void daemon_scheduler_look(struct daemon_scheduler *s, int64_t now_ms);

/* What is to be started now, the longest due first; NULL: nothing. */
struct daemon_schedule *daemon_scheduler_next(struct daemon_scheduler *s, int64_t now_ms);

/* It is about to be started: to be remembered before it is.  False when out of memory. */
bool daemon_scheduler_started(struct daemon_scheduler *s, struct daemon_schedule *schedule,
                              int64_t now_ms);

enum daemon_end {
    DAEMON_ENDED, /* well or not: it has had its run */
    DAEMON_HELD,  /* another process has the pipeline: it is tried again */
    DAEMON_CUT    /* it was stopped with the daemon: it is repeated by the next one */
};
void daemon_scheduler_ended(struct daemon_scheduler *s, const char *pipeline, enum daemon_kind kind,
                            int64_t now_ms, enum daemon_end end);

/* When to look again, if nothing happens before. */
int64_t daemon_scheduler_wake(const struct daemon_scheduler *s, int64_t now_ms);

#endif
