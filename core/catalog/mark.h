/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * mark: small files in the place of a backup that record its state: a dead run, a
 * removal in progress, a hold.  It must not know when to write or remove them.
 */
#ifndef HG_CATALOG_MARK_H
#define HG_CATALOG_MARK_H

#include "catalog/store.h"

/* OK when there is a manifest, whole or damaged, and when a backup has lost its manifest.
 * NOT_FOUND when there is no backup so far (hg_store_fail_without_manifest). */
enum hangar_rc hg_mark_find_backup(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                   struct hg_error *err);

/* Sets *marked when the manifest is the mark of a dead run, and *since_ms to the time of the
 * mark by the store's clock (0: unknown).  Such a mark is final. */
enum hangar_rc hg_mark_find_abandoned(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                      bool *marked, int64_t *since_ms, struct hg_error *err);

/* Marks a backup as held: retention does not remove it.  The mark is signed where the sink has
 * signing keys. */
enum hangar_rc hg_mark_held(struct hangar_ctx *sink, const char *pipeline, const char *id,
                            const char *host, struct hg_error *err);

/* Removes the mark and its signature. */
enum hangar_rc hg_mark_release(struct hangar_ctx *sink, const char *pipeline, const char *id,
                               struct hg_error *err);

/* Sets *proven to false when the sink has signing keys, and the mark of a held backup is not
 * signed by one of them for this backup.  Such a mark still protects the backup: it could be one
 * that was made before there was a key.  Fails when that cannot be read. */
enum hangar_rc hg_mark_check_hold(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                  bool *proven, struct hg_error *err);

/* Marks a backup as deleted, with the reason, and then removes its manifest.  EXISTS when the
 * store has locked the manifest: then the backup is not marked. */
enum hangar_rc hg_mark_deleted(struct hangar_ctx *sink, const char *pipeline, const char *id,
                               const char *host, const char *reason, struct hg_error *err);

#endif
