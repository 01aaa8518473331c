/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * index: what lies in a pipeline's place in one sink, for whatever looks at all of its
 * backups: list, status, prune.  One listing tells which ones there are; a manifest is
 * read only when it is new, as its summary is remembered (summaries.h).  What acts on
 * one backup reads its manifest from the sink.
 */
#ifndef HG_INVENTORY_INDEX_H
#define HG_INVENTORY_INDEX_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "session/handle.h"

struct hg_index_item {
    char *id;
    char etag[128], signature_etag[128]; /* of the manifest and its signature; "": none told */
    uint64_t manifest_bytes;
    bool has_manifest, has_signature, held;
    enum hangar_rc rc; /* OK: whole; NOT_FOUND: no backup; CORRUPT, UNSUPPORTED: `problem` */
    char *problem;     /* why it is not whole; NULL: it is */
    json_t *summary;   /* of a whole one: what hg_doc_manifest says, and "origin" */
    int64_t time_ms;   /* when it was finished; of one that is not whole, begun */
};

struct hg_index {
    struct hg_index_item *items; /* by id, the oldest first */
    size_t count, capacity;
    int64_t store_ms; /* the store's clock, ours when it has none */
};

/* The newest `fresh` whole backups that no restore made are read in any case, whatever
 * is remembered.  Free with hg_index_free, also after a failure. */
enum hangar_rc hg_index_read(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                             size_t fresh, struct hg_index *index, struct hg_error *err);
void hg_index_free(struct hg_index *index);

/* NULL: it is not there. */
const struct hg_index_item *hg_index_find(const struct hg_index *index, const char *id);

bool hg_index_is_safety(const struct hg_index_item *item);

#endif
