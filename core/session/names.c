/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * names: see names.h.
 */
#include "session/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "config/config.h"

enum hangar_rc hg_find_pipeline(const struct hg_config *config, const char *name, size_t *index,
                                struct hg_error *err)
{
    for (size_t i = 0; i < config->pipeline_count; i++) {
        if (strcmp(config->pipelines[i].name, name) == 0) {
            *index = i;
            return HANGAR_OK;
        }
    }
    const char **names = calloc(config->pipeline_count + 1, sizeof(*names));
    for (size_t i = 0; names && i < config->pipeline_count; i++) {
        names[i] = config->pipelines[i].name;
    }
    const char *meant = names ? hg_did_you_mean(name, names) : NULL;
    free(names);
    return hg_fail(err, HANGAR_NOT_FOUND, 0, "there is no pipeline %s in %s%s%s%s", name,
                   config->path, meant ? "; hint: did you mean " : "", meant ? meant : "",
                   meant ? "?" : "");
}

enum hangar_rc hg_find_pipeline_sink(const struct hg_config *config,
                                     const struct hg_pipeline_config *pipeline, const char *name,
                                     size_t *instance, struct hg_error *err)
{
    for (size_t i = 0; i < pipeline->sink_count; i++) {
        if (!name || strcmp(config->instances[pipeline->sinks[i]].name, name) == 0) {
            *instance = pipeline->sinks[i];
            return HANGAR_OK;
        }
    }
    return hg_fail(err, HANGAR_CONFIG, 0, "sink %s does not belong to pipeline %s", name,
                   pipeline->name);
}

enum hangar_rc hg_check_names(const struct hg_config *config, const char *pipeline,
                              const char *sink, struct hg_error *err)
{
    size_t index;
    if (pipeline && hg_find_pipeline(config, pipeline, &index, err) != HANGAR_OK) {
        return HANGAR_NOT_FOUND;
    }
    if (sink && hg_config_find(config, HG_SINK, sink) < 0) {
        return hg_fail(err, HANGAR_NOT_FOUND, 0, "there is no sink %s in %s", sink, config->path);
    }
    return HANGAR_OK;
}
