/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plans: taking the first plan, or another in its place, and remembering what became
 * of its schedules.
 */
#include "context.h"

#include <errno.h>
#include <hangar/hangar.h>
#include <string.h>
#include <time.h>

#include "systemd.h"
#include "state.h"

enum { MAX_CRASHES = 3 };

void daemon_remember(struct daemon *d)
{
    int why = d->plan ? daemon_state_save(d->plan->state_dir, d->plan) : 0;

    if (why != 0) {
        daemon_say(d, DAEMON_ERROR, "daemon.state",
                   "cannot write %s/daemon.json: %s; hint: after a restart jobs may be run twice",
                   d->plan->state_dir, strerror(why));
    }
}

/* What the folder remembers, once it is ours. */
static bool take_folder(struct daemon *d, struct daemon_plan *plan)
{
    json_t *state = NULL;
    int why = daemon_state_lock(plan->state_dir, &d->lock);

    if (why != 0) {
        d->lock = -1;
        d->result = why == EWOULDBLOCK ? HANGAR_STATUS_BUSY : HANGAR_STATUS_FAILED;
        daemon_say(d, DAEMON_ERROR, "daemon.state",
                   why == EWOULDBLOCK ? "another daemon uses %s"
                                      : "cannot keep state in %s: %s; hint: set STATE_DIRECTORY "
                                        "to a folder of yours",
                   plan->state_dir, strerror(why));
        return false;
    }
    why = daemon_state_load(plan->state_dir, &state);
    if (why != 0) {
        daemon_say(d, DAEMON_WARNING, "daemon.state",
                   "cannot read %s/daemon.json: %s; every schedule begins with its next time",
                   plan->state_dir, why == EILSEQ ? "it is none of ours" : strerror(why));
    }
    daemon_state_apply(state, plan, daemon_now(d));
    json_decref(state);
    return true;
}

static void tell_next(struct daemon *d)
{
    for (size_t i = 0; i < d->plan->schedule_count; i++) {
        const struct daemon_schedule *s = &d->plan->schedules[i];
        time_t seconds = (time_t)(s->due_ms / 1000);
        struct tm tm = {0};
        char when[40] = "never", text[200];
        if (s->due_ms != INT64_MAX && gmtime_r(&seconds, &tm)) {
            strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
        }
        snprintf(text, sizeof(text), "%s: next at %s%s", s->cron, when,
                 s->pending ? ", and now" : "");
        struct daemon_event event = {.time_ms = daemon_now(d),
                                     .level = DAEMON_INFO,
                                     .name = "schedule.next",
                                     .pipeline = d->plan->pipelines[s->pipeline].name,
                                     .job = daemon_kind_names[s->kind],
                                     .duration_ms = -1,
                                     .message = text};
        daemon_tell(&d->listeners, &event);
    }
}

/* There is no plan: at the beginning that is the end. */
static void refuse(struct daemon *d, const char *status, const char *error)
{
    char copy[2000], *rest = copy, *line;

    snprintf(copy, sizeof(copy), "%s", *error ? error : "the configuration cannot be read");
    while ((line = strsep(&rest, "\n"))) {
        daemon_say(d, DAEMON_ERROR, d->plan ? "daemon.reload_failed" : "daemon.failed", "%s%s",
                   line, d->plan ? " (the configuration from before stays in force)" : "");
    }
    if (d->plan) {
        return;
    }
    /* whoever reads it was killed, perhaps by accident */
    if (!*status && ++d->plan_crashes < MAX_CRASHES) {
        d->reload = true;
        return;
    }
    d->result = strcmp(status, "usage") == 0  ? HANGAR_STATUS_USAGE
                : strcmp(status, "auth") == 0 ? HANGAR_STATUS_AUTH
                                              : HANGAR_STATUS_FAILED;
    d->over = true;
}

/* The state folder cannot change: what is in the old one would be forgotten. */
static bool moves(struct daemon *d, const struct daemon_plan *plan)
{
    return d->plan && strcmp(d->plan->state_dir, plan->state_dir) != 0;
}

void daemon_take_plan(struct daemon *d, const json_t *document, const char *status,
                      const char *error)
{
    struct daemon_plan *plan = document ? daemon_plan_read(document) : NULL;

    if (d->stopping || !plan || moves(d, plan)) {
        if (!d->stopping) {
            refuse(d, status,
                   plan ? "the state folder cannot change while the daemon runs" : error);
        }
        daemon_plan_free(plan);
        if (d->plan) { /* with the one from before; without one it never was */
            daemon_notify("READY=1");
        }
        return;
    }
    bool first = !d->plan;
    if (first && !take_folder(d, plan)) {
        daemon_plan_free(plan);
        d->over = true;
        return;
    }
    json_t *state = first ? NULL : daemon_state_make(d->plan);
    daemon_state_apply(state, plan, daemon_now(d));
    json_decref(state);
    daemon_plan_free(d->plan);
    d->plan = plan;
    daemon_scheduler_take(&d->scheduler, plan, daemon_now(d));
    daemon_remember(d);
    daemon_listen_http(d);
    daemon_watch_soon(d);
    daemon_say(d, DAEMON_INFO, first ? "daemon.ready" : "daemon.reload",
               "%s: %zu pipelines, %zu schedules", plan->config, plan->pipeline_count,
               plan->schedule_count);
    if (plan->schedule_count == 0) {
        daemon_say(d, DAEMON_WARNING, "daemon.idle",
                   "no pipeline has a schedule: nothing will be run");
    }
    tell_next(d);
    daemon_notify("READY=1\nSTATUS=%zu schedules of %zu pipelines", plan->schedule_count,
                  plan->pipeline_count);
}
