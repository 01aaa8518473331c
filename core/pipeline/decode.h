/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * decode: the bytes of one stored object, from a sink back through the
 * transforms, with every hash and size compared on the way.
 */
#ifndef HG_DECODE_H
#define HG_DECODE_H

#include "base/hash.h"
#include "pipeline/engine.h"

/* What is known of a stored object.  All is the caller's. */
struct hg_stored {
    const char *path; /* in the sink */
    uint64_t plain_bytes, stored_bytes;
    const char *plain_sha256, *stored_sha256;
    struct hangar_attrs *const *attrs; /* of each transform, as it encoded */
};

/* Reads and compares the stored bytes only. */
enum hangar_rc hg_decode_check(struct hangar_ctx *sink, const struct hg_stored *object,
                               struct hg_error *err);

/* The same, and gives the stored bytes to `write` as they come.  Only when this is OK
 * were they the right ones. */
enum hangar_rc hg_decode_stored(struct hangar_ctx *sink, const struct hg_stored *object,
                                enum hangar_rc (*write)(void *arg, const void *data, size_t size,
                                                        struct hg_error *err),
                                void *arg, struct hg_error *err);

/* Reads, decodes and compares, and gives the plain bytes to `write` (NULL: to
 * nobody) as they come.  Only when this is OK were they the right ones. */
enum hangar_rc hg_decode(struct hangar_ctx *sink, struct hangar_ctx *const *chain,
                         size_t chain_count, const struct hg_stored *object,
                         enum hangar_rc (*write)(void *arg, const void *data, size_t size,
                                                 struct hg_error *err),
                         void *arg, struct hg_error *err);

#endif
