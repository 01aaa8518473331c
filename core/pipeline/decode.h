/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * decode: reads one stored object from a sink and decodes it, and compares every
 * size and hash with those of the manifest.
 */
#ifndef HG_PIPELINE_DECODE_H
#define HG_PIPELINE_DECODE_H

#include "base/hash.h"
#include "pipeline/engine.h"

/* A stored object as the manifest describes it.  All pointers belong to the caller. */
struct hg_stored_object {
    const char *path; /* in the sink */
    uint64_t plain_bytes, stored_bytes;
    const char *plain_sha256, *stored_sha256;
    struct hangar_attrs *const *attrs; /* of each transform, set when it encoded the object */
};

/* An open sink, and the transforms of the objects in it.  All pointers belong to the caller. */
struct hg_object_reader {
    struct hangar_ctx *sink;
    struct hangar_ctx *const *chain; /* in the order of encoding */
    size_t chain_count;
};

/* Reads and compares the stored bytes only; does not decode. */
enum hangar_rc hg_decode_check(struct hangar_ctx *sink, const struct hg_stored_object *object,
                               struct hg_error *err);

/* The same, and passes the stored bytes to `write` while it reads.  They are verified only
 * when this returns OK. */
enum hangar_rc hg_decode_stored(struct hangar_ctx *sink, const struct hg_stored_object *object,
                                enum hangar_rc (*write)(void *arg, const void *data, size_t size,
                                                        struct hg_error *err),
                                void *arg, struct hg_error *err);

/* Reads, decodes and compares, and passes the plain bytes to `write` (may be NULL) while it
 * reads.  They are verified only when this returns OK. */
enum hangar_rc hg_decode(const struct hg_object_reader *from, const struct hg_stored_object *object,
                         enum hangar_rc (*write)(void *arg, const void *data, size_t size,
                                                 struct hg_error *err),
                         void *arg, struct hg_error *err);

#endif
