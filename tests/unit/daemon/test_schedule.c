/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * schedule: what is started when, by times that the test tells.
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

static void take(struct daemon_plan *next, int64_t now)
{
    daemon_plan_free(plan);
    plan = next;
    daemon_scheduler_set_plan(&scheduler, plan, now);
}

/* A new process with this plan, which remembers what the last one did. */
static void restart(struct daemon_plan *next, int64_t now)
{
    struct daemon_state *state = plan ? daemon_state_of(plan) : NULL;
    daemon_scheduler_free(&scheduler);
    scheduler = (struct daemon_scheduler){.report = on_note};
    daemon_state_apply(state, next, now);
    daemon_state_free(state);
    take(next, now);
}

/* "nightly/backup" when that is to be started now; "" when nothing is. */
static const char *looked(int64_t now)
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

static void ended(const char *pipeline, enum daemon_kind kind, int64_t now, enum daemon_end end)
{
    daemon_scheduler_ended(&scheduler, pipeline, kind, now, end);
}

static const char *told(void)
{
    static char copy[sizeof(notes)];
    strcpy(copy, notes);
    notes[0] = '\0';
    return copy;
}

static void setup(void)
{
    folder_setup();
    scheduler = (struct daemon_scheduler){.report = on_note};
    plan = NULL;
    notes[0] = '\0';
}

static void teardown(void)
{
    daemon_scheduler_free(&scheduler);
    daemon_plan_free(plan);
    folder_teardown();
}

#define NIGHTLY "[" PIPELINE("nightly", ZONE, BACKUP("0 2 * * *")) "]"

START_TEST(it_is_started_when_it_is_due_and_once)
{
    restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(looked(T0), "");
    ck_assert(daemon_scheduler_wake(&scheduler, T0) == T0 + 2 * HOUR);
    ck_assert_str_eq(looked(T0 + 2 * HOUR - 1), "");
    ck_assert_str_eq(looked(T0 + 2 * HOUR), "nightly/backup");
    ck_assert_str_eq(looked(T0 + 2 * HOUR), "");
    ck_assert(daemon_scheduler_wake(&scheduler, T0 + 2 * HOUR) == INT64_MAX);
    ended("nightly", DAEMON_BACKUP, T0 + 2 * HOUR + MINUTE, DAEMON_END_FINAL);
    ck_assert_str_eq(looked(T0 + 2 * HOUR + MINUTE), "");
    ck_assert(daemon_scheduler_wake(&scheduler, T0 + 3 * HOUR) == T0 + DAY + 2 * HOUR);
    ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(jobs_of_a_pipeline_wait_for_each_other)
{
    restart(plan_of("[" PIPELINE("p", ZONE, BACKUP("0 2 * * *") "," VERIFY("0 2 * * *")) "]", 2),
            T0);
    ck_assert_str_eq(looked(T0 + 2 * HOUR), "p/backup");
    ck_assert_str_eq(looked(T0 + 3 * HOUR), "");
    ended("p", DAEMON_BACKUP, T0 + 4 * HOUR, DAEMON_END_FINAL);
    ck_assert_str_eq(looked(T0 + 4 * HOUR), "p/verify");
    ended("p", DAEMON_VERIFY, T0 + 4 * HOUR, DAEMON_END_FINAL);
    ck_assert_str_eq(looked(T0 + 5 * HOUR), "");
    ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(no_more_run_at_once_than_may)
{
    restart(plan_of("[" PIPELINE("a", ZONE, BACKUP("0 2 * * *")) "," PIPELINE(
                        "b", ZONE, BACKUP("0 1 * * *")) "," PIPELINE("c", ZONE,
                                                                     BACKUP("0 2 * * *")) "]",
                    2),
            T0);
    /* all are due: the longest due first */
    ck_assert_str_eq(looked(T0 + 3 * HOUR), "b/backup");
    ck_assert_str_eq(looked(T0 + 3 * HOUR), "a/backup");
    ck_assert_str_eq(looked(T0 + 3 * HOUR), "");
    ended("b", DAEMON_BACKUP, T0 + 4 * HOUR, DAEMON_END_FINAL);
    ck_assert_str_eq(looked(T0 + 4 * HOUR), "c/backup");
}
END_TEST

START_TEST(what_comes_due_while_it_runs_is_skipped)
{
    restart(plan_of("[" PIPELINE("p", ZONE, BACKUP("0 * * * *")) "]", 2), T0);
    ck_assert_str_eq(looked(T0 + HOUR), "p/backup");
    ck_assert_str_eq(looked(T0 + 2 * HOUR), "");
    ck_assert_str_eq(looked(T0 + 3 * HOUR), "");
    ended("p", DAEMON_BACKUP, T0 + 3 * HOUR + MINUTE, DAEMON_END_FINAL);
    ck_assert_str_eq(told(), "p/backup schedule.skipped\n");
    ck_assert_str_eq(looked(T0 + 3 * HOUR + MINUTE), "");
    ck_assert_str_eq(looked(T0 + 4 * HOUR), "p/backup");
}
END_TEST

START_TEST(what_was_missed_is_caught_up_once)
{
    restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(looked(T0), "");
    restart(plan_of(NIGHTLY, 2), T0 + 3 * DAY + 12 * HOUR);
    ck_assert_str_eq(looked(T0 + 3 * DAY + 12 * HOUR), "nightly/backup");
    ck_assert_str_eq(told(), "nightly/backup schedule.late\n");
    ended("nightly", DAEMON_BACKUP, T0 + 3 * DAY + 13 * HOUR, DAEMON_END_FINAL);
    ck_assert_str_eq(looked(T0 + 3 * DAY + 13 * HOUR), "");
    ck_assert_str_eq(looked(T0 + 4 * DAY + 2 * HOUR), "nightly/backup");
    ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(without_catch_up_what_was_missed_is_left_out)
{
    const char *pipelines =
        "[{\"name\": \"p\", " ZONE " \"catch_up\": false, \"jobs\": [" BACKUP("0 2 * * *") "]}]";
    restart(plan_of(pipelines, 2), T0);
    ck_assert_str_eq(looked(T0), "");
    restart(plan_of(pipelines, 2), T0 + DAY);
    ck_assert_str_eq(looked(T0 + DAY), "");
    ck_assert_str_eq(told(), "p/backup schedule.missed\n");
    /* a machine that slept is no other case */
    ck_assert_str_eq(looked(T0 + 2 * DAY), "");
    ck_assert_str_eq(told(), "p/backup schedule.missed\n");
    /* a little late is in time */
    restart(plan_of(pipelines, 2), T0 + 2 * DAY + 2 * HOUR + MINUTE);
    ck_assert_str_eq(looked(T0 + 2 * DAY + 2 * HOUR + MINUTE), "p/backup");
    ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(a_run_that_was_cut_off_is_repeated_three_times_at_most)
{
    restart(plan_of(NIGHTLY, 2), T0);
    int64_t now = T0 + 2 * HOUR;
    ck_assert_str_eq(looked(now), "nightly/backup");
    for (int i = 0; i < 3; i++) {
        restart(plan_of(NIGHTLY, 2), now += MINUTE);
        ck_assert_str_eq(told(), "nightly/backup job.lost\n");
        ck_assert_str_eq(looked(now), "nightly/backup");
    }
    restart(plan_of(NIGHTLY, 2), now += MINUTE);
    ck_assert_str_eq(told(), "nightly/backup job.lost\n");
    ck_assert_str_eq(looked(now), "");
    ck_assert_str_eq(looked(T0 + DAY + 2 * HOUR), "nightly/backup");
    /* one that ends in between is not "again and again" */
    ended("nightly", DAEMON_BACKUP, T0 + DAY + 3 * HOUR, DAEMON_END_FINAL);
    restart(plan_of(NIGHTLY, 2), T0 + DAY + 4 * HOUR);
    ck_assert_str_eq(looked(T0 + DAY + 4 * HOUR), "");
    ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(a_run_that_was_stopped_with_the_daemon_is_repeated)
{
    restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(looked(T0 + 2 * HOUR), "nightly/backup");
    ended("nightly", DAEMON_BACKUP, T0 + 2 * HOUR + MINUTE, DAEMON_END_STOPPED);
    restart(plan_of(NIGHTLY, 2), T0 + 3 * HOUR);
    ck_assert_str_eq(looked(T0 + 3 * HOUR), "nightly/backup");
}
END_TEST

#define HISTORY(status)                                                                            \
    "[" PIPELINE("nightly", ZONE "\"last_run\": {\"run\": \"r1\", \"status\": \"" status "\"},",   \
                 BACKUP("0 2 * * *")) "]"

START_TEST(a_run_that_ended_though_nobody_saw_it_is_not_repeated)
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
        teardown();
        setup();
        restart(plan_of(NIGHTLY, 2), T0);
        ck_assert_str_eq(looked(T0 + 2 * HOUR), "nightly/backup");
        snprintf(plan->schedules[0].run, DAEMON_RUN_SIZE, "%s", rows[i].run);
        restart(plan_of(rows[i].history, 2), T0 + 2 * HOUR + MINUTE);
        ck_assert_str_eq(looked(T0 + 2 * HOUR + MINUTE), rows[i].started);
    }
}
END_TEST

START_TEST(a_pipeline_that_another_process_has_is_tried_again)
{
    restart(plan_of(NIGHTLY, 2), T0);
    int64_t now = T0 + 2 * HOUR;
    ck_assert_str_eq(looked(now), "nightly/backup");
    ended("nightly", DAEMON_BACKUP, now, DAEMON_END_BUSY);
    ck_assert_str_eq(told(), "nightly/backup schedule.waiting\n");
    ck_assert_str_eq(looked(now + 29999), "");
    ck_assert(daemon_scheduler_wake(&scheduler, now + 29999) == now + 30000);
    ck_assert_str_eq(looked(now + 30000), "nightly/backup");
    ended("nightly", DAEMON_BACKUP, now + 30000, DAEMON_END_BUSY);
    ck_assert_str_eq(told(), ""); /* once is enough */
    /* nor does a restart lose it */
    restart(plan_of(NIGHTLY, 2), now + MINUTE);
    ck_assert_str_eq(looked(now + MINUTE), "nightly/backup");
}
END_TEST

START_TEST(a_window_makes_it_wait)
{
    restart(plan_of("[" PIPELINE("p", ZONE "\"windows\": [\"04:00-05:00\", \"22:00-23:00\"],",
                                 BACKUP("0 2 * * *")) "]",
                    2),
            T0);
    int64_t now = T0 + 2 * HOUR;
    ck_assert_str_eq(looked(now), "");
    ck_assert(daemon_scheduler_wake(&scheduler, now + 1) == now + MINUTE);
    ck_assert_str_eq(looked(T0 + 4 * HOUR - 1), "");
    ck_assert_str_eq(looked(T0 + 4 * HOUR), "p/backup");
    ended("p", DAEMON_BACKUP, T0 + 4 * HOUR + MINUTE, DAEMON_END_FINAL);
    ck_assert_str_eq(looked(T0 + 22 * HOUR), "");
}
END_TEST

START_TEST(jitter_is_within_its_bound_and_stays_the_same)
{
    const char *pipelines = "[" PIPELINE(
        "a", ZONE "\"jitter_ms\": 600000,",
        BACKUP("0 2 * * *") "," VERIFY(
            "0 2 * * *")) "," PIPELINE("b", ZONE "\"jitter_ms\": 600000,", BACKUP("0 2 * * *")) "]";
    restart(plan_of(pipelines, 2), T0);
    int64_t due[3];
    for (int i = 0; i < 3; i++) {
        due[i] = plan->schedules[i].due_ms;
        ck_assert(due[i] >= T0 + 2 * HOUR && due[i] <= T0 + 2 * HOUR + 600000);
    }
    ck_assert(due[0] != due[1] && due[0] != due[2] && due[1] != due[2]);
    ck_assert_str_eq(looked(due[0] - 1 < due[1] - 1 ? due[0] - 1 : due[1] - 1), "");
    restart(plan_of(pipelines, 2), T0 + HOUR);
    for (int i = 0; i < 3; i++) {
        ck_assert(plan->schedules[i].due_ms == due[i]);
    }
    /* day after day at the same time of the clock */
    for (int day = 1; day < 4; day++) {
        struct daemon_schedule *b = daemon_plan_find(plan, "b", DAEMON_BACKUP);
        daemon_scheduler_update(&scheduler, b->due_ms);
        ck_assert(daemon_scheduler_started(&scheduler, b, b->due_ms));
        ended("b", DAEMON_BACKUP, due[2] + MINUTE, DAEMON_END_FINAL);
        ck_assert(b->due_ms == due[2] + day * DAY);
    }
}
END_TEST

START_TEST(a_changed_schedule_goes_on_from_now)
{
    restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(looked(T0 + 2 * HOUR), "nightly/backup");
    ended("nightly", DAEMON_BACKUP, T0 + 3 * HOUR, DAEMON_END_FINAL);
    const char *ten = "[" PIPELINE("nightly", ZONE, BACKUP("0 10 * * *")) "]";
    restart(plan_of(ten, 2), T0 + 12 * HOUR);
    ck_assert_str_eq(looked(T0 + 12 * HOUR), "");
    ck_assert_str_eq(looked(T0 + DAY + 10 * HOUR), "nightly/backup");
}
END_TEST

START_TEST(a_new_plan_leaves_what_runs_alone)
{
    restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(looked(T0 + 2 * HOUR), "nightly/backup");
    /* the same process takes another plan */
    struct daemon_state *state = daemon_state_of(plan);
    struct daemon_plan *next =
        plan_of("[" PIPELINE("nightly", ZONE, BACKUP("0 2 * * *") "," VERIFY("30 2 * * *")) "]", 2);
    daemon_state_apply(state, next, T0 + 2 * HOUR + MINUTE);
    daemon_state_free(state);
    take(next, T0 + 2 * HOUR + MINUTE);
    ck_assert_str_eq(told(), "");
    ck_assert_str_eq(looked(T0 + 3 * HOUR), "");
    ended("nightly", DAEMON_BACKUP, T0 + 3 * HOUR, DAEMON_END_FINAL);
    ck_assert_str_eq(looked(T0 + 3 * HOUR), "nightly/verify");
    /* and a pipeline that is gone may still end */
    take(plan_of("[]", 2), T0 + 4 * HOUR);
    ended("nightly", DAEMON_VERIFY, T0 + 5 * HOUR, DAEMON_END_FINAL);
    ck_assert_uint_eq(scheduler.busy_count, 0);
}
END_TEST

START_TEST(a_clock_that_is_put_back_stops_nothing)
{
    restart(plan_of(NIGHTLY, 2), T0);
    ck_assert_str_eq(looked(T0 + 2 * HOUR), "nightly/backup");
    ended("nightly", DAEMON_BACKUP, T0 + 2 * HOUR, DAEMON_END_FINAL);
    /* a little: the same time does not come twice */
    ck_assert_str_eq(looked(T0 + 2 * HOUR - 2000), "");
    ck_assert_str_eq(looked(T0 + 2 * HOUR), "");
    ck_assert_str_eq(told(), "");
    /* a lot: it goes on from there */
    ck_assert_str_eq(looked(T0 - 300 * DAY), "");
    ck_assert_str_eq(told(), "nightly/backup schedule.clock\n");
    ck_assert_str_eq(looked(T0 - 300 * DAY + 2 * HOUR), "nightly/backup");
}
END_TEST

/* Years of restarts, long and short runs, and crashes at random, minute by minute. */
START_TEST(nothing_is_lost_overlaps_or_is_run_twice)
{
    const char *pipelines =
        "[" PIPELINE("a", ZONE, BACKUP("*/30 * * * *") "," VERIFY("0 3 * * *")) "," PIPELINE(
            "b", ZONE, BACKUP("15 * * * *")) "]";
    unsigned random = 7;
    int64_t end_of[2] = {0, 0}, waits_since[2] = {0, 0};
    enum daemon_kind kind_of[2] = {0};
    const char *names[2] = {"a", "b"};
    int starts = 0, due = 0, down = 0, restarts = 0, lost = 0;
    restart(plan_of(pipelines, 2), T0);
    for (int64_t now = T0; now < T0 + 30 * DAY; now += MINUTE) {
        random = random * 1103515245 + 12345;
        for (int p = 0; p < 2; p++) {
            /* what the calendar alone says */
            bool is_due = (now / MINUTE) % 60 == 15 ? p == 1 : p == 0 && (now / MINUTE) % 30 == 0;
            due += is_due && now > T0;
            if (is_due && now > T0 && !waits_since[p]) {
                waits_since[p] = now;
            }
        }
        if (down > 0) { /* nobody is there */
            if (--down == 0) {
                restart(plan_of(pipelines, 2), now);
            }
            continue;
        }
        if ((random >> 16) % 600 == 0) { /* kill -9 of all, and down for up to 3 hours */
            lost += (end_of[0] != 0) + (end_of[1] != 0);
            for (int p = 0; p < 2; p++) {
                waits_since[p] = end_of[p] && !waits_since[p] ? now : waits_since[p];
            }
            end_of[0] = end_of[1] = 0;
            down = 1 + (int)((random >> 8) % 180);
            restarts++;
            continue;
        }
        for (int p = 0; p < 2; p++) {
            if (end_of[p] && now >= end_of[p]) {
                ended(names[p], kind_of[p], now, DAEMON_END_FINAL);
                end_of[p] = 0;
                waits_since[p] = 0; /* what came due while it ran is left out */
            }
        }
        daemon_scheduler_update(&scheduler, now);
        struct daemon_schedule *s;
        while ((s = daemon_scheduler_next(&scheduler, now))) {
            size_t p = s->pipeline;
            if (end_of[p]) {
                ck_abort_msg("two jobs of %s at once", names[p]);
            }
            if (!daemon_scheduler_started(&scheduler, s, now)) {
                ck_abort_msg("no memory");
            }
            random = random * 1103515245 + 12345;
            end_of[p] = now + MINUTE + (random >> 16) % 100 * MINUTE;
            kind_of[p] = s->kind;
            starts++;
            waits_since[p] = 0;
        }
        for (int p = 0; p < 2; p++) {
            if (waits_since[p] && !end_of[p]) {
                ck_abort_msg("%s was due at %lld and is not run", names[p],
                             (long long)waits_since[p]);
            }
        }
    }
    ck_assert_int_gt(starts, 300);
    ck_assert_int_gt(restarts, 30);
    ck_assert_int_gt(lost, 10);
    /* each start has a time of the calendar, or a run that was cut off, behind it */
    ck_assert_int_le(starts, due + 30 + lost);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_is_started_when_it_is_due_and_once,
        jobs_of_a_pipeline_wait_for_each_other,
        no_more_run_at_once_than_may,
        what_comes_due_while_it_runs_is_skipped,
        what_was_missed_is_caught_up_once,
        without_catch_up_what_was_missed_is_left_out,
        a_run_that_was_cut_off_is_repeated_three_times_at_most,
        a_run_that_was_stopped_with_the_daemon_is_repeated,
        a_run_that_ended_though_nobody_saw_it_is_not_repeated,
        a_pipeline_that_another_process_has_is_tried_again,
        a_window_makes_it_wait,
        jitter_is_within_its_bound_and_stays_the_same,
        a_changed_schedule_goes_on_from_now,
        a_new_plan_leaves_what_runs_alone,
        a_clock_that_is_put_back_stops_nothing,
        nothing_is_lost_overlaps_or_is_run_twice,
    };
    return SUITE_RUN("schedule", tests, setup, teardown);
}
