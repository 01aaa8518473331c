/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * manifest_cache: summaries of the manifests that this machine has read, so that a list of a
 * thousand backups need not read a thousand manifests again.  One file per pipeline and sink, in
 * state_dir/manifests; it may be removed at any time.
 *
 * A summary counts only for a manifest of the same id, size and etag, with a signature of the
 * same etag.  The file ends with its own SHA-256.  A file that is damaged, too large or of another
 * store is ignored, and a file that cannot be written costs the next list its time and nothing
 * else.
 *
 * Where the configuration has a signing key nothing is cached: each manifest is read and its
 * signature checked, whatever size and etag the store reports.
 */
#ifndef HG_STATE_MANIFEST_CACHE_H
#define HG_STATE_MANIFEST_CACHE_H

#include <stdbool.h>
#include "base/json.h"
#include "catalog/signing.h"
#include "catalog/summary.h"
#include "plugin/instance.h"
#include "state/state.h"

/* A manifest as a listing reports it.  Etags are "" where the sink reports none. */
struct hg_manifest_version {
    const char *id, *etag, *signature_etag;
    uint64_t bytes;
    bool has_signature;
};

/* Used by one thread, between open and close. */
struct hg_manifest_cache {
    const struct hg_state *state;
    struct hangar_ctx *sink;
    char *file;    /* its name in the state folder; NULL: nothing is cached */
    json_t *known; /* what the file holds, by id; NULL: nothing */
    json_t *kept;  /* what it will hold */
    size_t hits;
    bool changed; /* what is kept differs from what is known, apart from the summaries */
};

/* Reads what is cached for a pipeline in a sink; nothing when there are keys.  Everything given
 * outlives the cache. */
void hg_manifest_cache_open(struct hg_manifest_cache *cache, const struct hg_state *state,
                            const struct hg_signing *signing, struct hangar_ctx *sink,
                            const char *pipeline);

/* True: *out is the summary of this very manifest; free it.  False: read the manifest. */
bool hg_manifest_cache_get(struct hg_manifest_cache *cache, const struct hg_manifest_version *v,
                           struct hg_summary *out);

/* Has the next save write this summary. */
void hg_manifest_cache_keep(struct hg_manifest_cache *cache, const struct hg_manifest_version *v,
                            const struct hg_summary *summary);

/* Whether the record of a verification of this time (-1: none), the newest beside the backup, and
 * those before it, are known to report no damage.  Keep it after the summary. */
bool hg_manifest_cache_is_undamaged(struct hg_manifest_cache *cache,
                                    const struct hg_manifest_version *v, int64_t record_ms);
void hg_manifest_cache_keep_undamaged(struct hg_manifest_cache *cache,
                                      const struct hg_manifest_version *v, int64_t record_ms);

/* Writes what was kept and forgets the rest, unless the file holds just that. */
void hg_manifest_cache_save(struct hg_manifest_cache *cache);
void hg_manifest_cache_close(struct hg_manifest_cache *cache);

#endif
