/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * process: the processes of the daemon (`hangar run-job`): starts them, reports what they
 * write as events, and detects their end.  What an end means is decided elsewhere.
 */
#ifndef DAEMON_PROCESS_H
#define DAEMON_PROCESS_H

#include "child.h"
#include "context.h"
#include "message.h"

enum daemon_purpose {
    DAEMON_FOR_JOB,    /* runs a job of a schedule */
    DAEMON_FOR_REPORT, /* reports the crash of such a process */
    DAEMON_FOR_PLAN,   /* reads the configuration */
    DAEMON_FOR_WATCH   /* reads the sinks and evaluates the alerts */
};

struct daemon_process {
    struct daemon_child child;
    enum daemon_purpose purpose;
    enum daemon_kind kind; /* of FOR_JOB and FOR_REPORT */
    char *pipeline;        /* of FOR_JOB and FOR_REPORT, else NULL */
    int64_t started_ms;
    int64_t retry_after_ms, retry_within_ms; /* of FOR_JOB, as in hangar_backup_request */
    char run[DAEMON_RUN_SIZE];               /* the id of the run, "" until it is known */
    bool reported_slow;                      /* job.slow was reported */
    int wait_status;                         /* after its end, as waitpid gives it */
    struct daemon_result *result;            /* NULL: none, it has not ended or it crashed */
};

/* False when it cannot be started, which has been reported. */
bool daemon_process_start_job(struct daemon *d, enum daemon_kind kind, const char *pipeline);
bool daemon_process_start_report(struct daemon *d, enum daemon_kind kind, const char *pipeline);
bool daemon_process_start_plan(struct daemon *d);
bool daemon_process_start_watch(struct daemon *d);

bool daemon_process_is_running(const struct daemon *d, enum daemon_purpose purpose);

/* Reads what the processes have written, without waiting, and returns one that has ended;
 * NULL: none has.  The caller owns it. */
struct daemon_process *daemon_process_poll(struct daemon *d);
void daemon_process_free(struct daemon_process *p);

void daemon_process_signal_all(const struct daemon *d, int number);

/* The event of a process, of the current time. */
struct daemon_event daemon_process_event(const struct daemon *d, const struct daemon_process *p,
                                         enum daemon_level level, const char *name,
                                         const char *message);

/* Reports each job that runs longer than max_duration, once.  Returns when the next job
 * will; INT64_MAX: none. */
int64_t daemon_process_report_slow(struct daemon *d);

#endif
