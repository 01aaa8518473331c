/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * daemon: the loop: waits for signals, for processes and for the time.
 */
#include "daemon.h"

#include <errno.h>
#include <hangar/hangar.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "context.h"
#include "job_end.h"
#include "process.h"
#include "reload.h"
#include "systemd.h"
#include "watch.h"

enum {
    WAIT_MAX_MS = 20000,      /* the clock may be set while the daemon waits */
    KILL_GRACE_MS = 10000,    /* for processes to be gone after SIGKILL */
    NO_PLAN_TIMEOUT_MS = 1000 /* stop_timeout before a configuration was read */
};

static int64_t daemon_real_now(void *arg)
{
    struct timespec t = {0};

    (void)arg;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const struct daemon_clock daemon_clock = {.now_ms = daemon_real_now, .speed = 1};

static void daemon_on_schedule_event(void *arg, const struct daemon_plan *plan,
                                     const struct daemon_schedule *schedule,
                                     enum daemon_level level, const char *name, const char *message)
{
    struct daemon *d = arg;
    struct daemon_event event = {.time_ms = daemon_now(d),
                                 .level = level,
                                 .name = name,
                                 .pipeline = plan->pipelines[schedule->pipeline].name,
                                 .job = daemon_kind_names[schedule->kind],
                                 .run = schedule->run[0] ? schedule->run : NULL,
                                 .duration_ms = -1,
                                 .message = message};

    daemon_listeners_notify(&d->listeners, &event);
}

/* ---- signals ---- */

static bool daemon_catch_signals(struct daemon *d)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, child = {.sa_handler = SIG_DFL};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sigaddset(&set, numbers[i]);
    }
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGCHLD, &child, NULL); /* when ignored, waitpid would not report ends */
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return false;
    }
    d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return d->signals >= 0;
}

static void daemon_stop(struct daemon *d)
{
    if (d->stopping) { /* a second signal: stop at once */
        daemon_process_signal_all(d, SIGKILL);
        return;
    }
    d->stopping = true;
    daemon_systemd_notify("STOPPING=1");
    daemon_report(d, DAEMON_INFO, "daemon.stop", "stopping %zu processes", d->process_count);
    daemon_process_signal_all(d, SIGTERM);
    d->kill_at_ms =
        daemon_monotonic_ms() + (d->plan ? d->plan->stop_timeout_ms : NO_PLAN_TIMEOUT_MS);
}

static void daemon_read_signals(struct daemon *d)
{
    struct signalfd_siginfo info;

    while (read(d->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            d->reload = true;
        } else if (info.ssi_signo != SIGCHLD) {
            daemon_stop(d);
        }
    }
}

static void daemon_reload(struct daemon *d)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    if (d->plan) {
        daemon_systemd_notify("RELOADING=1\nMONOTONIC_USEC=%lld",
                              (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    }
    daemon_reload_start(d);
}

/* ---- the loop ---- */

/* False when the loop ends.  While stopping, processes that are left after the deadline
 * are killed. */
static bool daemon_continues(struct daemon *d)
{
    int64_t now = daemon_monotonic_ms();

    if (d->over || !d->stopping) {
        return !d->over;
    }
    if (now >= d->kill_at_ms + KILL_GRACE_MS) {
        return false;
    }
    if (now >= d->kill_at_ms) {
        daemon_process_signal_all(d, SIGKILL);
    }
    return d->process_count > 0;
}

/* Starts each job that is due and may run now. */
static void daemon_start_due(struct daemon *d)
{
    struct daemon_schedule *s;

    while ((s = daemon_scheduler_next(&d->scheduler, daemon_now(d)))) {
        const char *pipeline = d->plan->pipelines[s->pipeline].name;
        if (!daemon_scheduler_started(&d->scheduler, s, daemon_now(d))) {
            return;
        }
        /* recorded before it starts: the next daemon repeats a job that this one loses */
        daemon_remember(d);
        if (!daemon_process_start_job(d, s->kind, pipeline)) {
            daemon_scheduler_ended(&d->scheduler, pipeline, s->kind, daemon_now(d),
                                   DAEMON_END_BUSY);
        }
    }
}

/* Starts what is due.  Returns how long to wait for the next thing to do, in ms of the
 * monotonic clock. */
static int64_t daemon_step(struct daemon *d)
{
    int64_t wait = WAIT_MAX_MS, now = daemon_now(d), wake, slow = daemon_process_report_slow(d);

    if (d->stopping) {
        int64_t left = d->kill_at_ms - daemon_monotonic_ms();
        return left > 0 ? left : 100;
    }
    if (d->reload && !daemon_process_is_running(d, DAEMON_FOR_PLAN)) {
        daemon_reload(d);
    }
    if (!d->plan) {
        return wait;
    }
    int64_t watch = daemon_watch(d);
    wait = watch < wait ? watch : wait;
    daemon_scheduler_update(&d->scheduler, now);
    daemon_start_due(d);
    wake = daemon_scheduler_wake(&d->scheduler, now);
    wake = slow < wake ? slow : wake;
    if (wake - now < wait * d->settings->clock->speed) {
        wait = (wake - now) / d->settings->clock->speed + 1;
    }
    return wait > 0 ? wait : 1;
}

static void daemon_wait(struct daemon *d, int64_t ms)
{
    struct pollfd fds[1 + 2 * DAEMON_PROCESSES_MAX];
    nfds_t count = 0;

    fds[count++] = (struct pollfd){.fd = d->signals, .events = POLLIN};
    for (size_t i = 0; i < d->process_count; i++) {
        /* poll ignores -1 */
        fds[count++] = (struct pollfd){.fd = d->processes[i]->child.events.fd, .events = POLLIN};
        fds[count++] = (struct pollfd){.fd = d->processes[i]->child.output.fd, .events = POLLIN};
    }
    poll(fds, count, (int)(ms < INT32_MAX ? ms : INT32_MAX));
}

static void daemon_loop(struct daemon *d)
{
    int64_t watchdog = daemon_systemd_watchdog_ms();

    d->reload = true;
    while (daemon_continues(d)) {
        int64_t wait = daemon_step(d);
        if (watchdog) {
            daemon_systemd_notify("WATCHDOG=1");
            wait = wait < watchdog ? wait : watchdog;
        }
        if (!daemon_continues(d)) {
            break;
        }
        daemon_wait(d, wait);
        daemon_read_signals(d);
        daemon_handle_processes(d);
    }
}

int daemon_run(const struct daemon_settings *settings)
{
    struct daemon d = {.settings = settings,
                       .signals = -1,
                       .lock = -1,
                       .scheduler = {.report = daemon_on_schedule_event, .arg = &d}};

    daemon_listeners_add(&d.listeners, settings->on_event, settings->arg);
    /* first of all, so that who has read the first line can send a signal */
    int error = daemon_catch_signals(&d) ? 0 : errno;
    daemon_report(&d, DAEMON_INFO, "daemon.start", "hangar %s", hangar_version());
    if (!error) {
        daemon_loop(&d);
    } else {
        daemon_report(&d, DAEMON_ERROR, "daemon.failed", "cannot set up signals: %s",
                      strerror(error));
        d.result = HANGAR_STATUS_FAILED;
    }
    if (d.stopping && d.process_count == 0) {
        daemon_report(&d, DAEMON_INFO, "daemon.stopped", "stopped");
    } else if (d.stopping) {
        daemon_report(&d, DAEMON_INFO, "daemon.stopped", "stopped; %zu processes did not end",
                      d.process_count);
    }
    daemon_http_stop(d.http);
    free(d.listening);
    free(d.http_host);
    daemon_scheduler_free(&d.scheduler);
    daemon_plan_free(d.plan);
    if (d.signals >= 0) {
        close(d.signals);
    }
    if (d.lock >= 0) {
        close(d.lock);
    }
    return d.result;
}
