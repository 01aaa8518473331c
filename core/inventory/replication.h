/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * copying: the stored bytes of a backup from one sink into another, as they are, and
 * compared with the manifest on the way.  Used by copy and by runs in which a sink was
 * left behind.  Knows nothing of manifests and marks in the sinks: what it has copied
 * is no backup yet.
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
    bool files; /* RESTORE.txt and SHA256SUMS too */
    /* Is that object there already?  NULL: none is. */
    bool (*has)(void *arg, size_t source, size_t object);
    void *arg;

    /* written by hg_replication_run, read by whoever tells how far it is */
    atomic_uint_fast64_t done_bytes, expected_bytes, done_objects, objects;

    /* its own */
    struct hg_replication_item {
        const char *name; /* in the backup's folder; the manifest's */
        uint64_t bytes;
        const char *sha256;
    } *items;
    size_t count;
    pthread_mutex_t mutex; /* guards what follows */
    size_t next;
    struct hg_error first; /* failure; then nothing more is begun */
};

/* Several objects at once; waits for all.  CORRUPT when what lies in `from` is not what
 * the manifest says; then, as with any failure, some objects may be in `to`. */
enum hangar_rc hg_replication_run(struct hg_replication *c, struct hg_error *err);

#endif
