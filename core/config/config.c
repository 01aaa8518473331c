/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * config: finds backup.yaml, reads it and makes the model of it.  Reports all that
 * is wrong in one pass; knows no plugin, and leaves `options:` to options.c.
 */
#include "config/config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/units.h"
#include "base/zone.h"
#include "config/reader.h"

static const struct {
    const char *name, *section;
} kinds[HG_KINDS] = {
    [HG_SOURCE] = {"source", "sources"},
    [HG_TRANSFORM] = {"transform", "transforms"},
    [HG_SINK] = {"sink", "sinks"},
    [HG_NOTIFIER] = {"notifier", "notifiers"},
};

const char *hg_kind_name(enum hg_kind kind)
{
    return kinds[kind].name;
}

const char *hg_kind_section(enum hg_kind kind)
{
    return kinds[kind].section;
}

/* limits: read as the options of a plugin are. */
enum { MAX_WORKERS = 256 };

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

static int64_t read_workers(struct hg_reader *r, const struct hg_option_value *v)
{
    int64_t n;
    if (!v->set || strcmp(v->text, "auto") == 0) {
        return 0;
    }
    if (hg_parse_int(v->text, &n) && n >= 1 && n <= MAX_WORKERS) {
        return n;
    }
    hg_problem_add(r->problems, v->line, v->column,
                   "workers must be auto or from 1 to %d, not \"%.40s\"", MAX_WORKERS, v->text);
    return 0;
}

static void read_limits(struct hg_reader *r)
{
    struct hg_config *c = r->config;
    struct hg_options limits;
    const struct hg_yaml *node = hg_get_map(r, c->root, "limits");
    hg_options_bind(&limits, limit_options, node, c->dir, 0, 0, NULL, 0, false, r->problems);
    if (limits.count > 0) {
        c->memory_bytes = hg_options_get(&limits, "memory")->number;
        c->workers = read_workers(r, hg_options_get(&limits, "workers"));
        c->stall_timeout_ms = hg_options_get(&limits, "stall_timeout")->number;
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

static void read_alerts(struct hg_reader *r)
{
    struct hg_options o;
    const struct hg_yaml *node = hg_get_map(r, r->config->root, "alerts");
    hg_options_bind(&o, alert_options, node, "", 0, 0, NULL, 0, false, r->problems);
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

static void read_http(struct hg_reader *r)
{
    static const struct hangar_option http_options[] = {
        {.name = "listen", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_REQUIRED},
        {.name = NULL}};
    struct hg_options o;
    const struct hg_yaml *node = hg_get_map(r, r->config->root, "http");
    if (!node) {
        return;
    }
    hg_options_bind(&o, http_options, node, "", node->line, node->column, NULL, 0, false,
                    r->problems);
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
    hg_options_free(&o);
}

static void read_version(struct hg_reader *r)
{
    const struct hg_yaml *root = r->config->root, *node = hg_yaml_get(root, "version");
    if (!node) {
        hg_problem_add(r->problems, root->line, root->column,
                       "key \"version\" is missing; hint: begin the file with \"version: 1\"");
        return;
    }
    struct hg_value_place at = hg_place_of(r, node, "version");
    char *version = hg_value_text(&at, node);
    if (version && strcmp(version, "1") != 0) {
        hg_value_fail(&at, "version must be 1, not \"%.40s\"", version);
    }
    free(version);
}

/* origin: stands in file names and JSON, so it is kept plain. */
static void read_origin(struct hg_reader *r)
{
    struct hg_config *c = r->config;
    const struct hg_yaml *node = hg_yaml_get(c->root, "origin");
    if (!node) {
        return;
    }
    struct hg_value_place at = hg_place_of(r, node, "origin");
    c->origin = hg_value_text(&at, node);
    size_t n = c->origin ? strlen(c->origin) : 1;
    if (c->origin &&
        (n == 0 || n > 100 ||
         strspn(c->origin, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
             n)) {
        hg_value_fail(&at,
                      "origin must be 1 to 100 of letters, digits, \".\", \"_\" and \"-\", "
                      "not \"%.40s\"",
                      c->origin);
    }
}

static void read_plugin_path(struct hg_reader *r)
{
    static const struct hangar_option option = {.name = "plugin_path", .type = HANGAR_OPT_PATH};
    struct hg_config *c = r->config;
    const struct hg_yaml *node = hg_yaml_get(c->root, "plugin_path");
    if (!node) {
        return;
    }
    struct hg_value_place at = hg_place_of(r, node, "plugin_path");
    if (!hg_value_list(&at, node, &c->plugin_path)) {
        return;
    }
    for (char **path = c->plugin_path; *path; path++) {
        int64_t unused;
        hg_value_convert(&at, &option, c->dir, path, &unused);
    }
}

static void read_model(struct hg_reader *r)
{
    static const char *const known[] = {
        "version", "origin",    "plugin_path", "limits", "signing", "sources", "transforms",
        "sinks",   "notifiers", "pipelines",   "alerts", "http",    NULL};
    const struct hg_yaml *root = r->config->root;
    if (root->type != HG_YAML_MAP) {
        hg_problem_add(r->problems, root->line, root->column,
                       "the file must be a map of keys and values");
        return;
    }
    hg_check_keys(r, root, known, NULL);
    read_version(r);
    read_origin(r);
    read_plugin_path(r);
    read_limits(r);
    read_alerts(r);
    read_http(r);
    hg_read_signing(r);
    for (enum hg_kind kind = HG_SOURCE; kind < HG_KINDS; kind++) {
        hg_read_instances(r, kind);
    }
    hg_read_pipelines(r);
}

/* The absolute folder of a path; NULL when out of memory or when it is not there. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    char *absolute = folder ? realpath(folder, NULL) : NULL;
    free(folder);
    return absolute;
}

static const char *find_file(struct hg_problems *problems)
{
    static const char *const places[] = {"backup.yaml", "/etc/hangar/backup.yaml"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (access(places[i], F_OK) == 0) {
            return places[i];
        }
    }
    hg_problem_add(problems, 0, 0,
                   "there is no configuration: neither %s nor %s exists; hint: run \"hangar "
                   "init\", or name a file with -c",
                   places[0], places[1]);
    return NULL;
}

struct hg_config *hg_config_load(const char *path, struct hg_problems *problems)
{
    if (!path) {
        path = find_file(problems);
    }
    if (!path) {
        return NULL;
    }
    if (!problems->file) {
        problems->file = path;
    }

    struct hg_str text = {0};
    struct hg_error err = {0};
    struct hg_config *config = NULL;
    if (hg_read_file(path, HG_YAML_MAX_BYTES, &text, &err) != HANGAR_OK) {
        hg_problem_add(problems, 0, 0, "%s", err.text);
        goto out;
    }
    struct hg_yaml *root = hg_yaml_parse(hg_str_text(&text), text.len, problems);
    if (!root) {
        goto out;
    }
    config = calloc(1, sizeof(*config));
    if (!config) {
        hg_yaml_free(root);
        problems->failed = true;
        goto out;
    }
    config->root = root;
    config->path = strdup(path);
    config->dir = folder_of(path);
    if (!config->path || !config->dir) {
        problems->failed = true;
        hg_config_free(config);
        config = NULL;
        goto out;
    }
    struct hg_reader r = {config, problems};
    read_model(&r);
out:
    hg_str_free(&text);
    return config;
}

void hg_config_free(struct hg_config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->instance_count; i++) {
        free(config->instances[i].name);
        free(config->instances[i].plugin);
        free(config->instances[i].retention.timezone);
        hg_value_free_list(config->instances[i].events);
        hg_zone_close(config->instances[i].retention.zone);
    }
    for (size_t i = 0; i < config->pipeline_count; i++) {
        struct hg_pipeline_config *p = &config->pipelines[i];
        free(p->name);
        free(p->sources);
        free(p->transforms);
        free(p->sinks);
        free(p->notifiers);
        hg_hooks_free(p->hooks);
        hg_free_schedules(p);
    }
    free(config->instances);
    free(config->pipelines);
    hg_value_free_list(config->plugin_path);
    free(config->temp_dir);
    free(config->origin);
    free(config->listen);
    hg_yaml_free(config->root);
    free(config->path);
    free(config->dir);
    free(config);
}

long hg_config_find(const struct hg_config *config, enum hg_kind kind, const char *name)
{
    for (size_t i = 0; i < config->instance_count; i++) {
        if (config->instances[i].kind == kind && strcmp(config->instances[i].name, name) == 0) {
            return (long)i;
        }
    }
    return -1;
}
