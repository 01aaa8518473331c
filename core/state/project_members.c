/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * project_members: see project_members.h.
 */
#include "state/project_members.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/io.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"

#define PROJECT_SCHEMA "hangar.project/1"
#define PROJECT_FILE "project.json"
#define PROJECT_MAX_BYTES ((size_t)1 << 20)

/* ---- building ---- */

struct hg_project_pipeline *hg_project_add_pipeline(struct hg_project_member *member,
                                                    const char *name)
{
    char *copy = strdup(name);
    if (!copy || !HG_VEC_RESERVE(member)) {
        free(copy);
        return NULL;
    }
    struct hg_project_pipeline *added = &member->items[member->count++];
    *added = (struct hg_project_pipeline){.name = copy};
    return added;
}

struct hg_project_sink *hg_project_add_sink(struct hg_project_pipeline *pipeline)
{
    if (!HG_VEC_RESERVE(pipeline)) {
        return NULL;
    }
    struct hg_project_sink *added = &pipeline->items[pipeline->count++];
    *added = (struct hg_project_sink){0};
    return added;
}

bool hg_project_add_option(struct hg_project_sink *sink, const char *name, const char *value)
{
    const struct hg_project_option added = {strdup(name), strdup(value)};
    if (!added.name || !added.value || !HG_VEC_RESERVE(sink)) {
        free(added.name);
        free(added.value);
        return false;
    }
    sink->items[sink->count++] = added;
    return true;
}

static bool project_copy_pipeline(struct hg_project_member *to,
                                  const struct hg_project_pipeline *pipeline)
{
    struct hg_project_pipeline *copy = hg_project_add_pipeline(to, pipeline->name);
    bool ok = copy != NULL;
    for (size_t i = 0; ok && i < pipeline->count; i++) {
        const struct hg_project_sink *sink = &pipeline->items[i];
        struct hg_project_sink *added = hg_project_add_sink(copy);
        ok = added != NULL;
        for (size_t k = 0; ok && k < sink->count; k++) {
            ok = hg_project_add_option(added, sink->items[k].name, sink->items[k].value);
        }
    }
    return ok;
}

static struct hg_project_member *project_new_member(struct hg_project_members *members,
                                                    const char *path)
{
    char *copy = strdup(path);
    if (!copy || !HG_VEC_RESERVE(members)) {
        free(copy);
        return NULL;
    }
    struct hg_project_member *added = &members->items[members->count++];
    *added = (struct hg_project_member){.path = copy};
    return added;
}

bool hg_project_add_member(struct hg_project_members *members,
                           const struct hg_project_member *member)
{
    struct hg_project_member *added = project_new_member(members, member->path);
    bool ok = added != NULL;
    for (size_t i = 0; ok && i < member->count; i++) {
        ok = project_copy_pipeline(added, &member->items[i]);
    }
    return ok;
}

const struct hg_project_pipeline *hg_project_find_pipeline(const struct hg_project_member *member,
                                                           const char *name)
{
    for (size_t i = 0; i < member->count; i++) {
        if (strcmp(member->items[i].name, name) == 0) {
            return &member->items[i];
        }
    }
    return NULL;
}

const struct hg_project_member *hg_project_find_member(const struct hg_project_members *members,
                                                       const char *path)
{
    for (size_t i = 0; i < members->count; i++) {
        if (strcmp(members->items[i].path, path) == 0) {
            return &members->items[i];
        }
    }
    return NULL;
}

void hg_project_member_free(struct hg_project_member *member)
{
    for (size_t p = 0; p < member->count; p++) {
        struct hg_project_pipeline *pipeline = &member->items[p];
        for (size_t i = 0; i < pipeline->count; i++) {
            struct hg_project_sink *sink = &pipeline->items[i];
            for (size_t k = 0; k < sink->count; k++) {
                free(sink->items[k].name);
                free(sink->items[k].value);
            }
            free(sink->items);
        }
        free(pipeline->items);
        free(pipeline->name);
    }
    free(member->items);
    free(member->path);
    *member = (struct hg_project_member){0};
}

void hg_project_members_free(struct hg_project_members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        hg_project_member_free(&members->items[i]);
    }
    free(members->items);
    free(members->origin);
    *members = (struct hg_project_members){0};
}

/* ---- the file ---- */

static json_t *project_pipeline_json(const struct hg_project_pipeline *pipeline)
{
    json_t *sinks = json_array();
    for (size_t i = 0; i < pipeline->count; i++) {
        const struct hg_project_sink *sink = &pipeline->items[i];
        json_t *options = json_object();
        for (size_t k = 0; k < sink->count; k++) {
            hg_json_set_string(options, sink->items[k].name, sink->items[k].value);
        }
        hg_json_add(sinks, options);
    }
    return sinks;
}

static json_t *project_members_json(const struct hg_project_members *members)
{
    json_t *doc = json_object(), *all = json_object();
    for (size_t i = 0; i < members->count; i++) {
        const struct hg_project_member *member = &members->items[i];
        json_t *pipelines = json_object();
        for (size_t p = 0; p < member->count; p++) {
            hg_json_set(pipelines, member->items[p].name, project_pipeline_json(&member->items[p]));
        }
        hg_json_set(all, member->path, pipelines);
    }
    hg_json_set_string(doc, "schema", PROJECT_SCHEMA);
    hg_json_set_string(doc, "origin", members->origin);
    hg_json_set(doc, "configurations", all);
    return doc;
}

static bool project_parse_sink(struct hg_project_pipeline *pipeline, const json_t *options)
{
    struct hg_project_sink *sink = hg_project_add_sink(pipeline);
    const char *name;
    json_t *value;
    bool ok = sink != NULL;
    json_object_foreach ((json_t *)(uintptr_t)options, name, value) {
        ok = ok && (!json_is_string(value) ||
                    hg_project_add_option(sink, name, json_string_value(value)));
    }
    return ok;
}

static bool project_parse_member(struct hg_project_members *members, const char *path,
                                 const json_t *pipelines)
{
    struct hg_project_member *member = project_new_member(members, path);
    const char *name;
    json_t *sinks, *sink;
    size_t i;
    bool ok = member != NULL;
    json_object_foreach ((json_t *)(uintptr_t)pipelines, name, sinks) {
        struct hg_project_pipeline *pipeline = ok ? hg_project_add_pipeline(member, name) : NULL;
        ok = pipeline != NULL;
        json_array_foreach (sinks, i, sink) {
            ok = ok && project_parse_sink(pipeline, sink);
        }
    }
    return ok;
}

static bool project_parse(const json_t *doc, struct hg_project_members *members)
{
    const char *path;
    json_t *pipelines;
    members->origin = strdup(hg_json_string(doc, "origin", ""));
    bool ok = members->origin != NULL;
    json_object_foreach (json_object_get(doc, "configurations"), path, pipelines) {
        ok = ok && project_parse_member(members, path, pipelines);
    }
    return ok;
}

bool hg_project_members_read(const char *dir, struct hg_project_members *members)
{
    struct hg_str text = {0};
    json_t *doc = NULL;
    char *path = hg_format("%s/" PROJECT_FILE, dir);
    bool ok = path != NULL;
    *members = (struct hg_project_members){0};
    if (path && hg_read_file(path, PROJECT_MAX_BYTES, &text, NULL) == HANGAR_OK &&
        hg_json_parse(hg_str_text(&text), text.len, PROJECT_FILE, &doc, NULL) == HANGAR_OK &&
        strcmp(hg_json_string(doc, "schema", ""), PROJECT_SCHEMA) == 0) {
        ok = project_parse(doc, members);
    }
    if (!ok) {
        hg_project_members_free(members);
    }
    json_decref(doc);
    hg_str_free(&text);
    free(path);
    return ok;
}

enum hangar_rc hg_project_members_write(const char *dir, const struct hg_project_members *members,
                                        struct hg_error *err)
{
    json_t *doc = project_members_json(members);
    char *path = hg_format("%s/" PROJECT_FILE, dir), *text = hg_json_text(doc);
    enum hangar_rc rc = path && text ? hg_make_dirs(dir, 0700, err) : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        rc = hg_write_file(path, text, strlen(text), 0600, err);
    }
    free(text);
    free(path);
    json_decref(doc);
    return rc;
}

/* ---- comparing ---- */

static const char *project_option_value(const struct hg_project_sink *sink, const char *name)
{
    for (size_t i = 0; i < sink->count; i++) {
        if (strcmp(sink->items[i].name, name) == 0) {
            return sink->items[i].value;
        }
    }
    return NULL;
}

static bool project_sinks_equal(const struct hg_project_sink *a, const struct hg_project_sink *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++) {
        const char *other = project_option_value(b, a->items[i].name);
        equal = other && strcmp(a->items[i].value, other) == 0;
    }
    return equal;
}

static bool project_pipelines_equal(const struct hg_project_pipeline *a,
                                    const struct hg_project_pipeline *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++) {
        equal = project_sinks_equal(&a->items[i], &b->items[i]);
    }
    return equal;
}

static bool project_member_equals(const struct hg_project_member *a,
                                  const struct hg_project_member *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++) {
        const struct hg_project_pipeline *other = hg_project_find_pipeline(b, a->items[i].name);
        equal = other && project_pipelines_equal(&a->items[i], other);
    }
    return equal;
}

bool hg_project_members_equal(const struct hg_project_members *a,
                              const struct hg_project_members *b)
{
    bool equal = a->count == b->count && (a->origin && b->origin ? strcmp(a->origin, b->origin) == 0
                                                                 : a->origin == b->origin);
    for (size_t i = 0; equal && i < a->count; i++) {
        const struct hg_project_member *other = hg_project_find_member(b, a->items[i].path);
        equal = other && project_member_equals(&a->items[i], other);
    }
    return equal;
}
