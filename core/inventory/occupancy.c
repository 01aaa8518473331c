/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * occupancy: see occupancy.h.
 */
#include "inventory/occupancy.h"

#include <string.h>

#include "base/error.h"
#include "catalog/manifest.h"
#include "catalog/store.h"
#include "inventory/goodness.h"

enum hangar_rc hg_occupancy_find(struct hangar *h, struct hangar_ctx *sink,
                                 const struct hg_incoming_backup *backup, enum hg_occupancy *out,
                                 struct hg_error *err)
{
    struct hg_str text = {0};
    struct hg_manifest m = {0};
    struct hg_error why = {0};
    const struct hg_str *manifest = backup->manifest;
    enum hangar_rc rc = hg_store_manifest_both(sink, backup->pipeline, backup->id, &text, &m, &why);
    const bool same = rc == HANGAR_OK && text.len == manifest->len &&
                      memcmp(hg_str_text(&text), hg_str_text(manifest), text.len) == 0;
    enum hangar_rc complete = same ? hg_goodness_of(h, sink, &m, &why) : HANGAR_OK;
    hg_manifest_free(&m);
    hg_str_free(&text);
    if (complete != HANGAR_OK) { /* the manifest alone is not a backup */
        *out = HG_OCCUPANCY_DAMAGED;
        return complete == HANGAR_CORRUPT ? HANGAR_OK : hg_error_move(err, &why);
    }
    switch (rc) {
    case HANGAR_NOT_FOUND:
        *out = HG_OCCUPANCY_FREE;
        return HANGAR_OK;
    case HANGAR_CORRUPT:
        *out = HG_OCCUPANCY_DAMAGED;
        return HANGAR_OK;
    case HANGAR_OK:
    case HANGAR_UNSUPPORTED:
        if (same) {
            *out = HG_OCCUPANCY_SAME;
            return HANGAR_OK;
        }
        return hg_fail(err, HANGAR_EXISTS, 0,
                       "sink %s already has %s with a different manifest; it was not changed; "
                       "hint: check it with `hangar verify --from %s %s`; to replace it, remove it "
                       "with `hangar remove` first",
                       sink->name, backup->id, sink->name, backup->id);
    default:
        return hg_error_move(err, &why);
    }
}
