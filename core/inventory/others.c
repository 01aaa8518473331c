/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * others: see others.h.
 */
#include "inventory/others.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/sizes.h"
#include "catalog/store.h"
#include "config/config.h"
#include "plugin/instance.h"
#include "plugin/page.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/session.h"

/* The names of pipelines in one sink. */
struct other_names {
    const struct hg_config *config;
    char *items[HG_OTHERS_MAX];
    size_t count;
};

/* Only what can be a pipeline's name is one. */
static bool other_is_name(const char *name, size_t length)
{
    return length > 0 && length < 128 && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

static enum hangar_rc other_add_page(void *arg, const struct hg_page_entries *page,
                                     struct hg_error *err)
{
    struct other_names *names = arg;
    for (size_t i = 0; i < page->count && names->count < HG_OTHERS_MAX; i++) {
        const char *name = page->items[i].name;
        const size_t length = strcspn(name, "/");
        char *copy =
            page->items[i].is_prefix && other_is_name(name, length) ? strndup(name, length) : NULL;
        size_t index;
        if (!copy || hg_find_pipeline(names->config, copy, &index, NULL) == HANGAR_OK) {
            free(copy);
            continue;
        }
        names->items[names->count++] = copy;
    }
    (void)err;
    return HANGAR_OK;
}

static bool other_has_backups(struct hangar_ctx *sink, const char *pipeline)
{
    char **ids = NULL;
    size_t count = 0;
    const bool ok = hg_store_ids(sink, pipeline, &ids, &count, NULL, NULL) == HANGAR_OK;
    if (ok) {
        hg_store_ids_free(ids, count);
    }
    return ok && count > 0;
}

/* The origin of a pipeline in a sink; NULL: it is not known, or not safe to print. */
static char *other_origin(struct hangar_ctx *sink, const char *pipeline)
{
    struct hg_str text = {0};
    json_t *doc = NULL;
    char *origin = NULL;
    char *path = hg_format("%s/origin.json", pipeline);
    if (path && hg_store_get(sink, path, HG_MARK_MAX, &text, NULL) == HANGAR_OK &&
        hg_json_parse(hg_str_text(&text), text.len, path, &doc, NULL) == HANGAR_OK) {
        const char *name = hg_json_string(doc, "origin", "");
        const size_t length = strlen(name);
        if (length > 0 && length <= 255 &&
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
                length) {
            origin = strdup(name);
        }
    }
    json_decref(doc);
    hg_str_free(&text);
    free(path);
    return origin;
}

static enum hangar_rc others_of_sink(struct hg_session *session, size_t instance,
                                     struct hg_other_pipelines *out, struct hg_error *err)
{
    struct hangar_ctx *sink;
    struct other_names names = {.config = session->h->config};
    enum hangar_rc rc = HANGAR_OK;
    if (hg_session_open(session, instance, NULL, 0, &sink, NULL) != HANGAR_OK ||
        hg_sink_list_unless_failed(sink, "", '/', other_add_page, &names, NULL) != HANGAR_OK) {
        sink = NULL;
    }
    for (size_t i = 0; i < names.count; i++) {
        char *name = names.items[i];
        if (!sink || rc != HANGAR_OK || !other_has_backups(sink, name)) {
            free(name);
        } else if (!HG_VEC_RESERVE(out)) {
            free(name);
            rc = hg_no_memory(err);
        } else {
            out->items[out->count++] =
                (struct hg_other_pipeline){.sink = session->h->config->instances[instance].name,
                                           .pipeline = name,
                                           .origin = other_origin(sink, name)};
        }
    }
    return rc;
}

enum hangar_rc hg_others_find(struct hg_session *session, const char *pipeline, const char *sink,
                              struct hg_other_pipelines *out, struct hg_error *err)
{
    const struct hg_config *config = session->h->config;
    enum hangar_rc rc = HANGAR_OK;
    *out = (struct hg_other_pipelines){0};
    for (size_t i = 0; i < config->instance_count && rc == HANGAR_OK; i++) {
        bool wanted = false;
        for (size_t p = 0; p < config->pipeline_count; p++) {
            const struct hg_pipeline_config *pc = &config->pipelines[p];
            for (size_t k = 0; k < pc->sink_count; k++) {
                wanted =
                    wanted || (pc->sinks[k] == i && (!pipeline || strcmp(pipeline, pc->name) == 0));
            }
        }
        if (wanted && (!sink || strcmp(sink, config->instances[i].name) == 0)) {
            rc = others_of_sink(session, i, out, err);
        }
    }
    return rc;
}

void hg_others_free(struct hg_other_pipelines *others)
{
    for (size_t i = 0; i < others->count; i++) {
        free(others->items[i].pipeline);
        free(others->items[i].origin);
    }
    free(others->items);
    *others = (struct hg_other_pipelines){0};
}

json_t *hg_others_json(const struct hg_other_pipelines *others)
{
    json_t *out = json_array();
    for (size_t i = 0; i < others->count; i++) {
        json_t *one = json_object();
        hg_json_set_string(one, "sink", others->items[i].sink);
        hg_json_set_string(one, "pipeline", others->items[i].pipeline);
        hg_json_set_string(one, "origin", others->items[i].origin);
        hg_json_add(out, one);
    }
    return out;
}

void hg_others_text(const struct hg_other_pipelines *others, struct hg_str *out)
{
    const char *last = NULL; /* names of sinks are those of the configuration */
    for (size_t i = 0; i < others->count; i++) {
        const struct hg_other_pipeline *one = &others->items[i];
        const bool same = one->sink == last;
        hg_str_addf(out, "%s%s%s%s%s", i == 0 || same ? "" : "; ", same ? ", " : "sink ",
                    same ? "" : one->sink, same ? "" : " holds backups of ", one->pipeline);
        if (one->origin) {
            hg_str_addf(out, " (origin %s)", one->origin);
        }
        last = one->sink;
    }
    hg_str_add(out, "; hint: give the pipeline in the configuration one of these names, and set "
                    "`origin`, to list and restore them");
}
