/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * worker: see worker.h.  A process that ends without a result counts as crashed.
 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <hangar/hangar.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "message.h"

/* How long a job may take to stop.  Then SIGALRM ends the process: one without a daemon
 * must not lock its pipeline for ever. */
enum { STOP_LIMIT_S = 300 };

/* For the signal handler, which runs in the main thread alone: the library blocks
 * signals in its own. */
static _Atomic(struct hangar *) running;
static atomic_int stopped;

static void worker_on_stop(int number)
{
    int saved = errno;
    struct hangar *hangar = atomic_load(&running);

    atomic_store(&stopped, number);
    if (hangar) {
        hangar_cancel(hangar);
    }
    alarm(STOP_LIMIT_S);
    errno = saved;
}

static void worker_catch_signals(void)
{
    struct sigaction stop = {.sa_handler = worker_on_stop}, ignore = {.sa_handler = SIG_IGN},
                     end = {.sa_handler = SIG_DFL};

    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGHUP, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGALRM, &end, NULL);
}

/* Writes and frees a line.  When the daemon is gone the write fails; the job goes on until
 * it ends or gets the signal to stop. */
static void worker_write(char *line)
{
    const char *at = line;
    size_t left = line ? strlen(line) : 0;

    while (left > 0) {
        ssize_t n = write(DAEMON_JOB_FD, at, left);
        if (n < 0 && errno != EINTR) {
            break;
        }
        if (n > 0) {
            at += n;
            left -= (size_t)n;
        }
    }
    free(line);
}

static void worker_on_log(void *arg, const struct hangar_log_line *line)
{
    (void)arg;
    worker_write(daemon_message_event(line));
}

static enum hangar_status worker_call(struct hangar *hangar,
                                      const struct daemon_worker_settings *settings, char **json)
{
    struct hangar_selection newest = {
        .struct_size = sizeof(newest), .id = "latest", .pipeline = settings->pipeline};

    if (strcmp(settings->job, "plan") == 0) {
        return hangar_plan(hangar, json);
    }
    if (strcmp(settings->job, "watch") == 0) {
        return hangar_watch(hangar, json);
    }
    if (strncmp(settings->job, DAEMON_REPORT, strlen(DAEMON_REPORT)) == 0) {
        return hangar_report_crash(hangar, settings->job + strlen(DAEMON_REPORT),
                                   settings->pipeline,
                                   "the process of the job crashed; hint: see its lines in the "
                                   "log of the daemon",
                                   json);
    }
    if (strcmp(settings->job, "backup") == 0) {
        const struct hangar_backup_request request = {.struct_size = sizeof(request),
                                                      .pipeline = settings->pipeline,
                                                      .retry_after_ms = settings->retry_after_ms,
                                                      .retry_within_ms = settings->retry_within_ms};
        return hangar_backup_with(hangar, &request, json);
    }
    if (strcmp(settings->job, "verify") == 0) {
        return hangar_verify(hangar, &newest, HANGAR_VERIFY_FULL, json);
    }
    if (strcmp(settings->job, "drill") == 0) {
        return hangar_verify(hangar, &newest, HANGAR_VERIFY_DRILL, json);
    }
    return HANGAR_STATUS_USAGE;
}

int daemon_worker(const struct daemon_worker_settings *settings)
{
    char *json = NULL;

    worker_catch_signals();
    /* the programs that the job starts must not keep the descriptor open */
    if (fcntl(DAEMON_JOB_FD, F_SETFD, FD_CLOEXEC) != 0) {
        fprintf(stderr,
                "hangar: descriptor %d is not open; hint: `hangar daemon` starts run-job, do "
                "not run it by hand\n",
                DAEMON_JOB_FD);
        return HANGAR_STATUS_USAGE;
    }
    struct hangar_settings open = {.struct_size = sizeof(open),
                                   .log_level = settings->verbose ? 3 : 2,
                                   .config_file = settings->config_file,
                                   .plugin_dir = settings->plugin_dir,
                                   .state_dir = settings->state_dir,
                                   .on_log = worker_on_log};
    struct hangar *hangar = NULL;
    enum hangar_status status = hangar_open(&open, &hangar);
    if (status == HANGAR_STATUS_DONE) {
        atomic_store(&running, hangar);
        status = atomic_load(&stopped) ? HANGAR_STATUS_INTERRUPTED
                                       : worker_call(hangar, settings, &json);
        atomic_store(&running, NULL);
    }
    worker_write(
        daemon_message_result(status, hangar ? hangar_error(hangar) : "out of memory", json));
    hangar_free(json);
    hangar_close(hangar);
    return (int)status;
}
