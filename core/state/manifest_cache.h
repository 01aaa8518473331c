/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * summaries: what this machine remembers of manifests that it has read, so that a list
 * of a thousand backups need not read a thousand manifests again.  One file per
 * pipeline and sink, in state_dir/manifests; anybody may remove it at any time.
 *
 * A summary counts only for a manifest of the same id, size and etag, with a signature
 * of the same etag.  The file ends with its own SHA-256, or, where the configuration
 * has a signing key, with a signature by that key: what was read without the key, or
 * was written by somebody else, is as good as not there.  A file that is damaged, too
 * large, of another store, or cannot be written costs time and nothing else.
 */
#ifndef HG_STATE_MANIFEST_CACHE_H
#define HG_STATE_MANIFEST_CACHE_H

#include "base/json.h"
#include "inventory/index.h"

struct hg_summaries {
    json_t *known; /* by id; NULL: nothing is */
    size_t used;
};

void hg_summaries_load(struct hg_summaries *s, struct hangar *h, struct hangar_ctx *sink,
                       const char *pipeline);
void hg_summaries_free(struct hg_summaries *s);

/* A reference to what is known of this item's manifest, and when the backup was
 * finished; NULL when it must be read. */
json_t *hg_summaries_get(struct hg_summaries *s, const struct hg_index_item *item,
                         int64_t *time_ms);

/* Remembers the whole backups of the index and forgets all others. */
void hg_summaries_save(const struct hg_summaries *s, struct hangar *h, struct hangar_ctx *sink,
                       const char *pipeline, const struct hg_index *index);

#endif
