/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * context: see context.h.
 */
#include "context.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "state.h"

int64_t daemon_now(const struct daemon *d)
{
    return d->settings->clock->now_ms(d->settings->clock->arg);
}

int64_t daemon_monotonic_ms(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void daemon_report(struct daemon *d, enum daemon_level level, const char *name, const char *fmt,
                   ...)
{
    char text[2200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    struct daemon_event event = {
        .time_ms = daemon_now(d), .level = level, .name = name, .duration_ms = -1, .message = text};
    daemon_listeners_notify(&d->listeners, &event);
}

void daemon_remember(struct daemon *d)
{
    int why = d->plan ? daemon_state_save(d->plan->state_dir, d->plan) : 0;

    if (why != 0) {
        daemon_report(d, DAEMON_ERROR, "daemon.state",
                      "cannot write %s/daemon.json: %s; after a restart, jobs may run twice",
                      d->plan->state_dir, strerror(why));
    }
}

void daemon_request_watch(struct daemon *d)
{
    d->watch_at_ms = daemon_monotonic_ms();
}
