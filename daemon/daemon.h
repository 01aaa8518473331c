/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * daemon: runs the jobs of a configuration when they are due.  The daemon itself opens
 * no configuration and loads no plugin: whatever does is a process of its own, so that
 * nothing in it can end the daemon.
 *
 *     hangar daemon                    daemon_run
 *       ├── hangar run-job plan        daemon_job: what the configuration wants
 *       ├── hangar run-job backup P    daemon_job
 *       └── ...
 *
 * A job tells what it does as lines of JSON (job.c) on descriptor DAEMON_JOB_FD.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

/* The time that schedules go by.  Real programs pass daemon_clock. */
struct daemon_clock {
    int64_t (*now_ms)(void *arg); /* since 1970 */
    void *arg;
    int64_t speed; /* ms of it in one ms of waiting */
};
extern const struct daemon_clock daemon_clock;

struct daemon_settings {
    const char *program;     /* that is run for jobs; NULL: this one */
    const char *config_file; /* NULL: as hangar finds it */
    const struct daemon_clock *clock;
    daemon_listener *on_event; /* is told all there is: writes the log */
    void *arg;
    bool verbose; /* jobs tell everything */
};

/* Runs until SIGTERM or SIGINT; SIGHUP reads the configuration again.  An exit status:
 * 0, that of a configuration that was wrong from the start, or 6 when another daemon
 * has the state folder.  Blocks these signals in the calling thread. */
int daemon_run(const struct daemon_settings *settings);

/* ---- the other side: within the process of a job ---- */

#define DAEMON_JOB_FD 3
#define DAEMON_REPORT "report-" /* before the name of a job that crashed: tells of that */

struct daemon_job_settings {
    const char *config_file, *plugin_dir, *state_dir; /* as in hangar_settings */
    const char *job;      /* "plan", "watch", "backup", "verify", "drill" */
    const char *pipeline; /* NULL: of all (plan) */
    bool verbose;
};

/* An exit status, those of enum hangar_status. */
int daemon_job(const struct daemon_job_settings *settings);

#endif
