/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alert_rules: each fault raises its alert at its limit, and a healthy pipeline raises none.
 */
#include "jobs/notify/alert_rules.h"

#include "base/clock.h"
#include "base/json.h"
#include "jobs/notify/alert_memory.h"
#include "state/status_name.h"
#include "suite.h"

#define NOW INT64_C(1768528800000) /* 2026-01-16T02:00:00Z */
#define HOUR INT64_C(3600000)

static const struct hg_alert_limits limits = {.max_age_ms = 25 * HOUR,
                                              .max_duration_ms = HOUR / 2,
                                              .max_drill_age_ms = 35 * 24 * HOUR,
                                              .min_free_bytes = 1000,
                                              .size_change = 50};

#define RUN "'last_run': {'status': 'done', 'duration_ms': 1800000}"
#define SINK(more)                                                                                 \
    "'sinks': [{'name': 's', 'newest_time': '2026-01-15T01:00:00.000Z', 'oldest_time': "           \
    "'2026-01-01T01:00:00.000Z'" more "}]"
#define P(run, sink, more) "{'name': 'p', " run ", " sink more "}"

static const struct {
    const char *status, *alerts;
} rows[] = {
    {P(RUN, SINK(""), ""), ""},
    {P("'last_run': null", SINK(""), ""), ""},
    {P("'last_run': {'status': 'failed', 'error': 'no route'}", SINK(""), ""),
     "failed: last run failed: no route\n"},
    {P("'last_run': {'status': 'degraded'}", SINK(""), ""), "failed: last run degraded\n"},
    {P("'last_run': {'status': 'done', 'duration_ms': 1800001}", SINK(""), ""),
     "slow: last run took 30 min (limit 30 min)\n"},
    {P(RUN, SINK(""), ", 'running': {'since': '2026-01-16T01:00:00.000Z'}"),
     "slow: current run has been running for 1 h (limit 30 min)\n"},
    {P(RUN, SINK(""), ", 'running': {'since': '2026-01-16T01:30:00.000Z'}"), ""},
    {P(RUN, SINK(""), ", 'running': {'since': '2026-01-16T01:00:00.000Z', 'job': 'copy'}"), ""},
    {P(RUN, "'sinks': [{'name': 's', 'newest_time': '2026-01-15T00:59:59.999Z'}]", ""),
     "stale s: newest good backup in sink s is 1 d 01 h old (limit 1 d 01 h)\n"},
    {P(RUN, "'sinks': [{'name': 's', 'newest_time': null}]", ""),
     "stale s: no good backup in sink s\n"},
    {P(RUN, "'sinks': [{'name': 's', 'newest_time': null, 'error': 'no route'}]", ""),
     "unreachable s: cannot read sink s: no route\n"},
    {P(RUN, SINK(", 'reachable': true, 'error': 'b is damaged'"), ""),
     "damaged s: in sink s: b is damaged\n"},
    {P(RUN, SINK(", 'reachable': true, 'error': 'b is damaged', 'damaged': 3, 'free_bytes': 999"),
       ""),
     "damaged s: in sink s: b is damaged (and 2 more)\nspace s: 999 B free in sink s (limit 1000 "
     "B)\n"},
    {P(RUN, SINK(", 'future': 'backup_2099-01-01T00-00-00-000Z'"), ""),
     "future s: in sink s: backup_2099-01-01T00-00-00-000Z is from the future, and does not count "
     "as the newest\n"},
    {P(RUN, SINK(", 'free_bytes': 1000"), ""), ""},
    {P(RUN, SINK(", 'free_bytes': 999"), ""), "space s: 999 B free in sink s (limit 1000 B)\n"},
    {P(RUN, SINK(", 'free_bytes': 11000, 'newest_bytes': 10000"), ""), ""},
    {P(RUN, SINK(", 'free_bytes': 10999, 'newest_bytes': 10000"), ""),
     "space s: 10.7 KiB free in sink s, but the next backup needs about 10.7 KiB\n"},
    {P(RUN, SINK(", 'newest_bytes': 500, 'usual_bytes': 1000"), ""), ""},
    {P(RUN, SINK(", 'newest_bytes': 499, 'usual_bytes': 1000"), ""),
     "size s: newest backup in sink s is 499 B (usually about 1000 B)\n"},
    {P(RUN, SINK(", 'newest_bytes': 2000, 'usual_bytes': 1000"), ""), ""},
    {P(RUN, SINK(", 'newest_bytes': 2001, 'usual_bytes': 1000"), ""),
     "size s: newest backup in sink s is 2.0 KiB (usually about 1000 B)\n"},
    {P(RUN, SINK(", 'newest_bytes': 1, 'usual_bytes': null"), ""), ""},
    {P(RUN, SINK(""),
       ", 'last_drill': {'status': 'corrupt', 'id': 'b', 'sink': 's', 'time': "
       "'2026-01-16T01:00:00.000Z'}"),
     "drill: last drill of b in sink s: corrupt\n"},
    {P(RUN, SINK(""), ", 'last_drill': {'status': 'done', 'time': '2025-12-12T01:59:59.999Z'}"),
     "drill: no drill for 35 d (limit 35 d)\n"},
    {P(RUN, SINK(""), ", 'last_drill': {'status': 'done', 'time': '2025-12-12T02:00:00.000Z'}"),
     ""},
    {P(RUN,
       "'sinks': [{'name': 's', 'newest_time': '2026-01-16T01:00:00.000Z', 'oldest_time': "
       "'2025-12-01T00:00:00.000Z'}]",
       ""),
     "drill: no drill for 46 d 02 h (limit 35 d)\n"},
};

/* Parses JSON with single quotes, which are easier to read in C. */
static json_t *alert_rules_parse(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; *c; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    json_t *doc = json_loads(copy, 0, NULL);
    ck_assert_msg(doc != NULL, "%s", copy);
    free(copy);
    return doc;
}

static int64_t time_at(const json_t *object, const char *key)
{
    int64_t ms = -1;
    const char *text = hg_json_string(object, key, NULL);
    ck_assert(!text || hg_time_parse(text, &ms));
    return ms;
}

enum { SINKS = 2 };

/* Sink number i of a row. */
static struct hg_sink_status make_sink(const json_t *one, size_t i)
{
    static struct hg_instance_config configs[SINKS];
    static struct hg_index_item newest[SINKS], oldest[SINKS], damage[SINKS], future[SINKS];
    const char *error = hg_json_string(one, "error", NULL);
    configs[i].name = (char *)(uintptr_t)hg_json_string(one, "name", "?");
    newest[i] = (struct hg_index_item){.time_ms = time_at(one, "newest_time")};
    newest[i].summary.stored_bytes = hg_json_int(one, "newest_bytes", 0);
    oldest[i] = (struct hg_index_item){.time_ms = time_at(one, "oldest_time")};
    struct hg_sink_status sink = {.config = &configs[i],
                                  .readable =
                                      !error || json_is_true(json_object_get(one, "reachable")),
                                  .newest = newest[i].time_ms >= 0 ? &newest[i] : NULL,
                                  .oldest = oldest[i].time_ms >= 0 ? &oldest[i] : NULL,
                                  .usual_bytes = hg_json_int(one, "usual_bytes", -1),
                                  .free_bytes = hg_json_int(one, "free_bytes", -1)};
    damage[i] = (struct hg_index_item){.problem = (char *)(uintptr_t)error};
    if (error && sink.readable) {
        sink.damage = &damage[i];
        sink.damaged = hg_json_int(one, "damaged", 1);
    } else if (error) {
        hg_fail(&sink.error, HANGAR_IO, 0, "%s", error);
    }
    future[i] =
        (struct hg_index_item){.id = (char *)(uintptr_t)hg_json_string(one, "future", NULL)};
    sink.future = future[i].id ? &future[i] : NULL;
    return sink;
}

/* The status that a row describes; valid until the next call. */
static struct hg_pipeline_status make_status(const json_t *doc)
{
    static struct hg_pipeline_config pipeline;
    static struct hg_sink_status sinks[SINKS];
    static struct hg_verification last_drill;
    const json_t *run = json_object_get(doc, "last_run");
    const json_t *drill = json_object_get(doc, "last_drill");
    const json_t *list = json_object_get(doc, "sinks");
    pipeline.name = (char *)(uintptr_t)hg_json_string(doc, "name", "?");
    ck_assert_uint_le(json_array_size(list), SINKS);
    for (size_t i = 0; i < json_array_size(list); i++) {
        sinks[i] = make_sink(json_array_get(list, i), i);
    }
    last_drill = (struct hg_verification){
        .id = hg_json_string(drill, "id", "?"),
        .sink = hg_json_string(drill, "sink", "?"),
        .time_ms = time_at(drill, "time"),
        .status = hg_status_of_name(hg_json_string(drill, "status", "done"))};
    return (struct hg_pipeline_status){
        .config = &pipeline,
        .last_run = {.exists = json_is_object(run),
                     .status = hg_status_of_name(hg_json_string(run, "status", "")),
                     .error = hg_json_string(run, "error", NULL),
                     .duration_ms = hg_json_int(run, "duration_ms", 0)},
        .running = {.since_ms = time_at(json_object_get(doc, "running"), "since"),
                    .job = json_object_get(json_object_get(doc, "running"), "job")
                               ? HG_LOCK_COPY
                               : HG_LOCK_BACKUP},
        .last_drill = drill ? &last_drill : NULL,
        .sinks = sinks,
        .sink_count = json_array_size(list),
    };
}

static void alert_rules_check(const char *status, const struct hg_alert_limits *allowed,
                              const char *expected)
{
    char text[2048] = "";
    json_t *doc = alert_rules_parse(status);
    const struct hg_pipeline_status pipeline = make_status(doc);
    struct hg_alerts alerts;
    hg_alert_rules(&pipeline, allowed, NOW, &alerts);
    ck_assert(!alerts.failed);
    for (size_t i = 0; i < alerts.count; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof(text) - n, "%s: %s\n", alerts.items[i].key,
                 hg_str_text(&alerts.items[i].text));
    }
    ck_assert_str_eq(text, expected);
    hg_alerts_free(&alerts);
    json_decref(doc);
}

START_TEST(each_fault_raises_its_alert_at_its_limit)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        alert_rules_check(rows[i].status, &limits, rows[i].alerts);
    }
}
END_TEST

START_TEST(without_limits_only_failures_raise_alerts)
{
    static const struct hg_alert_limits none;
    alert_rules_check(
        P("'last_run': {'status': 'done', 'duration_ms': 999999999}",
          "'sinks': [{'name': 's', 'newest_time': null, 'free_bytes': 0, 'newest_bytes': 0, "
          "'usual_bytes': 1000}]",
          ""),
        &none, "");
}
END_TEST

START_TEST(several_alerts_of_a_pipeline_are_all_reported)
{
    alert_rules_check(
        P("'last_run': {'status': 'failed'}",
          "'sinks': [{'name': 's', 'newest_time': null, 'free_bytes': 0}, {'name': 't', "
          "'error': 'x'}]",
          ""),
        &limits,
        "failed: last run failed\nstale s: no good backup in sink s\n"
        "space s: 0 B free in sink s (limit 1000 B)\n"
        "unreachable t: cannot read sink t: x\n");
}
END_TEST

START_TEST(a_status_older_than_the_one_judged_last_is_outdated)
{
    struct hg_alert_memory memory = {0};
    ck_assert_int_eq(hg_alert_memory_set_judged(&memory, "p", NOW, NULL), HANGAR_OK);
    ck_assert(hg_alert_memory_is_newer(&memory, "p", NOW - 1, NOW));
    ck_assert(hg_alert_memory_is_newer(&memory, "p", NOW - HOUR, NOW + HOUR));
    ck_assert(!hg_alert_memory_is_newer(&memory, "p", NOW, NOW));
    ck_assert(!hg_alert_memory_is_newer(&memory, "p", NOW + 1, NOW + 2));
    /* the clock was set back */
    ck_assert(!hg_alert_memory_is_newer(&memory, "p", NOW - 2, NOW - 1));
    ck_assert(!hg_alert_memory_is_newer(&memory, "q", 0, NOW));
    hg_alert_memory_free(&memory);
}
END_TEST

START_TEST(the_first_judgement_of_a_sink_is_remembered)
{
    struct hg_alert_memory memory = {0};
    /* not before its pipeline has been judged */
    ck_assert_int_eq(hg_alert_memory_add_sink(&memory, "p", "s", NOW - HOUR, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_alert_memory_first(&memory, "p", "s", NOW), NOW);
    ck_assert_int_eq(hg_alert_memory_set_judged(&memory, "p", NOW, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_alert_memory_first(&memory, "p", "s", NOW), NOW);
    ck_assert_int_eq(hg_alert_memory_add_sink(&memory, "p", "s", NOW - HOUR, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_alert_memory_add_sink(&memory, "p", "s", NOW, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_alert_memory_first(&memory, "p", "s", NOW), NOW - HOUR);
    ck_assert_int_eq(hg_alert_memory_first(&memory, "p", "t", NOW), NOW);
    /* the clock was set back: a time in the future does not count */
    ck_assert_int_eq(hg_alert_memory_first(&memory, "p", "s", NOW - 2 * HOUR), NOW - 2 * HOUR);
    ck_assert_int_eq(hg_alert_memory_add_sink(&memory, "p", "s", NOW - 2 * HOUR, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_alert_memory_first(&memory, "p", "s", NOW), NOW - 2 * HOUR);
    hg_alert_memory_free(&memory);
}
END_TEST

START_TEST(a_saved_memory_is_loaded_unchanged)
{
    folder_setup();
    struct hg_log log;
    hg_log_init(&log);
    const struct hg_state state = {.dir = folder_path, .log = &log};
    struct hg_alert_memory memory = {0};
    const struct hg_firing_alert alert = {.pipeline = (char[]){"p"},
                                          .key = (char[]){"stale s"},
                                          .text = (char[]){"no good backup in sink s"},
                                          .since_ms = NOW - HOUR,
                                          .notified_ms = NOW};
    ck_assert_int_eq(hg_alert_memory_put(&memory, &alert, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_alert_memory_put(&memory, &alert, NULL), HANGAR_OK); /* replaces it */
    ck_assert_int_eq(hg_alert_memory_set_judged(&memory, "p", NOW, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_alert_memory_add_sink(&memory, "p", "s", NOW - HOUR, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_alert_memory_add_sink(&memory, "p", "t", NOW, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_alert_memory_save(&memory, &state, NULL), HANGAR_OK);
    hg_alert_memory_free(&memory);
    ck_assert_int_eq(hg_alert_memory_load(&memory, &state, NULL), HANGAR_OK);
    ck_assert_uint_eq(memory.count, 1);
    const struct hg_firing_alert *found = hg_alert_memory_find(&memory, "p", "stale s");
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found->text, alert.text);
    ck_assert_int_eq(found->since_ms, alert.since_ms);
    ck_assert_int_eq(found->notified_ms, alert.notified_ms);
    ck_assert(hg_alert_memory_is_newer(&memory, "p", NOW - 1, NOW));
    ck_assert_int_eq(hg_alert_memory_first(&memory, "p", "s", NOW + HOUR), NOW - HOUR);
    ck_assert_int_eq(hg_alert_memory_first(&memory, "p", "t", NOW + HOUR), NOW);
    hg_alert_memory_free(&memory);
    hg_log_fini(&log);
    folder_teardown();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_fault_raises_its_alert_at_its_limit,
        without_limits_only_failures_raise_alerts,
        several_alerts_of_a_pipeline_are_all_reported,
        a_status_older_than_the_one_judged_last_is_outdated,
        the_first_judgement_of_a_sink_is_remembered,
        a_saved_memory_is_loaded_unchanged,
    };
    return SUITE_RUN("jobs/notify/alert_rules", tests, NULL, NULL);
}
