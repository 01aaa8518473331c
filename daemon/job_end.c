/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * job_end: see job_end.h.
 */
#include "job_end.h"

#include <hangar/hangar.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "process.h"
#include "reload.h"
#include "watch.h"

/* The process gave no result: what waitpid reported. */
static void job_report_crash(struct daemon *d, const struct daemon_process *p)
{
    char text[160];

    if (WIFSIGNALED(p->wait_status)) {
        int number = WTERMSIG(p->wait_status);
        snprintf(text, sizeof(text), "the process of the job was ended by signal %d (%s)", number,
                 strsignal(number));
    } else {
        snprintf(text, sizeof(text),
                 "the process of the job ended without a result (exit status %d)",
                 WEXITSTATUS(p->wait_status));
    }
    struct daemon_event event = daemon_process_event(d, p, DAEMON_ERROR, "job.crashed", text);
    daemon_listeners_notify(&d->listeners, &event);
}

static enum daemon_level job_end_level(enum hangar_status status)
{
    switch (status) {
    case HANGAR_STATUS_DONE:
        return DAEMON_INFO;
    case HANGAR_STATUS_DEGRADED:
    case HANGAR_STATUS_INTERRUPTED:
    case HANGAR_STATUS_BUSY:
        return DAEMON_WARNING;
    default:
        return DAEMON_ERROR;
    }
}

static void job_report_end(struct daemon *d, const struct daemon_process *p)
{
    enum hangar_status status = p->result ? p->result->status : HANGAR_STATUS_FAILED;
    struct daemon_event event =
        daemon_process_event(d, p, job_end_level(status), "job.end",
                             p->result ? p->result->error : "the process of the job crashed");

    event.status = hangar_status_name(status);
    event.duration_ms = daemon_now(d) - p->started_ms;
    daemon_listeners_notify(&d->listeners, &event);
}

static enum daemon_end job_end_of(const struct daemon *d, const struct daemon_process *p)
{
    if (p->result && p->result->status == HANGAR_STATUS_BUSY) {
        return DAEMON_END_BUSY;
    }
    if (d->stopping && (!p->result || p->result->status == HANGAR_STATUS_INTERRUPTED)) {
        return DAEMON_END_STOPPED;
    }
    /* the job has notified whether it is tried again; a crashed one could not */
    return !p->result || p->result->retry ? DAEMON_END_RETRY : DAEMON_END_FINAL;
}

static void job_handle_end(struct daemon *d, const struct daemon_process *p)
{
    job_report_end(d, p);
    daemon_request_watch(d);
    if (!p->result && !d->stopping) {
        /* the library notifies and records what the job itself could not */
        daemon_process_start_report(d, p->kind, p->pipeline);
    }
    daemon_scheduler_ended(&d->scheduler, p->pipeline, p->kind, daemon_now(d), job_end_of(d, p));
    daemon_remember(d);
}

static void process_handle_end(struct daemon *d, const struct daemon_process *p)
{
    if (!p->result && !(d->stopping && WIFSIGNALED(p->wait_status))) {
        job_report_crash(d, p);
    }
    switch (p->purpose) {
    case DAEMON_FOR_JOB:
        job_handle_end(d, p);
        break;
    case DAEMON_FOR_REPORT:
        break;
    case DAEMON_FOR_PLAN:
        daemon_reload_end(d, p->result);
        break;
    case DAEMON_FOR_WATCH:
        daemon_watch_end(d, p->result);
        break;
    }
}

void daemon_handle_processes(struct daemon *d)
{
    struct daemon_process *p;

    while ((p = daemon_process_poll(d))) {
        process_handle_end(d, p);
        daemon_process_free(p);
    }
}
