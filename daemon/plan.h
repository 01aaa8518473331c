/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plan: what the configuration wants to be run when (hangar.plan/1), with what is
 * remembered of each schedule.
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
    char **windows; /* NULL-terminated; none: any time */
    int64_t jitter_ms, max_duration_ms, max_age_ms;
    bool catch_up;
    char *last_run, *last_status; /* of the history when the plan was made; or NULL */
};

enum daemon_kind { DAEMON_BACKUP, DAEMON_VERIFY, DAEMON_DRILL, DAEMON_KINDS };
extern const char *const daemon_kind_names[DAEMON_KINDS];

#define DAEMON_RUN_SIZE 64

struct daemon_schedule {
    size_t pipeline; /* index in the plan */
    enum daemon_kind kind;
    char *cron;
    int64_t spread_ms; /* of the jitter: always the same for this schedule on this host */

    /* Kept in the state folder. */
    int64_t last_ms;           /* what was due up to then has been dealt with */
    int64_t started_ms;        /* a run began then, and its end is not known; -1: none */
    char run[DAEMON_RUN_SIZE]; /* its id, "" until it is known */
    unsigned lost;             /* so often in a row was it cut off with the daemon */

    /* Of this process. */
    int64_t due_ms; /* INT64_MAX: never */
    bool pending;   /* it was due, and waits for its turn */
    bool running;
    int64_t not_before_ms; /* while pending: another process has the pipeline */
};

struct daemon_plan {
    char *config, *state_dir, *origin;
    char *listen; /* for HTTP; NULL: nowhere */
    int64_t max_jobs, stop_timeout_ms;
    struct daemon_pipeline *pipelines;
    size_t pipeline_count;
    struct daemon_schedule *schedules;
    size_t schedule_count;
};

/* Of a document hangar.plan/1; NULL when it is none, or out of memory. */
struct daemon_plan *daemon_plan_read(const json_t *document);
void daemon_plan_free(struct daemon_plan *plan);

/* The schedule of a pipeline's job; NULL: none. */
struct daemon_schedule *daemon_plan_find(const struct daemon_plan *plan, const char *pipeline,
                                         const char *job);
const struct daemon_pipeline *daemon_plan_pipeline(const struct daemon_plan *plan,
                                                   const char *name);

#endif
