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
#include "http.h"
#include "schedule.h"

/* A process that runs. */
struct daemon_job_process {
    struct daemon_child child;
    const char *job; /* "plan", "watch", or a name of daemon_kind_names */
    char *pipeline;  /* NULL: plan, watch */
    enum daemon_kind kind;
    int64_t started_ms;
    char run[DAEMON_RUN_SIZE];
    bool told_slow;
    json_t *end; /* what it said at its end; NULL: nothing */
};

/* The jobs, reports of crashes, the plan and the watch. */
#define DAEMON_MAX_PROCESSES (2 * DAEMON_MAX_JOBS + 2)

struct daemon {
    const struct daemon_settings *settings;
    struct daemon_listeners listeners;
    struct daemon_scheduler scheduler;
    struct daemon_plan *plan; /* NULL until the first is there */
    struct daemon_job_process *jobs[DAEMON_MAX_PROCESSES];
    size_t job_count;
    int signals, lock; /* descriptors */
    bool reload;       /* asked for, and not begun */
    int plan_crashes;  /* of processes that read the first configuration */
    bool stopping, over;
    int64_t kill_at_ms;  /* while stopping: of the monotonic clock */
    int result;          /* the exit status */
    int64_t watch_at_ms; /* of the monotonic clock */
    struct daemon_http *http;
    char *listening; /* where; NULL: nowhere */
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
bool daemon_is_running(const struct daemon *d, const char *job);
/* The same for a look at all sinks (watch.c says when). */
void daemon_start_watch(struct daemon *d);

/* Reads what processes wrote, and sees to those that ended. */
void daemon_attend(struct daemon *d);

void daemon_signal_all(struct daemon *d, int number);

/* Events of jobs that take longer than they should; when the next one would. */
int64_t daemon_tell_slow(struct daemon *d);

/* ---- what is known of everything (watch.c) ---- */

/* Looks when it is time to; how long until then, in ms of waiting. */
int64_t daemon_watch(struct daemon *d);
void daemon_watch_soon(struct daemon *d);

/* What was found; NULL: nothing, and why. */
void daemon_take_status(struct daemon *d, const json_t *document, const char *error);

/* Listens where the plan says. */
void daemon_listen_http(struct daemon *d);

/* ---- the plan (plans.c) ---- */

/* A process has told the plan, or why there is none (document NULL). */
void daemon_take_plan(struct daemon *d, const json_t *document, const char *status,
                      const char *error);

/* Writes the state; that it cannot be is told, and nothing else is changed by it. */
void daemon_remember(struct daemon *d);

#endif
