/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * job: what runs in the process of a job: one call of the library.  Each event is a
 * line of JSON on DAEMON_JOB_FD,
 *     {"time_ms": 0, "level": 2, "event": "backup.start", "run": "...", "duration_ms": -1,
 *      "message": "..."}
 * and the last one
 *     {"end": {"status": "done", "error": "...", "document": {...}}}
 * Without it the process is taken for one that crashed.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <hangar/hangar.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whoever does not end by then is ended: an orphan must not hold a pipeline for ever. */
enum { PATIENCE_S = 300 };

/* For the signal handler, which runs in the main thread alone: the library blocks
 * signals in its own. */
static _Atomic(struct hangar *) running;
static atomic_int stopped;

static void on_stop(int number)
{
    int saved = errno;
    struct hangar *hangar = atomic_load(&running);

    atomic_store(&stopped, number);
    if (hangar) {
        hangar_cancel(hangar);
    }
    alarm(PATIENCE_S); /* its signal ends the process */
    errno = saved;
}

static void catch_signals(void)
{
    struct sigaction stop = {.sa_handler = on_stop}, ignore = {.sa_handler = SIG_IGN},
                     end = {.sa_handler = SIG_DFL};

    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGHUP, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGALRM, &end, NULL);
}

static bool put(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    size_t left = text ? strlen(text) : 0;
    bool ok = text != NULL;

    if (text) {
        text[left++] = '\n'; /* in the place of its end */
    }
    for (const char *at = text; left > 0 && ok;) {
        ssize_t n = write(DAEMON_JOB_FD, at, left);
        if (n < 0 && errno != EINTR) {
            ok = false; /* the daemon is gone: the job goes on to its end, or is told to stop */
        }
        if (n > 0) {
            at += n;
            left -= (size_t)n;
        }
    }
    free(text);
    json_decref(object);
    return ok;
}

static void on_log(void *arg, const struct hangar_log_line *line)
{
    (void)arg;
    put(json_pack("{s:I, s:i, s:s?, s:s?, s:I, s:s}", "time_ms", (json_int_t)line->time_ms, "level",
                  (int)line->level, "event", line->event, "run", line->run, "duration_ms",
                  (json_int_t)line->duration_ms, "message", line->message));
}

static enum hangar_status run(struct hangar *hangar, const struct daemon_job_settings *settings,
                              char **json)
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
                                   "the process of the job crashed; hint: look at its lines in "
                                   "the daemon's log",
                                   json);
    }
    if (strcmp(settings->job, "backup") == 0) {
        return hangar_backup(hangar, settings->pipeline, json);
    }
    if (strcmp(settings->job, "verify") == 0) {
        return hangar_verify(hangar, &newest, HANGAR_VERIFY_FULL, json);
    }
    if (strcmp(settings->job, "drill") == 0) {
        return hangar_verify(hangar, &newest, HANGAR_VERIFY_DRILL, json);
    }
    return HANGAR_STATUS_USAGE;
}

static void put_end(enum hangar_status status, const char *error, const char *json)
{
    json_t *document = json ? json_loads(json, 0, NULL) : NULL;

    put(json_pack("{s:{s:s, s:s, s:o}}", "end", "status", hangar_status_name(status), "error",
                  error, "document", document ? document : json_null()));
}

int daemon_job(const struct daemon_job_settings *settings)
{
    struct hangar *hangar = NULL;
    char *json = NULL;

    catch_signals();
    /* programs that the job starts must not hold it open */
    if (fcntl(DAEMON_JOB_FD, F_SETFD, FD_CLOEXEC) != 0) {
        fprintf(stderr, "hangar: run-job is for `hangar daemon`, which listens to it\n");
        return HANGAR_STATUS_USAGE;
    }
    struct hangar_settings open = {.struct_size = sizeof(open),
                                   .log_level = settings->verbose ? 3 : 2,
                                   .config_file = settings->config_file,
                                   .plugin_dir = settings->plugin_dir,
                                   .state_dir = settings->state_dir,
                                   .on_log = on_log};
    enum hangar_status status = hangar_open(&open, &hangar);
    if (status == HANGAR_STATUS_DONE) {
        atomic_store(&running, hangar);
        status = atomic_load(&stopped) ? HANGAR_STATUS_INTERRUPTED : run(hangar, settings, &json);
        atomic_store(&running, NULL);
    }
    put_end(status, hangar ? hangar_error(hangar) : "out of memory", json);
    hangar_free(json);
    hangar_close(hangar);
    return (int)status;
}
