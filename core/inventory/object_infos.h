/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * object_infos: the objects of a source in a backup, as plugins and the pipeline get them.
 */
#ifndef HG_INVENTORY_OBJECT_INFOS_H
#define HG_INVENTORY_OBJECT_INFOS_H

#include <stdbool.h>

#include "base/error.h"
#include "catalog/manifest.h"
#include "pipeline/decode.h"

/* The objects of one source, by phase, then by name. */
struct hg_infos {
    struct hangar_object_info *items;
    struct hg_stored_object *stored;
    char **texts; /* the strings that items and stored point to; the others are the manifest's */
    size_t count, text_count;
};

/* With `decode` each item has the command that decodes its object.  The manifest must outlive
 * the result; free that with hg_infos_free. */
enum hangar_rc hg_infos_make(const struct hg_manifest *m, const struct hg_manifest_source *s,
                             bool decode, struct hg_infos *out, struct hg_error *err);
void hg_infos_free(struct hg_infos *infos);

#endif
