/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * comparison: reads stored objects and compares them with their manifest, several at once.
 */
#ifndef HG_INVENTORY_COMPARISON_H
#define HG_INVENTORY_COMPARISON_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"
#include "pipeline/decode.h"
#include "session/session.h"

/* What a comparison found. */
struct hg_comparison {
    size_t objects; /* those that match the manifest */
    uint64_t plain_bytes, stored_bytes;
    struct hg_str problems; /* a line each */
    bool *good;             /* in; the caller's, one for each object: set by what was found; or
                               NULL */
};

/* Reads the objects from the sink and compares sizes and hashes: of the stored bytes, and with a
 * chain of the decoded bytes too (from->chain NULL: stored bytes only).
 *
 * Without `out` the first problem ends it.  With `out` all objects are read: damage becomes a line
 * of out->problems, and the result is CORRUPT at the end; any other failure ends it at once. */
enum hangar_rc hg_compare_objects(struct hg_session *s, const struct hg_object_reader *from,
                                  const struct hg_stored_object *objects, size_t count,
                                  struct hg_comparison *out, struct hg_error *err);

#endif
