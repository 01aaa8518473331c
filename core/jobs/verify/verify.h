/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verify: comparing stored objects, several at once; for verify and restore.
 */
#ifndef HG_VERIFY_VERIFY_H
#define HG_VERIFY_VERIFY_H

#include "base/error.h"
#include "base/str.h"
#include "pipeline/decode.h"
#include "session/session.h"

/* What was found while objects were compared. */
struct hg_verify_tally {
    size_t objects;
    uint64_t plain_bytes, stored_bytes;
    struct hg_str problems; /* a line each */
};

/* Reads the objects from the sink and compares them: with a chain also decoded,
 * with chain NULL the stored bytes only.  Without a tally the first problem ends
 * it; with one all objects are looked at, CORRUPT is told at the end, and other
 * failures end it. */
enum hangar_rc hg_verify_objects(struct hg_session *s, struct hangar_ctx *sink,
                                 struct hangar_ctx *const *chain, size_t chain_count,
                                 const struct hg_stored *objects, size_t count,
                                 struct hg_verify_tally *tally, struct hg_error *err);

#endif
