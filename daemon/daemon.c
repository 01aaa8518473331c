/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * daemon: the loop: signals, the time, and what is to be done next.
 */
#include "daemon.h"

#include <errno.h>
#include <hangar/hangar.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "context.h"
#include "systemd.h"

enum {
    AT_LEAST_EACH_MS = 20000, /* the clock may have been set meanwhile */
    LAST_WAIT_MS = 10000      /* for what was killed to be gone */
};

static int64_t clock_ms(clockid_t id)
{
    struct timespec t = {0};

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t real_now(void *arg)
{
    (void)arg;
    return clock_ms(CLOCK_REALTIME);
}

const struct daemon_clock daemon_clock = {.now_ms = real_now, .speed = 1};

int64_t daemon_now(const struct daemon *d)
{
    return d->settings->clock->now_ms(d->settings->clock->arg);
}

int64_t daemon_monotonic_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

void daemon_say(struct daemon *d, enum daemon_level level, const char *name, const char *fmt, ...)
{
    char text[2200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    struct daemon_event event = {
        .time_ms = daemon_now(d), .level = level, .name = name, .duration_ms = -1, .message = text};
    daemon_tell(&d->listeners, &event);
}

static void on_note(void *arg, const struct daemon_plan *plan,
                    const struct daemon_schedule *schedule, enum daemon_level level,
                    const char *name, const char *message)
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

    daemon_tell(&d->listeners, &event);
}

/* ---- signals ---- */

static bool catch_signals(struct daemon *d)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, child = {.sa_handler = SIG_DFL};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sigaddset(&set, numbers[i]);
    }
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGCHLD, &child, NULL); /* not ignored: ends must be seen */
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return false;
    }
    d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return d->signals >= 0;
}

static void stop(struct daemon *d)
{
    if (d->stopping) { /* asked twice: at once */
        daemon_signal_all(d, SIGKILL);
        return;
    }
    d->stopping = true;
    daemon_notify("STOPPING=1");
    daemon_say(d, DAEMON_INFO, "daemon.stop", "%zu jobs are asked to stop", d->job_count);
    daemon_signal_all(d, SIGTERM);
    d->kill_at_ms = daemon_monotonic_ms() + (d->plan ? d->plan->stop_timeout_ms : 1000);
}

static void read_signals(struct daemon *d)
{
    struct signalfd_siginfo info;

    while (read(d->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            d->reload = true;
        } else if (info.ssi_signo != SIGCHLD) {
            stop(d);
        }
    }
}

static void reload(struct daemon *d)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    if (d->plan) {
        daemon_notify("RELOADING=1\nMONOTONIC_USEC=%lld",
                      (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    }
    daemon_start_plan(d);
}

/* ---- the loop ---- */

/* Stopping: past the deadline what is left is killed; false when all is over. */
static bool go_on(struct daemon *d)
{
    int64_t now = daemon_monotonic_ms();

    if (d->over || !d->stopping) {
        return !d->over;
    }
    if (now >= d->kill_at_ms + LAST_WAIT_MS) {
        return false;
    }
    if (now >= d->kill_at_ms) {
        daemon_signal_all(d, SIGKILL);
    }
    return d->job_count > 0;
}

/* What there is to do now; how long nothing else is, in ms of waiting. */
static int64_t work(struct daemon *d)
{
    int64_t wait = AT_LEAST_EACH_MS, now = daemon_now(d), wake, slow = daemon_tell_slow(d);

    if (d->stopping) {
        int64_t left = d->kill_at_ms - daemon_monotonic_ms();
        return left > 0 ? left : 100;
    }
    if (d->reload && !daemon_is_running(d, "plan")) {
        reload(d);
    }
    if (!d->plan) {
        return wait;
    }
    int64_t watch = daemon_watch(d);
    wait = watch < wait ? watch : wait;
    daemon_scheduler_look(&d->scheduler, now);
    daemon_start_due(d);
    wake = daemon_scheduler_wake(&d->scheduler, now);
    wake = slow < wake ? slow : wake;
    if (wake - now < wait * d->settings->clock->speed) {
        wait = (wake - now) / d->settings->clock->speed + 1;
    }
    return wait > 0 ? wait : 1;
}

static void wait_for(struct daemon *d, int64_t ms)
{
    struct pollfd fds[1 + 2 * DAEMON_MAX_PROCESSES];
    nfds_t count = 0;

    fds[count++] = (struct pollfd){.fd = d->signals, .events = POLLIN};
    for (size_t i = 0; i < d->job_count; i++) {
        /* poll passes over those that are -1 */
        fds[count++] = (struct pollfd){.fd = d->jobs[i]->child.events.fd, .events = POLLIN};
        fds[count++] = (struct pollfd){.fd = d->jobs[i]->child.output.fd, .events = POLLIN};
    }
    poll(fds, count, (int)(ms < INT32_MAX ? ms : INT32_MAX));
}

static void live(struct daemon *d)
{
    int64_t watchdog = daemon_notify_watchdog_ms();

    d->reload = true;
    while (go_on(d)) {
        int64_t wait = work(d);
        if (watchdog) {
            daemon_notify("WATCHDOG=1");
            wait = wait < watchdog ? wait : watchdog;
        }
        if (!go_on(d)) {
            break;
        }
        wait_for(d, wait);
        read_signals(d);
        daemon_attend(d);
    }
}

int daemon_run(const struct daemon_settings *settings)
{
    struct daemon d = {
        .settings = settings, .signals = -1, .lock = -1, .scheduler = {.note = on_note, .arg = &d}};

    daemon_listen(&d.listeners, settings->on_event, settings->arg);
    daemon_say(&d, DAEMON_INFO, "daemon.start", "hangar %s", hangar_version());
    if (catch_signals(&d)) {
        live(&d);
    } else {
        daemon_say(&d, DAEMON_ERROR, "daemon.failed", "cannot catch signals: %s", strerror(errno));
        d.result = HANGAR_STATUS_FAILED;
    }
    if (d.stopping) {
        daemon_say(&d, DAEMON_INFO, "daemon.stopped", "%zu jobs were left", d.job_count);
    }
    daemon_http_stop(d.http);
    free(d.listening);
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
