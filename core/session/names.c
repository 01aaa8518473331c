/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * names: see names.h.
 */
#include "session/names.h"

#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "config/config.h"
#include "session/handle.h"

enum hangar_rc hg_find_pipeline(const struct hangar *h, const char *name, size_t *index,
                                struct hg_error *err)
{
    for (size_t i = 0; i < h->config->pipeline_count; i++) {
        if (strcmp(h->config->pipelines[i].name, name) == 0) {
            *index = i;
            return HANGAR_OK;
        }
    }
    const char *meant = hg_did_you_mean(name, h->pipeline_names);
    return hg_fail(err, HANGAR_NOT_FOUND, 0, "there is no pipeline %s in %s%s%s%s", name,
                   h->config->path, meant ? "; hint: did you mean " : "", meant ? meant : "",
                   meant ? "?" : "");
}

enum hangar_rc hg_find_pipeline_sink(const struct hangar *h,
                                     const struct hg_pipeline_config *pipeline, const char *name,
                                     size_t *instance, struct hg_error *err)
{
    for (size_t i = 0; i < pipeline->sink_count; i++) {
        if (!name || strcmp(h->config->instances[pipeline->sinks[i]].name, name) == 0) {
            *instance = pipeline->sinks[i];
            return HANGAR_OK;
        }
    }
    return hg_fail(err, HANGAR_CONFIG, 0, "sink %s does not belong to pipeline %s", name,
                   pipeline->name);
}

enum hangar_rc hg_check_names(const struct hangar *h, const char *pipeline, const char *sink,
                              struct hg_error *err)
{
    size_t index;
    if (pipeline && hg_find_pipeline(h, pipeline, &index, err) != HANGAR_OK) {
        return HANGAR_NOT_FOUND;
    }
    if (sink && hg_config_find(h->config, HG_SINK, sink) < 0) {
        return hg_fail(err, HANGAR_NOT_FOUND, 0, "there is no sink %s in %s", sink,
                       h->config->path);
    }
    return HANGAR_OK;
}
