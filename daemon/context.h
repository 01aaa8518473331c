/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * context: the state of a running daemon, which its parts share, and what all of them
 * need.  The daemon has one thread: it waits for signals, for lines of its processes and
 * for the time, and does nothing else that takes long.
 *
 *     daemon.c   the loop
 *       └── job_end.c    what the end of a process means
 *             └── reload.c   reads the configuration and puts its plan in force
 *                   └── watch.c    the state of the sinks, for metrics and alerts
 *                         └── process.c  starts processes and reads what they write
 *                               └── context.c
 */
#ifndef DAEMON_CONTEXT_H
#define DAEMON_CONTEXT_H

#include "event.h"
#include "http.h"
#include "schedule.h"
#include "settings.h"

struct daemon_process;

/* The jobs, the reports of crashes, the plan and the watch. */
#define DAEMON_PROCESSES_MAX (2 * DAEMON_JOBS_MAX + 2)

struct daemon {
    const struct daemon_settings *settings;
    struct daemon_listeners listeners;
    struct daemon_scheduler scheduler;
    struct daemon_plan *plan; /* owned; NULL until the configuration has been read */
    struct daemon_process *processes[DAEMON_PROCESSES_MAX]; /* owned; those that run */
    size_t process_count;
    int signals;              /* descriptor of signalfd, or -1 */
    int lock;                 /* descriptor of the lock of the state folder, or -1 */
    bool reload;              /* the configuration is to be read */
    int plan_crashes;         /* how often the first reading of the configuration crashed */
    bool stopping;            /* jobs were asked to stop */
    bool over;                /* the loop ends */
    int result;               /* the exit status */
    int64_t kill_at_ms;       /* while stopping; of the monotonic clock */
    int64_t watch_at_ms;      /* when the sinks are read next; of the monotonic clock */
    struct daemon_http *http; /* NULL: no metrics are served */
    char *listening;          /* the address of http; NULL: none */
    char *http_host;          /* the name in requests to it; NULL: none */
};

/* The time of the schedules, in ms since 1970; the monotonic clock. */
int64_t daemon_now(const struct daemon *d);
int64_t daemon_monotonic_ms(void);

/* Reports an event of the daemon itself. */
void daemon_report(struct daemon *d, enum daemon_level level, const char *name, const char *fmt,
                   ...) __attribute__((format(printf, 4, 5)));

/* Writes what must survive a restart to the state folder.  A failure is reported. */
void daemon_remember(struct daemon *d);

/* The sinks are read as soon as possible. */
void daemon_request_watch(struct daemon *d);

#endif
