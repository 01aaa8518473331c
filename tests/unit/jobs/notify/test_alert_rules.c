/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alert_rules: for each thing that can be wrong, the alert it gives and the edge at
 * which it begins; and none for a pipeline that is well.
 */
#include "jobs/notify/alert_rules.h"

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
     "failed: the last run was failed: no route\n"},
    {P("'last_run': {'status': 'degraded'}", SINK(""), ""), "failed: the last run was degraded\n"},
    {P("'last_run': {'status': 'done', 'duration_ms': 1800001}", SINK(""), ""),
     "slow: the last run took 30 min, more than 30 min\n"},
    {P(RUN, SINK(""), ", 'running': {'since': '2026-01-16T01:00:00.000Z'}"),
     "slow: the run under way takes 1 h, more than 30 min\n"},
    {P(RUN, SINK(""), ", 'running': {'since': '2026-01-16T01:30:00.000Z'}"), ""},
    {P(RUN, "'sinks': [{'name': 's', 'newest_time': '2026-01-15T00:59:59.999Z'}]", ""),
     "stale s: the newest good backup in sink s is 1 d 01 h old, more than 1 d 01 h\n"},
    {P(RUN, "'sinks': [{'name': 's', 'newest_time': null}]", ""),
     "stale s: there is no good backup in sink s\n"},
    {P(RUN, "'sinks': [{'name': 's', 'newest_time': null, 'error': 'no route'}]", ""),
     "unreachable s: what sink s holds cannot be told: no route\n"},
    {P(RUN, SINK(", 'reachable': true, 'error': 'b is damaged'"), ""),
     "damaged s: in sink s: b is damaged\n"},
    {P(RUN, SINK(", 'free_bytes': 1000"), ""), ""},
    {P(RUN, SINK(", 'free_bytes': 999"), ""),
     "space s: 999 B are free in sink s, less than 1000 B\n"},
    {P(RUN, SINK(", 'free_bytes': 11000, 'newest_bytes': 10000"), ""), ""},
    {P(RUN, SINK(", 'free_bytes': 10999, 'newest_bytes': 10000"), ""),
     "space s: 10.7 KiB are free in sink s, and the next backup needs about 10.7 KiB\n"},
    {P(RUN, SINK(", 'newest_bytes': 500, 'usual_bytes': 1000"), ""), ""},
    {P(RUN, SINK(", 'newest_bytes': 499, 'usual_bytes': 1000"), ""),
     "size s: the newest backup in sink s has 499 B, and 1000 B are usual\n"},
    {P(RUN, SINK(", 'newest_bytes': 2000, 'usual_bytes': 1000"), ""), ""},
    {P(RUN, SINK(", 'newest_bytes': 2001, 'usual_bytes': 1000"), ""),
     "size s: the newest backup in sink s has 2.0 KiB, and 1000 B are usual\n"},
    {P(RUN, SINK(", 'newest_bytes': 1, 'usual_bytes': null"), ""), ""},
    {P(RUN, SINK(""),
       ", 'last_drill': {'status': 'corrupt', 'id': 'b', 'sink': 's', 'time': "
       "'2026-01-16T01:00:00.000Z'}"),
     "drill: the last drill, of b in sink s, was corrupt\n"},
    {P(RUN, SINK(""), ", 'last_drill': {'status': 'done', 'time': '2025-12-12T01:59:59.999Z'}"),
     "drill: the last drill was 35 d ago, more than 35 d\n"},
    {P(RUN, SINK(""), ", 'last_drill': {'status': 'done', 'time': '2025-12-12T02:00:00.000Z'}"),
     ""},
    {P(RUN,
       "'sinks': [{'name': 's', 'newest_time': '2026-01-16T01:00:00.000Z', 'oldest_time': "
       "'2025-12-01T00:00:00.000Z'}]",
       ""),
     "drill: there was no drill since 46 d 02 h ago, more than 35 d\n"},
};

/* JSON with the quotes that are easier to read in C. */
static json_t *parse(const char *text)
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

static void check(const char *status, const struct hg_alert_limits *allowed, const char *expected)
{
    struct hg_alerts alerts;
    char text[2048] = "";
    json_t *doc = parse(status);
    hg_alert_rules(doc, allowed, NOW, &alerts);
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

START_TEST(each_thing_that_is_wrong_gives_its_alert)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check(rows[i].status, &limits, rows[i].alerts);
    }
}
END_TEST

START_TEST(without_limits_only_failures_count)
{
    static const struct hg_alert_limits none;
    check(P("'last_run': {'status': 'done', 'duration_ms': 999999999}",
            "'sinks': [{'name': 's', 'newest_time': null, 'free_bytes': 0, 'newest_bytes': 0, "
            "'usual_bytes': 1000}]",
            ""),
          &none, "");
}
END_TEST

START_TEST(all_that_is_wrong_is_told)
{
    check(P("'last_run': {'status': 'failed'}",
            "'sinks': [{'name': 's', 'newest_time': null, 'free_bytes': 0}, {'name': 't', "
            "'error': 'x'}]",
            ""),
          &limits,
          "failed: the last run was failed\nstale s: there is no good backup in sink s\n"
          "space s: 0 B are free in sink s, less than 1000 B\n"
          "unreachable t: what sink t holds cannot be told: x\n");
}
END_TEST

START_TEST(a_look_that_another_has_overtaken_is_outdated)
{
    json_t *memory =
        json_pack("{s:{s:s}, s:{}}", "p", "looked", "2026-01-16T02:00:00.000Z", "never");
    ck_assert(hg_alert_outdated(memory, "p", NOW - 1, NOW));
    ck_assert(hg_alert_outdated(memory, "p", NOW - HOUR, NOW + HOUR));
    ck_assert(!hg_alert_outdated(memory, "p", NOW, NOW));
    ck_assert(!hg_alert_outdated(memory, "p", NOW + 1, NOW + 2));
    ck_assert(!hg_alert_outdated(memory, "p", NOW - 2, NOW - 1)); /* the clock was put back */
    ck_assert(!hg_alert_outdated(memory, "q", 0, NOW));
    ck_assert(!hg_alert_outdated(memory, "never", 0, NOW));
    json_decref(memory);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_thing_that_is_wrong_gives_its_alert,
        without_limits_only_failures_count,
        all_that_is_wrong_is_told,
        a_look_that_another_has_overtaken_is_outdated,
    };
    return SUITE_RUN("jobs/notify/alert_rules", tests, NULL, NULL);
}
