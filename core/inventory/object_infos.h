/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * object_infos: the objects of a backup as plugins see them.
 */
#ifndef HG_INVENTORY_OBJECT_INFOS_H
#define HG_INVENTORY_OBJECT_INFOS_H

#include <stdbool.h>

#include "base/error.h"
#include "catalog/manifest.h"
#include "pipeline/decode.h"

/* The objects of a source as plugins see them, by phase, then name; decode
 * commands when asked.  Free with hg_infos_free. */
struct hg_infos {
    struct hangar_object_info *items;
    struct hg_stored *stored;
    char **texts; /* what items and stored point to and that is ours */
    size_t count, text_count;
};
enum hangar_rc hg_infos_make(const struct hg_manifest *m, const struct hg_manifest_source *s,
                             bool decode, struct hg_infos *out, struct hg_error *err);
void hg_infos_free(struct hg_infos *infos);

#endif
