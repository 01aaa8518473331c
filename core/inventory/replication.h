/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * replication: copies the stored bytes of a backup from one sink into another, and compares them
 * with the manifest on the way.  Used by the job copy, and by runs for sinks that were
 * detached.  It stores neither run.json nor the manifest: that is the caller's task.
 */
#ifndef HG_INVENTORY_REPLICATION_H
#define HG_INVENTORY_REPLICATION_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"
#include "catalog/manifest.h"

struct hg_replication {
    struct hangar_ctx *from, *to;
    const struct hg_manifest *manifest;
    bool files; /* copy RESTORE.txt and SHA256SUMS too */
    /* True: `to` has this object already.  NULL: it has none. */
    bool (*has)(void *arg, size_t source, size_t object);
    void *arg;
    /* The same, for all files in the order of the manifest: objects, then RESTORE.txt and
     * SHA256SUMS.  NULL: see `has`. */
    const bool *good;

    /* written by hg_replication_run; any thread may read them */
    atomic_uint_fast64_t done_bytes, expected_bytes, done_objects, objects;

    /* private */
    struct hg_replication_item {
        const char *name; /* in the folder of the backup; the manifest owns it */
        uint64_t bytes;
        const char *sha256;
    } *items;
    size_t count;
    pthread_mutex_t mutex; /* guards what follows */
    size_t next;
    struct hg_error first; /* the first failure: no further object is begun */
};

/* Copies up to 8 objects at once and waits for all; once for each struct.  CORRUPT: an object in
 * `from` does not match the manifest.  After a failure some objects may be in `to`. */
enum hangar_rc hg_replication_run(struct hg_replication *r, struct hg_error *err);

#endif
