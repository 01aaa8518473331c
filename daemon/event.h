/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * event: what happens in the daemon and in its jobs.  Whoever wants to know (the log,
 * and what else listens) gets each as one struct, in the order of happening, in the
 * daemon's only thread.
 */
#ifndef DAEMON_EVENT_H
#define DAEMON_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum daemon_level { DAEMON_ERROR, DAEMON_WARNING, DAEMON_INFO, DAEMON_DEBUG };

/*
 * Names that the daemon gives:
 *     daemon.start daemon.ready daemon.stop
 *     daemon.reload daemon.reload_failed
 *     job.start             a process was started for a job
 *     job.end               it has ended: `status`, `document`, `duration_ms`
 *     job.crashed           it ended without saying how; job.end follows
 *     job.output            a line that something in it printed
 *     job.slow              it takes longer than max_duration
 *     job.lost              it was cut off with the daemon before, and is run again
 *     schedule.late         it was due while nobody looked, and is run now
 *     schedule.missed       the same, and it is not run
 *     schedule.skipped      it was due again while it still ran
 *     schedule.waiting      another process has the pipeline; it is tried again
 * All others come from the library, in the job: backup.start, backup.done, prune.done...
 */
struct daemon_event {
    int64_t time_ms;
    enum daemon_level level;
    const char *name;     /* NULL: a line of the library without a name */
    const char *pipeline; /* or NULL */
    const char *job;      /* "backup", "verify", "drill", "plan", or NULL */
    const char *run;      /* the run's id, or NULL */
    const char *status;   /* of job.end: "done", "failed"... as in docs/json.md; else NULL */
    int64_t duration_ms;  /* -1: none */
    const char *message;
    const json_t *document; /* of job.end: what the library answered; or NULL */
};

/* What an event points to lives until the listener returns. */
typedef void daemon_listener(void *arg, const struct daemon_event *event);

/* Those who listen; a table, as there are few and none goes before the end. */
struct daemon_listeners {
    struct daemon_listening {
        daemon_listener *tell;
        void *arg;
    } items[8];
    size_t count;
};

void daemon_listen(struct daemon_listeners *listeners, daemon_listener *tell, void *arg);
void daemon_tell(const struct daemon_listeners *listeners, const struct daemon_event *event);

#endif
