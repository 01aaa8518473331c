/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * life: the daemon's one struct, and what its parts do with it.  Everything happens in
 * one thread: it waits for signals, for lines of jobs and for the time, and nothing
 * else it does can take long.
 */
#ifndef DAEMON_LIFE_H
#define DAEMON_LIFE_H

#include "child.h"
#include "daemon.h"
#include "event.h"
#include "schedule.h"

/* A process that runs. */
struct daemon_job_process {
    struct daemon_child child;
    const char *job; /* "plan", or a name of daemon_kind_names */
    char *pipeline;  /* NULL: plan */
    enum daemon_kind kind;
    int64_t started_ms;
    char run[DAEMON_RUN_SIZE];
    bool told_slow;
    json_t *end; /* what it said at its end; NULL: nothing */
};

struct daemon {
    const struct daemon_settings *settings;
    struct daemon_listeners listeners;
    struct daemon_scheduler scheduler;
    struct daemon_plan *plan;                             /* NULL until the first is there */
    struct daemon_job_process *jobs[DAEMON_MAX_JOBS + 1]; /* one for the plan */
    size_t job_count;
    int signals, lock; /* descriptors */
    bool reload;       /* asked for, and not begun */
    int plan_crashes;  /* of processes that read the first configuration */
    bool stopping, over;
    int64_t kill_at_ms; /* while stopping: of the monotonic clock */
    int result;         /* the exit status */
};

int64_t daemon_now(const struct daemon *d);
int64_t daemon_monotonic_ms(void);

/* Tells an event of the daemon itself. */
void daemon_say(struct daemon *d, enum daemon_level level, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- the processes (jobs.c) ---- */

/* Starts what is due, as far as it may run now. */
void daemon_start_due(struct daemon *d);

/* Asks a process what the configuration wants; one at a time. */
void daemon_start_plan(struct daemon *d);
bool daemon_is_planning(const struct daemon *d);

/* Reads what processes wrote, and sees to those that ended. */
void daemon_attend(struct daemon *d);

void daemon_signal_all(struct daemon *d, int number);

/* Events of jobs that take longer than they should; when the next one would. */
int64_t daemon_tell_slow(struct daemon *d);

/* ---- the plan (plans.c) ---- */

/* A process has told the plan, or why there is none (document NULL). */
void daemon_take_plan(struct daemon *d, const json_t *document, const char *status,
                      const char *error);

/* Writes the state; that it cannot be is told, and nothing else is changed by it. */
void daemon_remember(struct daemon *d);

#endif
