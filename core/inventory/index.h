/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * index: the backups of a pipeline in one sink, for the jobs that need all of them: list, status,
 * prune.  One listing finds them and their files; a manifest is read only when it is new, because
 * its summary is cached (manifest_cache.h).  A job on one backup judges that one (goodness.h).
 */
#ifndef HG_INVENTORY_INDEX_H
#define HG_INVENTORY_INDEX_H

#include <stdbool.h>

#include "base/error.h"
#include "catalog/file_sum.h"
#include "catalog/folder.h"
#include "catalog/summary.h"
#include "plugin/instance.h"
#include "session/handle.h"

/* One folder whose name is a backup id. */
struct hg_index_item {
    char *id;
    char etag[128], signature_etag[128]; /* "" where the sink reports none */
    uint64_t manifest_bytes;
    int64_t record_ms;        /* of the newest record of a verification; -1: none */
    struct hg_file_sum files; /* that are listed, without those that no manifest lists */
    bool has_manifest, has_signature, held;
    bool unreadable;           /* the folder, or a part of it, could not be read */
    bool undamaged;            /* no verification has found damage */
    struct hg_folder folder;   /* what the listing shows of it */
    enum hangar_rc rc;         /* OK: good; NOT_FOUND: not a backup (no manifest); CORRUPT (also:
                                  it has lost its manifest), UNSUPPORTED: see `problem`; IO: not
                                  known, it may be any of these, see `problem` */
    char *problem;             /* NULL unless CORRUPT, UNSUPPORTED or IO */
    struct hg_summary summary; /* where the manifest can be read; else empty */
    int64_t time_ms;           /* when it was finished; without a manifest: begun */
};

struct hg_index {
    struct hg_index_item *items; /* by id, the oldest first */
    size_t count, capacity;
    int64_t store_ms; /* the store's clock; this machine's where the sink reports none */
    bool lost;        /* the sink lost its origin.json; see origin.h */
};

/* Reads the index.  The manifests of the newest `fresh` whole backups are read even when they are
 * cached; safety backups and partial ones do not count among them.  Free with hg_index_free, also
 * after a failure. */
enum hangar_rc hg_index_read(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                             size_t fresh, struct hg_index *index, struct hg_error *err);
void hg_index_free(struct hg_index *index);

/* Is it a good backup that is neither a safety backup nor a partial one? */
bool hg_index_counts(const struct hg_index_item *item);

/* The item of this id, or NULL. */
const struct hg_index_item *hg_index_find(const struct hg_index *index, const char *id);

#endif
