/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * open: opens and closes a handle.  Reads the configuration, loads its plugins and checks all
 * options, and reports all problems at once.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/json_memory.h"
#include "base/left_event.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/signing.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/options.h"
#include "config/problems.h"
#include "config/sample.h"
#include "pipeline/engine.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/plugin_set.h"
#include "session/secret_warning.h"
#include "session/session.h"
#include "state/project.h"

static void write_log_line(void *arg, const struct hg_log_record *record)
{
    struct hangar *h = arg;
    if (h->capture && record->level == HANGAR_LOG_WARN) {
        hg_str_addf(h->capture, "%s\n", record->message);
        return;
    }
    if (record->event && strcmp(record->event, HG_LOG_LEFT) == 0 &&
        atomic_load(&h->caller.interrupted)) {
        if (h->left.len < sizeof((struct hg_error){0}.text)) { /* more is not shown */
            hg_str_addf(&h->left, "%s%s", h->left.len ? "; and " : "", record->message);
        }
        return;
    }
    if (h->caller.settings.on_log) {
        struct hangar_log_line line = {.struct_size = sizeof(line),
                                       .level = record->level,
                                       .time_ms = record->time_ms,
                                       .event = record->event,
                                       .run = record->run,
                                       .message = record->message,
                                       .duration_ms = record->duration_ms};
        h->caller.settings.on_log(h->caller.settings.arg, &line);
    }
}

/* The state folder: as the caller or systemd gives it, else in the home of the user. */
static char *state_dir_new(const struct hg_caller *caller)
{
    const char *state = caller->settings.state_dir;
    if (!state) {
        state = getenv("STATE_DIRECTORY");
    }
    if (state && state[0]) {
        return strdup(state);
    }
    const char *home = getenv("HOME");
    return hg_format("%s/.local/state/hangar", home && home[0] ? home : "/root");
}

/* Where temporary folders are made: as configured, else $TMPDIR, else /var/tmp. */
static char *temp_base_new(const struct hg_config *config)
{
    const char *temp = config ? config->temp_dir : NULL;
    if (!temp || !temp[0]) {
        temp = getenv("TMPDIR");
    }
    return strdup(temp && temp[0] ? temp : "/var/tmp");
}

static bool identity_init(struct hg_identity *identity, const struct hg_config *config)
{
    char host[256] = "localhost";
    gethostname(host, sizeof(host) - 1);
    identity->host = strdup(host);
    identity->origin = strdup(config && config->origin ? config->origin : host);
    return identity->host && identity->origin;
}

/* The options of a sink that identify its place.  The state folder gets hashes of their values:
 * that suffices to compare them, and a password in an address is not stored. */
static bool add_project_sink(struct hg_project_pipeline *pipeline,
                             const struct hg_instance_config *sink,
                             const struct hg_options *options)
{
    struct hg_project_sink *added = hg_project_add_sink(pipeline);
    bool ok = added && hg_project_add_option(added, "plugin", sink->plugin);
    for (size_t i = 0; ok && i < options->count; i++) {
        const struct hg_option_value *value = &options->items[i];
        const uint32_t type = value->declared->type;
        char hex[HG_SHA256_HEX];
        if (value->given && value->text && !(value->declared->flags & HANGAR_OPT_SECRET) &&
            (type == HANGAR_OPT_STRING || type == HANGAR_OPT_PATH) &&
            hg_sha256_of(value->text, strlen(value->text), hex)) {
            hex[16] = '\0';
            ok = hg_project_add_option(added, value->declared->name, hex);
        }
    }
    return ok;
}

/* The sinks of each pipeline, by which projects are compared. */
static bool add_project_pipelines(const struct hangar *h, struct hg_project_member *mine)
{
    const struct hg_config *config = h->config;
    bool ok = true;
    for (size_t p = 0; ok && p < config->pipeline_count; p++) {
        const struct hg_pipeline_config *pipeline = &config->pipelines[p];
        struct hg_project_pipeline *added = hg_project_add_pipeline(mine, pipeline->name);
        ok = added != NULL;
        for (size_t i = 0; ok && i < pipeline->sink_count; i++) {
            const size_t sink = pipeline->sinks[i];
            ok = add_project_sink(added, &config->instances[sink], &h->plugins.options[sink]);
        }
    }
    return ok;
}

static enum hangar_status open_project(struct hangar *h)
{
    struct hg_error err = {0};
    struct hg_project_member mine = {.path = strdup(h->config->path)};
    enum hangar_rc rc = HANGAR_OK;
    if (add_project_pipelines(h, &mine)) {
        rc = hg_project_open(&h->state, &mine, h->identity.origin, &err);
    } else {
        hg_project_member_free(&mine);
        rc = hg_no_memory(&err);
    }
    if (rc != HANGAR_OK) {
        hg_str_add(&h->error, err.text);
    }
    return hg_status(rc);
}

static bool open_local_parts(struct hangar *h)
{
    h->state.dir = state_dir_new(&h->caller);
    h->state.log = &h->log;
    h->temp_base = temp_base_new(h->config);
    return identity_init(&h->identity, h->config) && h->state.dir && h->temp_base;
}

/* The engine's tables have room for so many. */
static void check_pipeline_sizes(const struct hg_config *config, struct hg_problems *problems)
{
    for (size_t i = 0; i < config->pipeline_count; i++) {
        const struct hg_pipeline_config *p = &config->pipelines[i];
        if (p->transform_count > HG_CHAIN_MAX) {
            hg_problem_add(problems, p->line, p->column, "pipeline %s has more than %d transforms",
                           p->name, HG_CHAIN_MAX);
        }
        if (p->sink_count > HG_SINKS_MAX || p->source_count > HG_SOURCES_MAX) {
            hg_problem_add(problems, p->line, p->column,
                           "pipeline %s has more than %d sinks or %d sources", p->name,
                           HG_SINKS_MAX, HG_SOURCES_MAX);
        }
    }
}

static bool list_pipeline_names(struct hangar *h)
{
    const size_t count = h->config ? h->config->pipeline_count : 0;
    h->pipeline_names = calloc(count + 1, sizeof(*h->pipeline_names));
    for (size_t i = 0; h->pipeline_names && i < count; i++) {
        h->pipeline_names[i] = h->config->pipelines[i].name;
    }
    return h->pipeline_names != NULL;
}

/* Reads the configuration and fills the handle; all problems are found in one pass. */
static enum hangar_status load_configuration(struct hangar *h)
{
    const struct hangar_settings *settings = &h->caller.settings;
    struct hg_problems problems = {0};
    if (!settings->config_file || settings->config_file[0]) {
        h->config = hg_config_load(settings->config_file, &problems);
    }
    const char *installed = settings->plugin_dir ? settings->plugin_dir : HANGAR_PLUGIN_DIR;
    if (!hg_crypto_ready() || !list_pipeline_names(h) || !open_local_parts(h) ||
        !hg_plugin_set_load(&h->plugins, h->config, installed, &problems)) {
        problems.failed = true;
    } else if (h->config) {
        if (h->config->signing) {
            hg_secret_warning(h->config, h->config->signing, "key", &problems);
        }
        check_pipeline_sizes(h->config, &problems);
    }
    enum hangar_status status = HANGAR_STATUS_DONE;
    if (problems.errors || problems.failed) {
        hg_problems_text(&problems, false, &h->error);
        status = hg_status(hg_problems_rc(&problems));
    } else if (problems.count) {
        hg_problems_text(&problems, true, &h->warnings);
    }
    hg_problems_free(&problems);
    h->ready = h->config && status == HANGAR_STATUS_DONE;
    if (h->ready) {
        status = open_project(h);
        h->ready = status == HANGAR_STATUS_DONE;
    }
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
    struct hangar_settings *own = &h->caller.settings;
    memcpy(own, settings, size < sizeof(*own) ? size : sizeof(*own));
    hg_log_init(&h->log);
    h->log.level = own->log_level <= HANGAR_LOG_DEBUG ? (enum hangar_log_level)own->log_level
                                                      : HANGAR_LOG_DEBUG;
    h->log.write = write_log_line;
    h->log.arg = h;
    return load_configuration(h);
}

void hangar_close(struct hangar *h)
{
    if (!h) {
        return;
    }
    hg_plugin_set_fini(&h->plugins);
    free(h->pipeline_names);
    hg_project_close(&h->state);
    free(h->state.dir);
    free(h->identity.origin);
    free(h->identity.host);
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
    atomic_store(&hangar->caller.interrupted, true);
    atomic_store(&hangar->caller.cancel, true);
}

const char *const *hangar_pipelines(const struct hangar *hangar)
{
    return hangar->pipeline_names;
}

const char *hangar_sample_config(void)
{
    return hg_config_sample;
}
