/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * config: the model of backup.yaml; see config.h.  Reading it is config_file.c.
 */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/cron.h"
#include "base/zone.h"
#include "config/values.h"

#define HOUR_MS INT64_C(3600000)

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

static const char *const hook_names[HG_HOOKS] = {
    [HG_BEFORE_BACKUP] = "before_backup",
    [HG_AFTER_BACKUP] = "after_backup",
    [HG_BEFORE_RESTORE] = "before_restore",
    [HG_AFTER_RESTORE] = "after_restore",
};

const char *hg_hook_name(enum hg_hook hook)
{
    return hook_names[hook];
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
        for (size_t k = 0; k < HG_HOOKS; k++) {
            hg_value_free_list(p->hooks[k].argv);
        }
        free(p->schedule);
        free(p->verify);
        free(p->drill);
        free(p->timezone);
        hg_value_free_list(p->windows);
    }
    free(config->instances);
    free(config->pipelines);
    hg_value_free_list(config->plugin_path);
    free(config->temp_dir);
    free(config->origin);
    free(config->listen);
    free(config->http_host);
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

int64_t hg_pipeline_max_age_ms(const struct hg_pipeline_config *pipeline)
{
    if (pipeline->max_age_ms >= 0) {
        return pipeline->max_age_ms;
    }
    int64_t age = 25 * HOUR_MS;
    struct hg_cron cron;
    struct hg_cron_error err;
    if (pipeline->schedule && hg_cron_parse(pipeline->schedule, &cron, &err)) {
        int64_t gap = hg_cron_gap_ms(&cron) + HOUR_MS;
        age = gap > age ? gap : age;
    }
    return age;
}
