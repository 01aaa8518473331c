/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * manifest: the model; see manifest.h.  Writing and reading the file is in
 * manifest_json.c.
 */
#include "catalog/manifest.h"

#include <stdlib.h>
#include <string.h>

static void manifest_free_object(struct hg_manifest_object *o)
{
    free(o->name);
    free(o->stored);
    hg_attrs_free(o->attrs);
    for (size_t i = 0; i < HG_CHAIN_MAX; i++) {
        hg_attrs_free(o->transform[i]);
    }
}

static void manifest_free_source(struct hg_manifest_source *s)
{
    free(s->name);
    free(s->plugin);
    free(s->version);
    free(s->target);
    json_decref(s->options);
    hg_attrs_free(s->facts);
    hg_attrs_free(s->point);
    for (size_t i = 0; i < s->count; i++) {
        manifest_free_object(&s->objects[i]);
    }
    free(s->objects);
}

void hg_manifest_free(struct hg_manifest *m)
{
    char **texts[] = {&m->id,   &m->origin,   &m->pipeline, &m->run,
                      &m->host, &m->platform, &m->arch,     &m->hangar};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free(*texts[i]);
    }
    json_decref(m->requires);
    hg_tags_free(&m->tags);
    json_decref(m->retention);
    json_decref(m->sinks);
    for (size_t i = 0; i < m->chain_count; i++) {
        struct hg_manifest_transform *t = &m->chain[i];
        free(t->name);
        free(t->plugin);
        free(t->version);
        free(t->suffix);
        free(t->decode);
    }
    for (size_t i = 0; i < m->source_count; i++) {
        manifest_free_source(&m->sources[i]);
    }
    free(m->sources);
    for (size_t i = 0; i < m->file_count; i++) {
        free(m->files[i].name);
    }
    *m = (struct hg_manifest){0};
}

size_t hg_manifest_objects(const struct hg_manifest *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->source_count; i++) {
        count += m->sources[i].count;
    }
    return count;
}

uint64_t hg_manifest_plain_bytes(const struct hg_manifest *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count; k++) {
            bytes += m->sources[i].objects[k].plain_bytes;
        }
    }
    return bytes;
}

uint64_t hg_manifest_stored_bytes(const struct hg_manifest *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count; k++) {
            bytes += m->sources[i].objects[k].stored_bytes;
        }
    }
    return bytes;
}

static int manifest_compare_stored(const void *a, const void *b)
{
    const struct hg_manifest_object *const *x = a, *const *y = b;
    return strcmp((*x)->stored, (*y)->stored);
}

bool hg_manifest_twin(const struct hg_manifest_source *source,
                      const struct hg_manifest_object **twin)
{
    const struct hg_manifest_object **sorted =
        calloc(source->count ? source->count : 1, sizeof(*sorted));
    if (!sorted) {
        return false;
    }
    for (size_t i = 0; i < source->count; i++) {
        sorted[i] = &source->objects[i];
    }
    qsort(sorted, source->count, sizeof(*sorted), manifest_compare_stored);
    *twin = NULL;
    for (size_t i = 1; i < source->count && !*twin; i++) {
        *twin = strcmp(sorted[i - 1]->stored, sorted[i]->stored) == 0 ? sorted[i] : NULL;
    }
    free(sorted);
    return true;
}

static int manifest_compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool hg_manifest_source_twin(const struct hg_manifest *m, const char **twin)
{
    const char **sorted = calloc(m->source_count ? m->source_count : 1, sizeof(*sorted));
    if (!sorted) {
        return false;
    }
    for (size_t i = 0; i < m->source_count; i++) {
        sorted[i] = m->sources[i].name;
    }
    qsort(sorted, m->source_count, sizeof(*sorted), manifest_compare_names);
    *twin = NULL;
    for (size_t i = 1; i < m->source_count && !*twin; i++) {
        *twin = strcmp(sorted[i - 1], sorted[i]) == 0 ? sorted[i] : NULL;
    }
    free(sorted);
    return true;
}

struct hg_manifest_source *hg_manifest_source(const struct hg_manifest *m, const char *name)
{
    for (size_t i = 0; i < m->source_count; i++) {
        if (strcmp(m->sources[i].name, name) == 0) {
            return &m->sources[i];
        }
    }
    return NULL;
}

void hg_manifest_sums(const struct hg_manifest *m, const char *restore_sha256, struct hg_str *out)
{
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count; k++) {
            const struct hg_manifest_object *o = &m->sources[i].objects[k];
            hg_str_addf(out, "%s  %s\n", o->stored_sha256, o->stored);
        }
    }
    hg_str_addf(out, "%s  %s\n", restore_sha256, HG_RESTORE_NAME);
}

void hg_manifest_decode_command(const struct hg_manifest *m,
                                const struct hg_manifest_object *object, struct hg_str *out)
{
    if (m->chain_count == 0) {
        hg_str_add(out, "cat ");
        hg_str_add_shell(out, object->stored);
        return;
    }
    for (size_t i = m->chain_count; i-- > 0;) {
        if (i + 1 == m->chain_count) {
            hg_str_addf(out, "%s < ", m->chain[i].decode);
            hg_str_add_shell(out, object->stored);
        } else {
            hg_str_addf(out, " | %s", m->chain[i].decode);
        }
    }
}
