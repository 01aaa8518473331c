/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * settings: the sections `limits:`, `alerts:` and `http:`.  They are declared and
 * read as the options of a plugin are.
 */
#include "config/settings.h"

#include <string.h>

#include "base/units.h"
#include "config/options.h"

enum { WORKERS_MAX = 256 };

/* In the order of enum hg_ionice. */
static const char *const ionice_classes[] = {"none", "best-effort", "idle", NULL};

static const struct hangar_option limit_options[] = {
    {.name = "memory",
     .type = HANGAR_OPT_SIZE,
     .default_value = "128MiB",
     .min = INT64_C(32) << 20,
     .max = INT64_C(1) << 40},
    {.name = "workers", .type = HANGAR_OPT_STRING, .default_value = "auto"},
    {.name = "stall_timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "10m",
     .min = 1000,
     .max = 7 * 86400000},
    {.name = "drill_timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "24h",
     .min = 1000,
     .max = 30 * INT64_C(86400000)},
    {.name = "temp_dir", .type = HANGAR_OPT_PATH},
    {.name = "nice", .type = HANGAR_OPT_INT, .default_value = "0", .min = 0, .max = 19},
    {.name = "ionice", .type = HANGAR_OPT_ENUM, .choices = ionice_classes, .default_value = "none"},
    {.name = "jobs", .type = HANGAR_OPT_INT, .default_value = "2", .min = 1, .max = 64},
    {.name = "stop_timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "40s",
     .min = 100,
     .max = 3600000},
    {.name = NULL},
};

static int64_t settings_read_workers(struct hg_reader *r, const struct hg_option_value *v)
{
    if (!v->set || strcmp(v->text, "auto") == 0) {
        return 0;
    }
    int64_t n;
    if (hg_parse_int(v->text, &n) && n >= 1 && n <= WORKERS_MAX) {
        return n;
    }
    hg_problem_add(r->problems, v->line, v->column,
                   "workers must be auto or from 1 to %d, not \"%.40s\"", WORKERS_MAX, v->text);
    return 0;
}

static void settings_read_limits(struct hg_reader *r)
{
    struct hg_config *c = r->config;
    struct hg_options limits;
    const struct hg_yaml *node = hg_reader_map(r, c->root, "limits");
    struct hg_options_request request = {.table = limit_options, .node = node, .dir = c->dir};
    hg_options_read(&limits, &request, r->problems);
    if (limits.count > 0) {
        c->memory_bytes = hg_options_get(&limits, "memory")->number;
        c->workers = settings_read_workers(r, hg_options_get(&limits, "workers"));
        c->stall_timeout_ms = hg_options_get(&limits, "stall_timeout")->number;
        c->drill_timeout_ms = hg_options_get(&limits, "drill_timeout")->number;
        c->nice = hg_options_get(&limits, "nice")->number;
        const char *class = hg_options_get(&limits, "ionice")->text;
        while (class && strcmp(class, ionice_classes[c->ionice]) != 0 &&
               c->ionice < HG_IONICE_IDLE) {
            c->ionice++;
        }
        c->jobs = hg_options_get(&limits, "jobs")->number;
        c->stop_timeout_ms = hg_options_get(&limits, "stop_timeout")->number;
        const char *temp_dir = hg_options_get(&limits, "temp_dir")->text;
        c->temp_dir = temp_dir ? strdup(temp_dir) : NULL;
        r->problems->failed = r->problems->failed || (temp_dir && !c->temp_dir);
    }
    hg_options_free(&limits);
}

static const struct hangar_option alert_options[] = {
    {.name = "repeat",
     .type = HANGAR_OPT_DURATION,
     .default_value = "12h",
     .min = 60000,
     .max = 365 * INT64_C(86400000)},
    {.name = "max_drill_age",
     .type = HANGAR_OPT_DURATION,
     .default_value = "35d",
     .min = 0,
     .max = 3650 * INT64_C(86400000)},
    {.name = "min_free", .type = HANGAR_OPT_SIZE, .default_value = "0", .max = INT64_C(1) << 60},
    {.name = "size_change", .type = HANGAR_OPT_INT, .default_value = "50", .min = 0, .max = 99},
    {.name = NULL},
};

static void settings_read_alerts(struct hg_reader *r)
{
    struct hg_options o;
    const struct hg_yaml *node = hg_reader_map(r, r->config->root, "alerts");
    struct hg_options_request request = {.table = alert_options, .node = node, .dir = ""};
    hg_options_read(&o, &request, r->problems);
    if (o.count > 0) {
        r->config->alerts = (struct hg_alert_config){
            .repeat_ms = hg_options_get(&o, "repeat")->number,
            .max_drill_age_ms = hg_options_get(&o, "max_drill_age")->number,
            .min_free_bytes = hg_options_get(&o, "min_free")->number,
            .size_change = hg_options_get(&o, "size_change")->number,
        };
    }
    hg_options_free(&o);
}

static void settings_read_http_host(struct hg_reader *r, const struct hg_option_value *v)
{
    if (!v || !v->set) {
        return;
    }
    size_t n = strlen(v->text);
    if (n == 0 || n > 253 ||
        strspn(v->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != n) {
        hg_problem_add(r->problems, v->line, v->column,
                       "host must be the name by which clients reach this machine, without a port, "
                       "not \"%.60s\"",
                       v->text);
    }
    r->config->http_host = strdup(v->text);
    r->problems->failed = r->problems->failed || !r->config->http_host;
}

static void settings_read_http(struct hg_reader *r)
{
    static const struct hangar_option http_options[] = {
        {.name = "listen", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_REQUIRED},
        {.name = "host", .type = HANGAR_OPT_STRING},
        {.name = NULL}};
    const struct hg_yaml *node = hg_reader_map(r, r->config->root, "http");
    if (!node) {
        return;
    }
    struct hg_options_request request = {
        .table = http_options, .node = node, .dir = "", .line = node->line, .column = node->column};
    struct hg_options o;
    hg_options_read(&o, &request, r->problems);
    const struct hg_option_value *v = hg_options_get(&o, "listen");
    if (v && v->set) {
        const char *colon = strrchr(v->text, ':');
        int64_t port;
        if (!colon || colon == v->text || !hg_parse_int(colon + 1, &port) || port < 1 ||
            port > 65535) {
            hg_problem_add(r->problems, v->line, v->column,
                           "listen must be an address and a port, such as 127.0.0.1:9848, not "
                           "\"%.60s\"",
                           v->text);
        }
        r->config->listen = strdup(v->text);
        r->problems->failed = r->problems->failed || !r->config->listen;
    }
    settings_read_http_host(r, hg_options_get(&o, "host"));
    hg_options_free(&o);
}

void hg_settings_read(struct hg_reader *r)
{
    settings_read_limits(r);
    settings_read_alerts(r);
    settings_read_http(r);
}
