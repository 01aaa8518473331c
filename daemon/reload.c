/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * reload: see reload.h.
 */
#include "reload.h"

#include <errno.h>
#include <hangar/hangar.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "process.h"
#include "state.h"
#include "systemd.h"
#include "watch.h"

/* So often may the first reading of the configuration crash. */
enum { PLAN_CRASHES_MAX = 3 };

/* Locks the state folder and reads what an earlier daemon has left there. */
static bool reload_open_state(struct daemon *d, struct daemon_plan *plan)
{
    int why = daemon_state_lock(plan->state_dir, &d->lock);

    if (why != 0) {
        d->lock = -1;
        d->result = why == EWOULDBLOCK ? HANGAR_STATUS_BUSY : HANGAR_STATUS_FAILED;
        if (why == EWOULDBLOCK) {
            daemon_report(d, DAEMON_ERROR, "daemon.state", "another daemon uses %s",
                          plan->state_dir);
        } else {
            daemon_report(d, DAEMON_ERROR, "daemon.state",
                          "cannot use the state folder %s: %s; hint: set STATE_DIRECTORY to a "
                          "folder that can be written",
                          plan->state_dir, strerror(why));
        }
        return false;
    }
    struct daemon_state *state = NULL;
    why = daemon_state_load(plan->state_dir, &state);
    if (why != 0) {
        daemon_report(d, DAEMON_WARNING, "daemon.state",
                      "cannot read %s/daemon.json: %s; each schedule starts with its next time",
                      plan->state_dir, why == EILSEQ ? "not a state file" : strerror(why));
    }
    daemon_state_apply(state, plan, daemon_now(d));
    daemon_state_free(state);
    return true;
}

static void reload_report_next(struct daemon *d)
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
                 s->pending ? "; due now" : "");
        struct daemon_event event = {.time_ms = daemon_now(d),
                                     .level = DAEMON_INFO,
                                     .name = "schedule.next",
                                     .pipeline = d->plan->pipelines[s->pipeline].name,
                                     .job = daemon_kind_names[s->kind],
                                     .duration_ms = -1,
                                     .message = text};
        daemon_listeners_notify(&d->listeners, &event);
    }
}

/* Reports each line of the error. */
static void reload_report_failure(struct daemon *d, const char *error)
{
    char copy[2000], *rest = copy, *line;

    snprintf(copy, sizeof(copy), "%s", *error ? error : "cannot read the configuration");
    while ((line = strsep(&rest, "\n"))) {
        daemon_report(d, DAEMON_ERROR, d->plan ? "daemon.reload_failed" : "daemon.failed", "%s",
                      line);
    }
    if (d->plan) {
        daemon_report(d, DAEMON_ERROR, "daemon.reload_failed",
                      "the previous configuration stays in force");
    }
}

/* The new plan cannot be used: without a previous one, the daemon ends. */
static void reload_refuse(struct daemon *d, const struct daemon_result *result, const char *error)
{
    reload_report_failure(d, error);
    if (d->plan) {
        return;
    }
    /* the process may have been killed by accident */
    if (!result && ++d->plan_crashes < PLAN_CRASHES_MAX) {
        d->reload = true;
        return;
    }
    d->result =
        result && (result->status == HANGAR_STATUS_USAGE || result->status == HANGAR_STATUS_AUTH)
            ? (int)result->status
            : HANGAR_STATUS_FAILED;
    d->over = true;
}

/* Puts a plan in force; the daemon owns it from now on. */
static void reload_set_plan(struct daemon *d, struct daemon_plan *plan)
{
    bool first = !d->plan;

    if (!first) {
        struct daemon_state *state = daemon_state_of(d->plan);
        daemon_state_apply(state, plan, daemon_now(d));
        daemon_state_free(state);
    }
    daemon_plan_free(d->plan);
    d->plan = plan;
    daemon_scheduler_set_plan(&d->scheduler, plan, daemon_now(d));
    daemon_remember(d);
    daemon_watch_listen(d);
    daemon_request_watch(d);
    daemon_report(d, DAEMON_INFO, first ? "daemon.ready" : "daemon.reload",
                  "%s: %zu pipelines, %zu schedules", plan->config, plan->pipeline_count,
                  plan->schedule_count);
    if (plan->schedule_count == 0) {
        daemon_report(d, DAEMON_WARNING, "daemon.idle",
                      "no pipeline has a schedule; no job will run");
    }
    reload_report_next(d);
    daemon_systemd_notify("READY=1\nSTATUS=%zu schedules of %zu pipelines", plan->schedule_count,
                          plan->pipeline_count);
}

void daemon_reload_start(struct daemon *d)
{
    d->reload = false;
    if (!daemon_process_start_plan(d)) {
        static const struct daemon_result failed = {.status = HANGAR_STATUS_FAILED};
        reload_refuse(d, &failed, "cannot start the process that reads the configuration");
        if (d->plan) {
            daemon_systemd_notify("READY=1");
        }
    }
}

void daemon_reload_end(struct daemon *d, const struct daemon_result *result)
{
    struct daemon_plan *plan =
        result && result->document ? daemon_plan_read(result->document) : NULL;
    /* the schedules in the old folder would be forgotten */
    bool moves = d->plan && plan && strcmp(d->plan->state_dir, plan->state_dir) != 0;

    if (!d->stopping && plan && !moves) {
        if (d->plan || reload_open_state(d, plan)) {
            reload_set_plan(d, plan);
        } else {
            daemon_plan_free(plan);
            d->over = true;
        }
        return;
    }
    daemon_plan_free(plan);
    if (!d->stopping) {
        reload_refuse(d, result,
                      moves    ? "cannot change the state folder while the daemon runs; hint: "
                                 "restart the daemon"
                      : result ? result->error
                               : "the process that reads the configuration crashed");
    }
    if (d->plan) { /* a reload is over, also where it failed */
        daemon_systemd_notify("READY=1");
    }
}
