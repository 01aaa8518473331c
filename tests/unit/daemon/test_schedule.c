/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * schedule: which job is started when; the test passes the time.
 */
#include "schedule.h"

#include <hangar/hangar.h>

#include "state.h"
#include "suite.h"

#define HOUR INT64_C(3600000)
#define MINUTE INT64_C(60000)
#define DAY (24 * HOUR)

/* 2026-01-15T00:00:00Z, a Thursday. */
#define T0 INT64_C(1768435200000)

static struct daemon_scheduler scheduler;
static struct daemon_plan *plan;
static char notes[8000]; /* "nightly/backup schedule.late\n"... */

static void on_note(void *arg, const struct daemon_plan *of, const struct daemon_schedule *schedule,
                    enum daemon_level level, const char *name, const char *message)
{
    size_t n = strlen(notes);

    (void)arg, (void)level, (void)message;
    snprintf(notes + n, sizeof(notes) - n, "%s/%s %s\n", of->pipelines[schedule->pipeline].name,
             daemon_kind_names[schedule->kind], name);
}

static struct daemon_plan *plan_of(const char *pipelines, int jobs)
{
    json_error_t err;
    json_t *list = json_loads(pipelines, 0, &err);
    ck_assert_msg(list != NULL, "%s: %s", pipelines, err.text);
    json_t *document = json_pack("{s:s, s:s, s:s, s:{s:i, s:i}, s:o}", "config", "backup.yaml",
                                 "state_dir", folder_path, "origin", "here", "limits", "jobs", jobs,
                                 "stop_timeout_ms", 1000, "pipelines", list);
    struct daemon_plan *made = daemon_plan_read(document);
    ck_assert_ptr_nonnull(made);
    json_decref(document);
    return made;
}

#define PIPELINE(name, more, jobs)                                                                 \
    "{\"name\": \"" name "\", \"catch_up\": true, " more " \"jobs\": [" jobs "]}"
#define BACKUP(cron) "{\"job\": \"backup\", \"schedule\": \"" cron "\"}"
#define VERIFY(cron) "{\"job\": \"verify\", \"schedule\": \"" cron "\"}"
#define ZONE "\"timezone\": \"UTC\","

static void set_plan(struct daemon_plan *next, int64_t now)
{
    daemon_plan_free(plan);
    plan = next;
    daemon_scheduler_set_plan(&scheduler, plan, now);
}

/* A new process with this plan and the state of the last one. */
static void schedule_restart(struct daemon_plan *next, int64_t now)
{
    struct daemon_state *state = plan ? daemon_state_of(plan) : NULL;
    daemon_scheduler_free(&scheduler);
    scheduler = (struct daemon_scheduler){.report = on_note};
    daemon_state_apply(state, next, now);
    daemon_state_free(state);
    set_plan(next, now);
}

/* Starts the next due job and returns its name, "nightly/backup"; "" for none. */
static const char *schedule_started(int64_t now)
{
    static char text[200];
    daemon_scheduler_update(&scheduler, now);
    struct daemon_schedule *s = daemon_scheduler_next(&scheduler, now);
    text[0] = '\0';
    if (s) {
        snprintf(text, sizeof(text), "%s/%s", plan->pipelines[s->pipeline].name,
                 daemon_kind_names[s->kind]);
        ck_assert(daemon_scheduler_started(&scheduler, s, now));
    }
    return text;
}

static void schedule_ended(const char *pipeline, enum daemon_kind kind, int64_t now,
                           enum daemon_end end)
{
    daemon_scheduler_ended(&scheduler, pipeline, kind, now, end);
}

static const char *schedule_reported(void)
{
    static char copy[sizeof(notes)];
    strcpy(copy, notes);
    notes[0] = '\0';
    return copy;
}

static void schedule_setup(void)
{
    folder_setup();
    scheduler = (struct daemon_scheduler){.report = on_note};
    plan = NULL;
    notes[0] = '\0';
}

static void schedule_teardown(void)
{
    daemon_scheduler_free(&scheduler);
    daemon_plan_free(plan);
    folder_teardown();
}

#define NIGHTLY "[" PIPELINE("nightly", ZONE, BACKUP("0 2 * * *")) "]"

START_TEST(a_due_job_is_started_once)
{
    schedule_restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(schedule_started(T0), "");
    ck_assert(daemon_scheduler_wake(&scheduler, T0) == T0 + 2 * HOUR);
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR - 1), "");
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR), "nightly/backup");
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR), "");
    ck_assert(daemon_scheduler_wake(&scheduler, T0 + 2 * HOUR) == INT64_MAX);
    schedule_ended("nightly", DAEMON_BACKUP, T0 + 2 * HOUR + MINUTE, DAEMON_END_FINAL);
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR + MINUTE), "");
    ck_assert(daemon_scheduler_wake(&scheduler, T0 + 3 * HOUR) == T0 + DAY + 2 * HOUR);
    ck_assert_str_eq(schedule_reported(), "");
}
END_TEST

START_TEST(jobs_of_a_pipeline_wait_for_each_other)
{
    schedule_restart(
        plan_of("[" PIPELINE("p", ZONE, BACKUP("0 2 * * *") "," VERIFY("0 2 * * *")) "]", 2), T0);
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR), "p/backup");
    ck_assert_str_eq(schedule_started(T0 + 3 * HOUR), "");
    schedule_ended("p", DAEMON_BACKUP, T0 + 4 * HOUR, DAEMON_END_FINAL);
    ck_assert_str_eq(schedule_started(T0 + 4 * HOUR), "p/verify");
    schedule_ended("p", DAEMON_VERIFY, T0 + 4 * HOUR, DAEMON_END_FINAL);
    ck_assert_str_eq(schedule_started(T0 + 5 * HOUR), "");
    ck_assert_str_eq(schedule_reported(), "");
}
END_TEST

START_TEST(at_most_max_jobs_run_at_once)
{
    schedule_restart(
        plan_of(
            "[" PIPELINE("a", ZONE, BACKUP("0 2 * * *")) "," PIPELINE(
                "b", ZONE, BACKUP("0 1 * * *")) "," PIPELINE("c", ZONE, BACKUP("0 2 * * *")) "]",
            2),
        T0);
    /* all are due: the one that is due longest starts first */
    ck_assert_str_eq(schedule_started(T0 + 3 * HOUR), "b/backup");
    ck_assert_str_eq(schedule_started(T0 + 3 * HOUR), "a/backup");
    ck_assert_str_eq(schedule_started(T0 + 3 * HOUR), "");
    schedule_ended("b", DAEMON_BACKUP, T0 + 4 * HOUR, DAEMON_END_FINAL);
    ck_assert_str_eq(schedule_started(T0 + 4 * HOUR), "c/backup");
}
END_TEST

START_TEST(a_time_during_the_job_is_skipped)
{
    schedule_restart(plan_of("[" PIPELINE("p", ZONE, BACKUP("0 * * * *")) "]", 2), T0);
    ck_assert_str_eq(schedule_started(T0 + HOUR), "p/backup");
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR), "");
    ck_assert_str_eq(schedule_started(T0 + 3 * HOUR), "");
    schedule_ended("p", DAEMON_BACKUP, T0 + 3 * HOUR + MINUTE, DAEMON_END_FINAL);
    ck_assert_str_eq(schedule_reported(), "p/backup schedule.skipped\n");
    ck_assert_str_eq(schedule_started(T0 + 3 * HOUR + MINUTE), "");
    ck_assert_str_eq(schedule_started(T0 + 4 * HOUR), "p/backup");
}
END_TEST

START_TEST(a_missed_job_is_started_once)
{
    schedule_restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(schedule_started(T0), "");
    schedule_restart(plan_of(NIGHTLY, 2), T0 + 3 * DAY + 12 * HOUR);
    ck_assert_str_eq(schedule_started(T0 + 3 * DAY + 12 * HOUR), "nightly/backup");
    ck_assert_str_eq(schedule_reported(), "nightly/backup schedule.late\n");
    schedule_ended("nightly", DAEMON_BACKUP, T0 + 3 * DAY + 13 * HOUR, DAEMON_END_FINAL);
    ck_assert_str_eq(schedule_started(T0 + 3 * DAY + 13 * HOUR), "");
    ck_assert_str_eq(schedule_started(T0 + 4 * DAY + 2 * HOUR), "nightly/backup");
    ck_assert_str_eq(schedule_reported(), "");
}
END_TEST

START_TEST(without_catch_up_a_missed_job_is_not_started)
{
    const char *pipelines =
        "[{\"name\": \"p\", " ZONE " \"catch_up\": false, \"jobs\": [" BACKUP("0 2 * * *") "]}]";
    schedule_restart(plan_of(pipelines, 2), T0);
    ck_assert_str_eq(schedule_started(T0), "");
    schedule_restart(plan_of(pipelines, 2), T0 + DAY);
    ck_assert_str_eq(schedule_started(T0 + DAY), "");
    ck_assert_str_eq(schedule_reported(), "p/backup schedule.missed\n");
    /* the same after a suspended machine */
    ck_assert_str_eq(schedule_started(T0 + 2 * DAY), "");
    ck_assert_str_eq(schedule_reported(), "p/backup schedule.missed\n");
    /* a few minutes late is in time */
    schedule_restart(plan_of(pipelines, 2), T0 + 2 * DAY + 2 * HOUR + MINUTE);
    ck_assert_str_eq(schedule_started(T0 + 2 * DAY + 2 * HOUR + MINUTE), "p/backup");
    ck_assert_str_eq(schedule_reported(), "");
}
END_TEST

START_TEST(a_lost_job_is_repeated_at_most_three_times)
{
    schedule_restart(plan_of(NIGHTLY, 2), T0);
    int64_t now = T0 + 2 * HOUR;
    ck_assert_str_eq(schedule_started(now), "nightly/backup");
    for (int i = 0; i < 3; i++) {
        schedule_restart(plan_of(NIGHTLY, 2), now += MINUTE);
        ck_assert_str_eq(schedule_reported(), "nightly/backup job.lost\n");
        ck_assert_str_eq(schedule_started(now), "nightly/backup");
    }
    schedule_restart(plan_of(NIGHTLY, 2), now += MINUTE);
    ck_assert_str_eq(schedule_reported(), "nightly/backup job.lost\n");
    ck_assert_str_eq(schedule_started(now), "");
    ck_assert_str_eq(schedule_started(T0 + DAY + 2 * HOUR), "nightly/backup");
    /* a job that ends between resets the count */
    schedule_ended("nightly", DAEMON_BACKUP, T0 + DAY + 3 * HOUR, DAEMON_END_FINAL);
    schedule_restart(plan_of(NIGHTLY, 2), T0 + DAY + 4 * HOUR);
    ck_assert_str_eq(schedule_started(T0 + DAY + 4 * HOUR), "");
    ck_assert_str_eq(schedule_reported(), "");
}
END_TEST

START_TEST(a_job_stopped_with_the_daemon_is_repeated)
{
    schedule_restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR), "nightly/backup");
    schedule_ended("nightly", DAEMON_BACKUP, T0 + 2 * HOUR + MINUTE, DAEMON_END_STOPPED);
    schedule_restart(plan_of(NIGHTLY, 2), T0 + 3 * HOUR);
    ck_assert_str_eq(schedule_started(T0 + 3 * HOUR), "nightly/backup");
}
END_TEST

#define HISTORY(status)                                                                            \
    "[" PIPELINE("nightly", ZONE "\"last_run\": {\"run\": \"r1\", \"status\": \"" status "\"},",   \
                 BACKUP("0 2 * * *")) "]"

START_TEST(a_run_that_ended_after_its_daemon_is_not_repeated)
{
    static const struct {
        const char *run, *history, *started;
    } rows[] = {{"r1", HISTORY("done"), ""},
                {"r1", HISTORY("degraded"), ""},
                {"r1", HISTORY("failed"), ""},
                {"r1", HISTORY("interrupted"), "nightly/backup"},
                {"r2", HISTORY("done"), "nightly/backup"},
                {"", HISTORY("done"), "nightly/backup"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        schedule_teardown();
        schedule_setup();
        schedule_restart(plan_of(NIGHTLY, 2), T0);
        ck_assert_str_eq(schedule_started(T0 + 2 * HOUR), "nightly/backup");
        snprintf(plan->schedules[0].run, DAEMON_RUN_SIZE, "%s", rows[i].run);
        schedule_restart(plan_of(rows[i].history, 2), T0 + 2 * HOUR + MINUTE);
        ck_assert_str_eq(schedule_started(T0 + 2 * HOUR + MINUTE), rows[i].started);
    }
}
END_TEST

START_TEST(a_locked_pipeline_is_tried_again)
{
    schedule_restart(plan_of(NIGHTLY, 2), T0);
    int64_t now = T0 + 2 * HOUR;
    ck_assert_str_eq(schedule_started(now), "nightly/backup");
    schedule_ended("nightly", DAEMON_BACKUP, now, DAEMON_END_BUSY);
    ck_assert_str_eq(schedule_reported(), "nightly/backup schedule.waiting\n");
    ck_assert_str_eq(schedule_started(now + 29999), "");
    ck_assert(daemon_scheduler_wake(&scheduler, now + 29999) == now + 30000);
    ck_assert_str_eq(schedule_started(now + 30000), "nightly/backup");
    schedule_ended("nightly", DAEMON_BACKUP, now + 30000, DAEMON_END_BUSY);
    ck_assert_str_eq(schedule_reported(), ""); /* reported once */
    /* a restart keeps it pending */
    schedule_restart(plan_of(NIGHTLY, 2), now + MINUTE);
    ck_assert_str_eq(schedule_started(now + MINUTE), "nightly/backup");
}
END_TEST

START_TEST(a_job_waits_for_its_window)
{
    schedule_restart(
        plan_of("[" PIPELINE("p", ZONE "\"windows\": [\"04:00-05:00\", \"22:00-23:00\"],",
                             BACKUP("0 2 * * *")) "]",
                2),
        T0);
    int64_t now = T0 + 2 * HOUR;
    ck_assert_str_eq(schedule_started(now), "");
    ck_assert(daemon_scheduler_wake(&scheduler, now + 1) == now + MINUTE);
    ck_assert_str_eq(schedule_started(T0 + 4 * HOUR - 1), "");
    ck_assert_str_eq(schedule_started(T0 + 4 * HOUR), "p/backup");
    schedule_ended("p", DAEMON_BACKUP, T0 + 4 * HOUR + MINUTE, DAEMON_END_FINAL);
    ck_assert_str_eq(schedule_started(T0 + 22 * HOUR), "");
}
END_TEST

START_TEST(jitter_is_bounded_and_constant)
{
    const char *pipelines = "[" PIPELINE(
        "a", ZONE "\"jitter_ms\": 600000,",
        BACKUP("0 2 * * *") "," VERIFY(
            "0 2 * * *")) "," PIPELINE("b", ZONE "\"jitter_ms\": 600000,", BACKUP("0 2 * * *")) "]";
    schedule_restart(plan_of(pipelines, 2), T0);
    int64_t due[3];
    for (int i = 0; i < 3; i++) {
        due[i] = plan->schedules[i].due_ms;
        ck_assert(due[i] >= T0 + 2 * HOUR && due[i] <= T0 + 2 * HOUR + 600000);
    }
    ck_assert(due[0] != due[1] && due[0] != due[2] && due[1] != due[2]);
    ck_assert_str_eq(schedule_started(due[0] - 1 < due[1] - 1 ? due[0] - 1 : due[1] - 1), "");
    schedule_restart(plan_of(pipelines, 2), T0 + HOUR);
    for (int i = 0; i < 3; i++) {
        ck_assert(plan->schedules[i].due_ms == due[i]);
    }
    /* each day at the same time */
    for (int day = 1; day < 4; day++) {
        struct daemon_schedule *b = daemon_plan_find(plan, "b", DAEMON_BACKUP);
        daemon_scheduler_update(&scheduler, b->due_ms);
        ck_assert(daemon_scheduler_started(&scheduler, b, b->due_ms));
        schedule_ended("b", DAEMON_BACKUP, due[2] + MINUTE, DAEMON_END_FINAL);
        ck_assert(b->due_ms == due[2] + day * DAY);
    }
}
END_TEST

START_TEST(a_changed_schedule_continues_from_now)
{
    schedule_restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR), "nightly/backup");
    schedule_ended("nightly", DAEMON_BACKUP, T0 + 3 * HOUR, DAEMON_END_FINAL);
    const char *ten = "[" PIPELINE("nightly", ZONE, BACKUP("0 10 * * *")) "]";
    schedule_restart(plan_of(ten, 2), T0 + 12 * HOUR);
    ck_assert_str_eq(schedule_started(T0 + 12 * HOUR), "");
    ck_assert_str_eq(schedule_started(T0 + DAY + 10 * HOUR), "nightly/backup");
}
END_TEST

START_TEST(a_new_plan_does_not_disturb_running_jobs)
{
    schedule_restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR), "nightly/backup");
    /* the same process uses another plan */
    struct daemon_state *state = daemon_state_of(plan);
    struct daemon_plan *next =
        plan_of("[" PIPELINE("nightly", ZONE, BACKUP("0 2 * * *") "," VERIFY("30 2 * * *")) "]", 2);
    daemon_state_apply(state, next, T0 + 2 * HOUR + MINUTE);
    daemon_state_free(state);
    set_plan(next, T0 + 2 * HOUR + MINUTE);
    ck_assert_str_eq(schedule_reported(), "");
    ck_assert_str_eq(schedule_started(T0 + 3 * HOUR), "");
    schedule_ended("nightly", DAEMON_BACKUP, T0 + 3 * HOUR, DAEMON_END_FINAL);
    ck_assert_str_eq(schedule_started(T0 + 3 * HOUR), "nightly/verify");
    /* a job of a removed pipeline may end later */
    set_plan(plan_of("[]", 2), T0 + 4 * HOUR);
    schedule_ended("nightly", DAEMON_VERIFY, T0 + 5 * HOUR, DAEMON_END_FINAL);
    ck_assert_uint_eq(scheduler.busy_count, 0);
}
END_TEST

START_TEST(a_clock_that_is_set_back_does_not_stop_a_schedule)
{
    schedule_restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR), "nightly/backup");
    schedule_ended("nightly", DAEMON_BACKUP, T0 + 2 * HOUR, DAEMON_END_FINAL);
    /* set back a little: the same time does not start the job twice */
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR - 2000), "");
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR), "");
    ck_assert_str_eq(schedule_reported(), "");
    /* set back a lot: the schedule continues from the new time */
    ck_assert_str_eq(schedule_started(T0 - 300 * DAY), "");
    ck_assert_str_eq(schedule_reported(), "nightly/backup schedule.clock\n");
    ck_assert_str_eq(schedule_started(T0 - 300 * DAY + 2 * HOUR), "nightly/backup");
}
END_TEST

/* Two pipelines whose daemon is killed now and then. */
struct simulation {
    unsigned random;
    int64_t end_of[2];      /* when the running job ends; 0: none runs */
    int64_t waits_since[2]; /* the first time that no job has served; 0: none */
    enum daemon_kind kind_of[2];
    int starts, due, down, restarts, lost;
};

static const char *const simulated_names[2] = {"a", "b"};

static unsigned simulate_random(struct simulation *x)
{
    x->random = x->random * 1103515245 + 12345;
    return x->random;
}

/* The times of the calendar alone. */
static void simulate_calendar(struct simulation *x, int64_t now)
{
    for (int p = 0; p < 2; p++) {
        bool is_due = (now / MINUTE) % 60 == 15 ? p == 1 : p == 0 && (now / MINUTE) % 30 == 0;
        x->due += is_due && now > T0;
        if (is_due && now > T0 && !x->waits_since[p]) {
            x->waits_since[p] = now;
        }
    }
}

/* All processes are killed, and no daemon runs for up to 3 hours. */
static void simulate_crash(struct simulation *x, int64_t now)
{
    for (int p = 0; p < 2; p++) {
        x->lost += x->end_of[p] != 0;
        x->waits_since[p] = x->end_of[p] && !x->waits_since[p] ? now : x->waits_since[p];
        x->end_of[p] = 0;
    }
    x->down = 1 + (int)((x->random >> 8) % 180);
    x->restarts++;
}

static void simulate_ends(struct simulation *x, int64_t now)
{
    for (int p = 0; p < 2; p++) {
        if (x->end_of[p] && now >= x->end_of[p]) {
            schedule_ended(simulated_names[p], x->kind_of[p], now, DAEMON_END_FINAL);
            x->end_of[p] = 0;
            x->waits_since[p] = 0; /* times during the job are skipped */
        }
    }
}

static void simulate_starts(struct simulation *x, int64_t now)
{
    struct daemon_schedule *s;
    while ((s = daemon_scheduler_next(&scheduler, now))) {
        size_t p = s->pipeline;
        if (x->end_of[p]) {
            ck_abort_msg("two jobs of %s at once", simulated_names[p]);
        }
        if (!daemon_scheduler_started(&scheduler, s, now)) {
            ck_abort_msg("no memory");
        }
        x->end_of[p] = now + MINUTE + (simulate_random(x) >> 16) % 100 * MINUTE;
        x->kind_of[p] = s->kind;
        x->starts++;
        x->waits_since[p] = 0;
    }
    for (int p = 0; p < 2; p++) {
        if (x->waits_since[p] && !x->end_of[p]) {
            ck_abort_msg("%s was due at %lld and is not run", simulated_names[p],
                         (long long)x->waits_since[p]);
        }
    }
}

/* Simulates a month of restarts, long and short runs, and random crashes. */
START_TEST(no_job_is_lost_overlaps_or_runs_twice)
{
    const char *pipelines =
        "[" PIPELINE("a", ZONE, BACKUP("*/30 * * * *") "," VERIFY("0 3 * * *")) "," PIPELINE(
            "b", ZONE, BACKUP("15 * * * *")) "]";
    struct simulation x = {.random = 7};
    schedule_restart(plan_of(pipelines, 2), T0);
    for (int64_t now = T0; now < T0 + 30 * DAY; now += MINUTE) {
        simulate_random(&x);
        simulate_calendar(&x, now);
        if (x.down > 0) { /* no daemon runs */
            if (--x.down == 0) {
                schedule_restart(plan_of(pipelines, 2), now);
            }
        } else if ((x.random >> 16) % 600 == 0) {
            simulate_crash(&x, now);
        } else {
            simulate_ends(&x, now);
            daemon_scheduler_update(&scheduler, now);
            simulate_starts(&x, now);
        }
    }
    ck_assert_int_gt(x.starts, 300);
    ck_assert_int_gt(x.restarts, 30);
    ck_assert_int_gt(x.lost, 10);
    /* each start belongs to a time of the calendar or to a lost job */
    ck_assert_int_le(x.starts, x.due + 30 + x.lost);
}
END_TEST

#define RETRY "\"retry_times\": 2, \"retry_after_ms\": 600000,"
#define RETRIED_BACKUP "[" PIPELINE("p", ZONE RETRY, BACKUP("0 2 * * *")) "]"
#define RETRIED "[" PIPELINE("p", ZONE RETRY, BACKUP("0 2 * * *") "," VERIFY("0 4 * * *")) "]"

/* Starts the job of p that must be due now, and lets it fail a minute later. */
static void schedule_failed(const char *job, enum daemon_kind kind, int64_t now)
{
    ck_assert_str_eq(schedule_started(now), job);
    schedule_ended("p", kind, now + MINUTE, DAEMON_END_RETRY);
}

START_TEST(a_failed_backup_is_tried_again_a_limited_number_of_times)
{
    schedule_restart(plan_of(RETRIED, 2), T0);
    schedule_failed("p/backup", DAEMON_BACKUP, T0 + 2 * HOUR);
    ck_assert_str_eq(schedule_reported(), "p/backup schedule.retry\n");
    ck_assert_int_eq(daemon_scheduler_wake(&scheduler, T0 + 2 * HOUR + MINUTE),
                     T0 + 2 * HOUR + 11 * MINUTE);
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR + 11 * MINUTE - 1), "");
    schedule_failed("p/backup", DAEMON_BACKUP, T0 + 2 * HOUR + 11 * MINUTE);
    schedule_failed("p/backup", DAEMON_BACKUP, T0 + 2 * HOUR + 22 * MINUTE);
    ck_assert_str_eq(schedule_reported(), "p/backup schedule.retry\n"); /* not after the last try */
    ck_assert_str_eq(schedule_started(T0 + 3 * HOUR), "");
    schedule_failed("p/verify", DAEMON_VERIFY, T0 + 4 * HOUR); /* only backups */
    ck_assert_str_eq(schedule_started(T0 + 5 * HOUR), "");
    /* the next night has all its tries */
    schedule_failed("p/backup", DAEMON_BACKUP, T0 + DAY + 2 * HOUR);
    ck_assert_str_eq(schedule_started(T0 + DAY + 2 * HOUR + 11 * MINUTE), "p/backup");
    schedule_ended("p", DAEMON_BACKUP, T0 + DAY + 2 * HOUR + 12 * MINUTE, DAEMON_END_FINAL);
    ck_assert_str_eq(schedule_started(T0 + DAY + 3 * HOUR), "");
}
END_TEST

START_TEST(a_retry_survives_a_restart_and_a_reload)
{
    schedule_restart(plan_of(RETRIED_BACKUP, 2), T0);
    schedule_failed("p/backup", DAEMON_BACKUP, T0 + 2 * HOUR);
    schedule_restart(plan_of(RETRIED_BACKUP, 2), T0 + 2 * HOUR + 5 * MINUTE);
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR + 5 * MINUTE), "");
    struct daemon_plan *next = plan_of(RETRIED_BACKUP, 2);
    struct daemon_state *state = daemon_state_of(plan);
    daemon_state_apply(state, next, T0 + 2 * HOUR + 6 * MINUTE);
    daemon_state_free(state);
    set_plan(next, T0 + 2 * HOUR + 6 * MINUTE);
    ck_assert_str_eq(schedule_started(T0 + 2 * HOUR + 6 * MINUTE), "");
    schedule_failed("p/backup", DAEMON_BACKUP, T0 + 2 * HOUR + 11 * MINUTE);
    /* the daemon is stopped at the time of the last try, and is late */
    schedule_restart(plan_of(RETRIED_BACKUP, 2), T0 + 3 * HOUR);
    schedule_failed("p/backup", DAEMON_BACKUP, T0 + 3 * HOUR);
    ck_assert_str_eq(schedule_started(T0 + 3 * HOUR + 30 * MINUTE), "");
    /* without retry: in the new configuration nothing is tried again */
    schedule_failed("p/backup", DAEMON_BACKUP, T0 + DAY + 2 * HOUR);
    schedule_restart(plan_of("[" PIPELINE("p", ZONE, BACKUP("0 2 * * *")) "]", 2),
                     T0 + DAY + 2 * HOUR);
    ck_assert_str_eq(schedule_started(T0 + DAY + 3 * HOUR), "");
}
END_TEST

START_TEST(a_retry_gives_way_to_the_schedule)
{
    schedule_restart(plan_of("[" PIPELINE("p", ZONE RETRY, BACKUP("*/15 * * * *")) "]", 2), T0);
    schedule_failed("p/backup", DAEMON_BACKUP, T0 + 15 * MINUTE);     /* tried again at 00:26 */
    ck_assert_str_eq(schedule_started(T0 + 30 * MINUTE), "p/backup"); /* which did not happen */
    schedule_ended("p", DAEMON_BACKUP, T0 + 36 * MINUTE, DAEMON_END_RETRY); /* 00:46 is too late */
    ck_assert_str_eq(schedule_started(T0 + 45 * MINUTE - 1), "");
    ck_assert_str_eq(schedule_started(T0 + 45 * MINUTE), "p/backup");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_due_job_is_started_once,
        jobs_of_a_pipeline_wait_for_each_other,
        at_most_max_jobs_run_at_once,
        a_time_during_the_job_is_skipped,
        a_missed_job_is_started_once,
        without_catch_up_a_missed_job_is_not_started,
        a_lost_job_is_repeated_at_most_three_times,
        a_job_stopped_with_the_daemon_is_repeated,
        a_run_that_ended_after_its_daemon_is_not_repeated,
        a_locked_pipeline_is_tried_again,
        a_job_waits_for_its_window,
        jitter_is_bounded_and_constant,
        a_changed_schedule_continues_from_now,
        a_new_plan_does_not_disturb_running_jobs,
        a_clock_that_is_set_back_does_not_stop_a_schedule,
        a_failed_backup_is_tried_again_a_limited_number_of_times,
        a_retry_survives_a_restart_and_a_reload,
        a_retry_gives_way_to_the_schedule,
        no_job_is_lost_overlaps_or_runs_twice,
    };
    return SUITE_RUN("schedule", tests, schedule_setup, schedule_teardown);
}
