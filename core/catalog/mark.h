/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * mark: what stands in a backup's folder beside its manifest, or instead of it: the
 * mark of a run that died, and the mark of a removal under way.  Knows nothing of
 * when that is to be done.
 */
#ifndef HG_MARK_H
#define HG_MARK_H

#include "catalog/store.h"

/* Is there a manifest, be it whole or damaged?  NOT_FOUND when there is none; the mark
 * of a dead run is none. */
enum hangar_rc hg_mark_find_backup(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                   struct hg_error *err);

/* Does the mark of a dead run stand in the manifest's place, and since when, by the
 * store's clock (0: it does not say)?  It stays what it is once it is there. */
enum hangar_rc hg_mark_find_abandoned(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                      bool *marked, int64_t *since_ms, struct hg_error *err);

/* Says in the sink that the backup is to stay, whatever retention says. */
enum hangar_rc hg_mark_held(struct hangar_ctx *sink, const char *pipeline, const char *id,
                            const char *host, struct hg_error *err);

/* Says in the sink that the backup is to go, and why, and then takes its manifest.
 * EXISTS, and nothing is said, when the store keeps that. */
enum hangar_rc hg_mark_deleted(struct hangar_ctx *sink, const char *pipeline, const char *id,
                               const char *host, const char *reason, struct hg_error *err);

#endif
