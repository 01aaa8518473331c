/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plan: which jobs the configuration schedules (hangar.plan/1), and the state of each
 * schedule.
 */
#ifndef DAEMON_PLAN_H
#define DAEMON_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon_pipeline {
    char *name;
    char *timezone; /* NULL: the machine's */
    char **windows; /* ended by NULL; none: any time */
    int64_t jitter_ms, max_duration_ms, max_age_ms;
    int64_t retry_times, retry_after_ms; /* of a backup that fails; 0: not tried again */
    bool catch_up;
    char *last_run, *last_status; /* in the history when the plan was made; or NULL */
};

enum daemon_kind { DAEMON_BACKUP, DAEMON_VERIFY, DAEMON_DRILL, DAEMON_KINDS };
extern const char *const daemon_kind_names[DAEMON_KINDS];

#define DAEMON_RUN_SIZE 64

struct daemon_schedule {
    size_t pipeline; /* index in the plan */
    enum daemon_kind kind;
    char *cron;
    int64_t spread_ms; /* part of the jitter: constant for this schedule on this host */

    /* In the state file. */
    int64_t last_ms;           /* times up to this one have been handled; -1: new */
    int64_t started_ms;        /* start of a job whose end is not known; -1: none */
    char run[DAEMON_RUN_SIZE]; /* the run of that job, "" until it is known */
    unsigned lost;             /* jobs in a row during which the daemon stopped */
    unsigned tries;            /* failed tries since the schedule was due */
    int64_t retry_ms;          /* the next one; 0: none */

    /* Of this process. */
    int64_t due_ms; /* INT64_MAX: never */
    bool pending;   /* the job is due and has not started */
    bool running;
    int64_t not_before_ms; /* while pending: the next attempt; another process has locked
                            * the pipeline */
};

struct daemon_plan {
    char *config, *state_dir, *origin;
    char *listen;    /* address for metrics; NULL: none */
    char *http_host; /* a name for it; NULL: none */
    int64_t max_jobs, stop_timeout_ms;
    struct daemon_pipeline *pipelines;
    size_t pipeline_count;
    struct daemon_schedule *schedules;
    size_t schedule_count;
};

/* Parses hangar.plan/1; NULL when the document is not a plan, or out of memory. */
struct daemon_plan *daemon_plan_read(const json_t *document);
void daemon_plan_free(struct daemon_plan *plan);

/* The kind of this name; DAEMON_KINDS: there is none. */
enum daemon_kind daemon_kind_named(const char *name);

/* NULL: the plan has no such schedule, no such pipeline. */
struct daemon_schedule *daemon_plan_find(const struct daemon_plan *plan, const char *pipeline,
                                         enum daemon_kind kind);
const struct daemon_pipeline *daemon_plan_pipeline(const struct daemon_plan *plan,
                                                   const char *name);

#endif
