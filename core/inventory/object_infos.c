/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * object_infos: see object_infos.h.
 */
#include "inventory/object_infos.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/store.h"
#include "pipeline/decode.h"

struct object_order {
    const struct hg_manifest_object *object;
};

static int by_phase_then_name(const void *a, const void *b)
{
    const struct hg_manifest_object *x = ((const struct object_order *)a)->object;
    const struct hg_manifest_object *y = ((const struct object_order *)b)->object;
    if (x->phase != y->phase) {
        return x->phase < y->phase ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static char *keep_text(struct hg_infos *infos, char *text)
{
    if (text) {
        infos->texts[infos->text_count++] = text;
    }
    return text;
}

static bool fill_info(const struct hg_manifest *m, const struct hg_manifest_object *o, bool decode,
                      struct hg_infos *out, size_t i)
{
    char *path = keep_text(out, hg_store_path(m->pipeline, m->id, o->stored));
    struct hg_str command = {0};
    char *decode_command = NULL;
    if (decode) {
        hg_manifest_decode_command(m, o, &command);
        decode_command = keep_text(out, hg_str_take(&command));
    }
    out->stored[i] = (struct hg_stored_object){.path = path,
                                               .plain_bytes = o->plain_bytes,
                                               .stored_bytes = o->stored_bytes,
                                               .plain_sha256 = o->plain_sha256,
                                               .stored_sha256 = o->stored_sha256,
                                               .attrs = o->transform};
    out->items[i] = (struct hangar_object_info){.struct_size = sizeof(out->items[i]),
                                                .phase = o->phase,
                                                .name = o->name,
                                                .size_hint = o->plain_bytes,
                                                .attrs = o->attrs,
                                                .decode = decode_command};
    return path && (!decode || decode_command);
}

enum hangar_rc hg_infos_make(const struct hg_manifest *m, const struct hg_manifest_source *s,
                             bool decode, struct hg_infos *out, struct hg_error *err)
{
    size_t n = s->count ? s->count : 1;
    *out = (struct hg_infos){.count = s->count};
    struct object_order *order = calloc(n, sizeof(*order));
    out->items = calloc(n, sizeof(*out->items));
    out->stored = calloc(n, sizeof(*out->stored));
    out->texts = calloc(2 * n, sizeof(*out->texts));
    bool ok = order && out->items && out->stored && out->texts;
    for (size_t i = 0; ok && i < s->count; i++) {
        order[i].object = &s->objects[i];
    }
    if (ok) {
        qsort(order, s->count, sizeof(*order), by_phase_then_name);
    }
    for (size_t i = 0; ok && i < s->count; i++) {
        ok = fill_info(m, order[i].object, decode, out, i);
    }
    free(order);
    if (!ok) {
        hg_infos_free(out);
        return hg_no_memory(err);
    }
    return HANGAR_OK;
}

void hg_infos_free(struct hg_infos *infos)
{
    for (size_t i = 0; i < infos->text_count; i++) {
        free(infos->texts[i]);
    }
    free(infos->texts);
    free(infos->items);
    free(infos->stored);
    *infos = (struct hg_infos){0};
}
