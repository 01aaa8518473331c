/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * open: reads the configuration, loads the plugins it names and checks every
 * option against them, all problems in one pass.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/json_memory.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/signing.h"
#include "config/config.h"
#include "config/load.h"
#include "config/options.h"
#include "config/overlay.h"
#include "config/problems.h"
#include "config/sample.h"
#include "config/yaml.h"
#include "pipeline/engine.h"
#include "plugin/loader.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/session.h"

static void write_log(void *arg, const struct hg_log_record *record)
{
    struct hangar *h = arg;
    if (h->capture && record->level == HANGAR_LOG_WARN) {
        hg_str_addf(h->capture, "%s\n", record->message);
        return;
    }
    if (h->set.on_log) {
        struct hangar_log_line line = {.struct_size = sizeof(line),
                                       .level = record->level,
                                       .time_ms = record->time_ms,
                                       .event = record->event,
                                       .run = record->run,
                                       .message = record->message,
                                       .duration_ms = record->duration_ms};
        h->set.on_log(h->set.arg, &line);
    }
}

/* The configuration's plugin_path first, then the installed folder. */
static bool set_plugin_dirs(struct hangar *h)
{
    size_t n = 0;
    while (h->config && h->config->plugin_path && h->config->plugin_path[n]) {
        n++;
    }
    h->plugin_dirs = calloc(n + 2, sizeof(*h->plugin_dirs));
    for (size_t i = 0; h->plugin_dirs && i < n; i++) {
        h->plugin_dirs[i] = strdup(h->config->plugin_path[i]);
    }
    const char *installed = h->set.plugin_dir ? h->set.plugin_dir : HANGAR_PLUGIN_DIR;
    if (h->plugin_dirs) {
        h->plugin_dirs[n] = realpath(installed, NULL);
        if (!h->plugin_dirs[n]) {
            h->plugin_dirs[n] = strdup(installed);
        }
    }
    return h->plugin_dirs && h->plugin_dirs[n];
}

static bool set_places(struct hangar *h)
{
    const char *state = h->set.state_dir ? h->set.state_dir : getenv("STATE_DIRECTORY");
    const char *home = getenv("HOME");
    if (state && state[0]) {
        h->state.dir = strdup(state);
    } else {
        h->state.dir = hg_format("%s/.local/state/hangar", home && home[0] ? home : "/root");
    }
    h->state.log = &h->log;
    char host[256] = "localhost";
    gethostname(host, sizeof(host) - 1);
    h->host = strdup(host);
    h->origin = strdup(h->config && h->config->origin ? h->config->origin : host);
    const char *temp = h->config ? h->config->temp_dir : NULL;
    if (!temp || !temp[0]) {
        temp = getenv("TMPDIR");
    }
    h->temp_base = strdup(temp && temp[0] ? temp : "/var/tmp");
    return h->state.dir && h->host && h->origin && h->temp_base;
}

static bool has_role(const struct hg_plugin *p, enum hg_kind kind)
{
    const void *const roles[HG_KINDS] = {p->d.source, p->d.transform, p->d.sink, p->d.notifier};
    return roles[kind] != NULL;
}

/* A secret that stands in a file which others can read is worth a warning. */
static void warn_if_readable(const struct hangar *h, const struct hg_yaml *map, const char *name,
                             struct hg_problems *problems)
{
    struct stat st;
    const struct hg_yaml *written = hg_yaml_get(map, name);
    if (written && written->text && written->text[0] && !strstr(written->text, "${") &&
        stat(h->config->path, &st) == 0 && (st.st_mode & (S_IRGRP | S_IROTH))) {
        hg_problem_warn(problems, written->line, written->column,
                        "others can read the %s that stands here; hint: chmod 600 %s, or use "
                        "%s_file",
                        name, h->config->path, name);
    }
}

static void warn_of_readable_secrets(const struct hangar *h, size_t i, struct hg_problems *problems)
{
    for (size_t k = 0; k < h->options[i].count; k++) {
        const struct hangar_option *declared = h->options[i].items[k].declared;
        if (declared->flags & HANGAR_OPT_SECRET) {
            warn_if_readable(h, h->config->instances[i].options, declared->name, problems);
        }
    }
}

/* The options of a server for drills, checked as those of the source. */
static void check_scratch(struct hangar *h, size_t i, struct hg_problems *problems)
{
    const struct hg_instance_config *c = &h->config->instances[i];
    struct hg_yaml both;
    struct hg_options unused = {0};
    if (!hg_overlay_make(h->plugins[i]->options, c->options, c->scratch, &both)) {
        problems->failed = true;
        return;
    }
    struct hg_options_request request = {.table = h->plugins[i]->options,
                                         .node = &both,
                                         .dir = h->config->dir,
                                         .line = c->line,
                                         .column = c->column};
    hg_options_read(&unused, &request, problems);
    hg_options_free(&unused);
    hg_overlay_free(&both);
}

static void bind_instance(struct hangar *h, size_t i, struct hg_problems *problems)
{
    const struct hg_instance_config *c = &h->config->instances[i];
    struct hg_error err = {0};
    if (!c->plugin) {
        return; /* reported already */
    }
    enum hangar_rc rc =
        hg_plugin_load((const char *const *)h->plugin_dirs, c->plugin, &h->plugins[i], &err);
    if (rc != HANGAR_OK) {
        hg_problem_add_rc(problems, rc == HANGAR_NO_MEMORY ? rc : HANGAR_CONFIG, c->plugin_line,
                          c->plugin_column, "%s", err.text);
        return;
    }
    if (!has_role(h->plugins[i], c->kind)) {
        hg_problem_add(problems, c->plugin_line, c->plugin_column, "plugin %s is no %s", c->plugin,
                       hg_kind_name(c->kind));
        return;
    }
    struct hg_options_request request = {.table = h->plugins[i]->options,
                                         .node = c->options,
                                         .dir = h->config->dir,
                                         .line = c->line,
                                         .column = c->column};
    bool good = hg_options_read(&h->options[i], &request, problems);
    if (good && c->scratch) {
        check_scratch(h, i, problems);
    }
    if (c->options) {
        warn_of_readable_secrets(h, i, problems);
    }
}

/* More would not fit the engine's tables. */
static void check_sizes(struct hangar *h, struct hg_problems *problems)
{
    for (size_t i = 0; i < h->config->pipeline_count; i++) {
        const struct hg_pipeline_config *p = &h->config->pipelines[i];
        if (p->transform_count > HG_CHAIN_MAX) {
            hg_problem_add(problems, p->line, p->column, "pipeline %s has more than %d transforms",
                           p->name, HG_CHAIN_MAX);
        }
        if (p->sink_count > HG_MAX_SINKS || p->source_count > HG_MAX_SOURCES) {
            hg_problem_add(problems, p->line, p->column,
                           "pipeline %s has more than %d sinks or %d sources", p->name,
                           HG_MAX_SINKS, HG_MAX_SOURCES);
        }
    }
}

static enum hangar_status load(struct hangar *h)
{
    struct hg_problems problems = {0};
    if (!h->set.config_file || h->set.config_file[0]) {
        h->config = hg_config_load(h->set.config_file, &problems);
    }
    enum hangar_status status = HANGAR_STATUS_DONE;
    size_t n = h->config ? h->config->instance_count : 0;
    h->plugins = calloc(n + 1, sizeof(*h->plugins));
    h->options = calloc(n + 1, sizeof(*h->options));
    size_t pipelines = h->config ? h->config->pipeline_count : 0;
    h->pipeline_names = calloc(pipelines + 1, sizeof(*h->pipeline_names));
    if (!hg_crypto_ready() || !h->plugins || !h->options || !h->pipeline_names ||
        !set_plugin_dirs(h) || !set_places(h)) {
        problems.failed = true;
    } else if (h->config) {
        for (size_t i = 0; i < n; i++) {
            bind_instance(h, i, &problems);
        }
        if (h->config->signing) {
            warn_if_readable(h, h->config->signing, "key", &problems);
        }
        check_sizes(h, &problems);
        for (size_t i = 0; i < pipelines; i++) {
            h->pipeline_names[i] = h->config->pipelines[i].name;
        }
    }
    if (problems.errors || problems.failed) {
        hg_problems_text(&problems, false, &h->error);
        status = hg_status(hg_problems_rc(&problems));
    } else if (problems.count) {
        hg_problems_text(&problems, true, &h->warnings);
    }
    hg_problems_free(&problems);
    h->ready = h->config && status == HANGAR_STATUS_DONE;
    return status;
}

enum hangar_status hangar_open(const struct hangar_settings *settings, struct hangar **out)
{
    hg_json_memory_init();
    struct hangar *h = calloc(1, sizeof(*h));
    *out = h;
    if (!h) {
        return HANGAR_STATUS_FAILED;
    }
    size_t size = settings->struct_size;
    memcpy(&h->set, settings, size < sizeof(h->set) ? size : sizeof(h->set));
    hg_log_init(&h->log);
    h->log.level = (enum hangar_log_level)(h->set.log_level <= HANGAR_LOG_DEBUG ? h->set.log_level
                                                                                : HANGAR_LOG_DEBUG);
    h->log.write = write_log;
    h->log.arg = h;
    return load(h);
}

void hangar_close(struct hangar *h)
{
    if (!h) {
        return;
    }
    for (size_t i = 0; h->config && h->options && i < h->config->instance_count; i++) {
        hg_options_free(&h->options[i]);
    }
    for (size_t i = 0; h->plugin_dirs && h->plugin_dirs[i]; i++) {
        free(h->plugin_dirs[i]);
    }
    free(h->plugin_dirs);
    free(h->plugins);
    free(h->options);
    free(h->pipeline_names);
    free(h->state.dir);
    free(h->origin);
    free(h->host);
    free(h->temp_base);
    hg_config_free(h->config);
    hg_signing_fini(&h->signing);
    hg_str_free(&h->error);
    hg_str_free(&h->warnings);
    hg_log_fini(&h->log);
    free(h);
}

void hangar_cancel(struct hangar *hangar)
{
    atomic_store(&hangar->cancel, true);
}

const char *const *hangar_pipelines(const struct hangar *hangar)
{
    return hangar->pipeline_names;
}

const char *hangar_sample_config(void)
{
    return hg_config_sample;
}
