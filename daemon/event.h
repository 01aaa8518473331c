/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * event: what happens in the daemon and in its jobs.  Each listener, such as the log,
 * gets each event as one struct, in the order in which they happen, in the daemon's
 * only thread.
 */
#ifndef DAEMON_EVENT_H
#define DAEMON_EVENT_H

#include <stddef.h>
#include <stdint.h>

enum daemon_level { DAEMON_ERROR, DAEMON_WARNING, DAEMON_INFO, DAEMON_DEBUG };

/*
 * Names of the daemon's own events:
 *     daemon.start daemon.ready daemon.stop daemon.stopped
 *     daemon.failed         the daemon cannot run, and ends
 *     daemon.reload daemon.reload_failed
 *     daemon.idle           no pipeline has a schedule
 *     daemon.state          the state folder cannot be used
 *     job.start             a process was started for a job
 *     job.end               the job has ended: `status`, `duration_ms`
 *     job.crashed           its process ended without a result; job.end follows
 *     job.output            a line that its process printed
 *     job.slow              the job runs longer than max_duration
 *     job.lost              the daemon stopped during the job
 *     schedule.next         when the job is due next
 *     schedule.late         the job was due while no daemon ran, and is started now
 *     schedule.missed       the job was due while no daemon ran, and is not started
 *     schedule.skipped      the job was due again while it ran
 *     schedule.retry        the job failed, and is tried again
 *     schedule.waiting      another process has locked the pipeline
 *     schedule.clock        the clock was set back
 *     watch.failed          the sinks cannot be read
 *     http.listen http.failed
 * All others come from the library, in the job: backup.start, backup.done, prune.done...
 */
struct daemon_event {
    int64_t time_ms;
    enum daemon_level level;
    const char *name;     /* NULL: a log line of the library without a name */
    const char *pipeline; /* or NULL */
    const char *job;      /* "backup", "verify", "drill", "plan", or NULL */
    const char *run;      /* the id of the run, or NULL */
    const char *status;   /* of job.end: "done", "failed"... as in docs/json.md; else NULL */
    int64_t duration_ms;  /* -1: none */
    const char *message;
};

/* What an event points to lives until the listener returns. */
typedef void daemon_listener(void *arg, const struct daemon_event *event);

/* Zeroed: no listener.  Listeners are added at the start and never removed. */
struct daemon_listeners {
    struct daemon_listener_entry {
        daemon_listener *notify;
        void *arg;
    } items[8];
    size_t count;
};

void daemon_listeners_add(struct daemon_listeners *listeners, daemon_listener *notify, void *arg);
void daemon_listeners_notify(const struct daemon_listeners *listeners,
                             const struct daemon_event *event);

#endif
