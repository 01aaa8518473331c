/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * folder: what a listing shows of the folder of one backup, and what that proves when the manifest
 * is not there.  It reads no file.
 */
#ifndef HG_CATALOG_FOLDER_H
#define HG_CATALOG_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "plugin/instance.h"
#include "plugin/page.h"

/* Files beside a manifest, or without one. */
#define HG_RUN_NAME "run.json"         /* the lease of a run, renewed while it runs */
#define HG_DELETED_NAME "deleted.json" /* the manifest was removed, the objects follow */
#define HG_HOLD_NAME "hold"            /* the backup is held */

/* The content of manifest.json of a dead run.  A manifest is never so short. */
#define HG_ABANDONED "{ \"hangar\": \"abandoned\" }\n"

/* Times are the store's; 0 where the file does not exist. */
struct hg_folder {
    size_t files; /* of every name */
    uint64_t bytes;
    bool manifest, signature, restore, sums, held, deleted, claimed;
    uint64_t manifest_bytes;
    int64_t manifest_ms, sums_ms, deleted_ms, claim_ms;
};

/* Adds a file of the folder; `name` is its name there. */
void hg_folder_add(struct hg_folder *folder, const char *name, const struct hg_page_entry *entry);

/* Lists the folder of one backup.  *store_ms is the store's clock, or this machine's where the
 * sink reports none. */
enum hangar_rc hg_folder_read(struct hangar_ctx *sink, const char *pipeline, const char *id,
                              struct hg_folder *out, int64_t *store_ms, struct hg_error *err);

/* Was a whole backup in this folder?  Its hold, its signature, or RESTORE.txt and SHA256SUMS prove
 * that.  Such a folder is never a leftover, unless hangar has begun to remove the backup
 * (hg_store_find_removal), which it does not while the backup is held. */
bool hg_folder_had_backup(const struct hg_folder *folder);

#endif
