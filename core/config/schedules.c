/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * schedules: the keys of a pipeline that set the times of its jobs.  The daemon runs
 * these jobs, not the core.
 */
#include "config/schedules.h"

#include <string.h>

#include "base/cron.h"
#include "base/error.h"
#include "base/str.h"
#include "config/hints.h"

#define HOUR_MS INT64_C(3600000)

enum { WINDOWS_MAX = 50 };

/* Reports what is wrong with a text, at the character where it is wrong when the text
 * stands in the file as it is. */
static void schedule_report_problem(const struct hg_value_place *at, const struct hg_yaml *node,
                                    const char *text, const struct hg_cron_error *err,
                                    const char *hint)
{
    struct hg_value_place place = *at;
    if (strcmp(node->text, text) == 0) {
        place.column += err->at + (node->quoted ? 1 : 0);
    }
    hg_value_fail(&place, "%s: %s%s", at->name, err->text, hint);
}

static char *schedule_read_cron(struct hg_reader *r, const struct hg_yaml *pipeline,
                                const char *key)
{
    const struct hg_yaml *node = hg_yaml_get(pipeline, key);
    if (!node) {
        return NULL;
    }
    struct hg_value_place at = hg_reader_place(r, node, key);
    struct hg_cron cron;
    struct hg_cron_error err;
    char *text = hg_value_text(&at, node);
    if (text && !hg_cron_parse(text, &cron, &err)) {
        struct hg_str hint = {0};
        if (!hg_error_has_hint(err.text)) {
            hg_hint_for_schedule(text, &hint);
        }
        schedule_report_problem(&at, node, text, &err, hg_str_text(&hint));
        hg_str_free(&hint);
    }
    return text;
}

static char **schedule_read_windows(struct hg_reader *r, const struct hg_yaml *pipeline)
{
    const struct hg_yaml *node = hg_yaml_get(pipeline, "windows");
    if (!node) {
        return NULL;
    }
    struct hg_value_place at = hg_reader_place(r, node, "windows");
    char **windows = NULL;
    if (!hg_value_list(&at, node, &windows)) {
        return NULL;
    }
    const struct hg_yaml *items = node->type == HG_YAML_LIST ? node->items : node;
    size_t count = 0;
    for (; windows[count] && count <= WINDOWS_MAX; count++) {
        struct hg_value_place entry = hg_reader_place(r, &items[count], "windows");
        struct hg_window window;
        struct hg_cron_error err;
        if (!hg_window_parse(windows[count], &window, &err)) {
            schedule_report_problem(&entry, &items[count], windows[count], &err, "");
        }
    }
    if (count == 0) {
        hg_value_fail(
            &at, "windows is an empty list; hint: remove the key to let jobs begin at any time");
    }
    if (count > WINDOWS_MAX) {
        hg_value_fail(&at, "windows has more than %d entries", WINDOWS_MAX);
    }
    return windows;
}

static char *schedule_read_timezone(struct hg_reader *r, const struct hg_yaml *pipeline)
{
    const struct hg_yaml *node = hg_yaml_get(pipeline, "timezone");
    if (!node) {
        return NULL;
    }
    struct hg_value_place at = hg_reader_place(r, node, "timezone");
    char *name = hg_value_text(&at, node);
    if (name) {
        hg_zone_close(hg_reader_zone(r, name, node->line, node->column));
    }
    return name;
}

/* retry: { times, after } */
static void schedule_read_retry(struct hg_reader *r, const struct hg_yaml *pipeline,
                                struct hg_pipeline_config *p)
{
    static const char *const known[] = {"times", "after", NULL};
    static const struct hangar_option times = {
        .name = "times", .type = HANGAR_OPT_INT, .min = 0, .max = 100};
    static const struct hangar_option after = {
        .name = "after", .type = HANGAR_OPT_DURATION, .min = 1000, .max = 24 * HOUR_MS};
    const struct hg_yaml *node = hg_reader_map(r, pipeline, "retry");
    if (!node) {
        return;
    }
    hg_reader_check_keys(r, node, known, NULL);
    p->retry_times = hg_reader_number(r, node, &times, 1);
    p->retry_after_ms = hg_reader_number(r, node, &after, HOUR_MS / 6);
}

void hg_schedules_read(struct hg_reader *r, const struct hg_yaml *node,
                       struct hg_pipeline_config *p)
{
    static const struct hangar_option jitter = {
        .name = "jitter", .type = HANGAR_OPT_DURATION, .min = 0, .max = 24 * HOUR_MS};
    static const struct hangar_option catch_up = {.name = "catch_up", .type = HANGAR_OPT_BOOL};
    static const struct hangar_option max_duration = {
        .name = "max_duration", .type = HANGAR_OPT_DURATION, .min = 0, .max = 365 * 24 * HOUR_MS};
    static const struct hangar_option max_age = {
        .name = "max_age", .type = HANGAR_OPT_DURATION, .min = 0, .max = 3660 * 24 * HOUR_MS};
    p->schedule = schedule_read_cron(r, node, "schedule");
    p->verify = schedule_read_cron(r, node, "verify");
    p->drill = schedule_read_cron(r, node, "drill");
    p->timezone = schedule_read_timezone(r, node);
    p->windows = schedule_read_windows(r, node);
    p->jitter_ms = hg_reader_number(r, node, &jitter, 0);
    p->catch_up = hg_reader_number(r, node, &catch_up, 1) != 0;
    p->max_duration_ms = hg_reader_number(r, node, &max_duration, HOUR_MS / 2);
    p->max_age_ms = hg_reader_number(r, node, &max_age, -1);
    schedule_read_retry(r, node, p);
}
