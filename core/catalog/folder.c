/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * folder: see folder.h.
 */
#include "catalog/folder.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/signing.h"

void hg_folder_add(struct hg_folder *folder, const char *name, const struct hg_page_entry *entry)
{
    folder->files++;
    folder->bytes += entry->size;
    if (strcmp(name, HG_MANIFEST_NAME) == 0) {
        folder->manifest = true;
        folder->manifest_bytes = entry->size;
        folder->manifest_ms = entry->time_ms;
    } else if (strcmp(name, HG_SIGNATURE_NAME) == 0) {
        folder->signature = true;
    } else if (strcmp(name, HG_RESTORE_NAME) == 0) {
        folder->restore = true;
    } else if (strcmp(name, HG_SUMS_NAME) == 0) {
        folder->sums = true;
        folder->sums_ms = entry->time_ms;
    } else if (strcmp(name, HG_HOLD_NAME) == 0) {
        folder->held = true;
    } else if (strcmp(name, HG_DELETED_NAME) == 0) {
        folder->deleted = true;
        folder->deleted_ms = entry->time_ms;
    } else if (strcmp(name, HG_RUN_NAME) == 0) {
        folder->claimed = true;
        folder->claim_ms = entry->time_ms;
    }
}

struct folder_listing {
    struct hg_folder *folder;
    int64_t store_ms;
    size_t skip; /* length of "<pipeline>/<id>/" */
};

static enum hangar_rc folder_add_page(void *arg, const struct hg_page_entries *page,
                                      struct hg_error *err)
{
    (void)err;
    struct folder_listing *l = arg;
    l->store_ms = page->store_time_ms ? page->store_time_ms : hg_now_ms();
    for (size_t i = 0; i < page->count; i++) {
        if (strlen(page->items[i].name) > l->skip) {
            hg_folder_add(l->folder, page->items[i].name + l->skip, &page->items[i]);
        }
    }
    return HANGAR_OK;
}

enum hangar_rc hg_folder_read(struct hangar_ctx *sink, const char *pipeline, const char *id,
                              struct hg_folder *out, int64_t *store_ms, struct hg_error *err)
{
    char *prefix = hg_format("%s/%s/", pipeline, id);
    if (!prefix) {
        return hg_no_memory(err);
    }
    *out = (struct hg_folder){0};
    struct folder_listing listing = {.folder = out, .skip = strlen(prefix)};
    enum hangar_rc rc = hg_sink_list(sink, prefix, 0, folder_add_page, &listing, err);
    free(prefix);
    *store_ms = listing.store_ms;
    return rc;
}

bool hg_folder_had_backup(const struct hg_folder *folder)
{
    return folder->held || folder->signature || (folder->restore && folder->sums);
}
