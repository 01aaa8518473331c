/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * worker: what `hangar run-job` does, the program that the daemon starts for each job:
 * one call of the library, whose events and result are written to DAEMON_JOB_FD.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <stdbool.h>
#include <stdint.h>

/* Before the name of a job whose process crashed: the library reports that crash. */
#define DAEMON_REPORT "report-"

struct daemon_worker_settings {
    const char *config_file, *plugin_dir, *state_dir; /* as in hangar_settings */
    const char *job;      /* "plan", "watch", "backup", "verify", "drill", "report-..." */
    const char *pipeline; /* NULL for plan and watch */
    /* of a backup: as in hangar_backup_request; 0: a failure is final */
    int64_t retry_after_ms, retry_within_ms;
    bool verbose;
};

/* Returns the exit status, one of enum hangar_status. */
int daemon_worker(const struct daemon_worker_settings *settings);

#endif
