/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verified: what verifications came to: a record beside the backup, in the sink
 * that was read, verify/<time>.json, and a line in the state of this machine.
 */
#ifndef HG_INVENTORY_VERIFICATION_RECORD_H
#define HG_INVENTORY_VERIFICATION_RECORD_H

#include "base/error.h"
#include "base/json.h"
#include "session/handle.h"

#define HG_VERIFIED_KEPT 20 /* records beside a backup */

/* Writes both, and removes the oldest records when there are too many.  What fails is
 * only logged: the outcome is the verification's. */
void hg_verified_record(struct hangar *h, const char *pipeline, size_t sink, const char *id,
                        const json_t *record);

/* The newest record of a backup in a sink; *out is NULL when there is none.  Two
 * requests: a listing, and the file. */
enum hangar_rc hg_verified_newest(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                  json_t **out, struct hg_error *err);

/* What this machine remembers of a pipeline: an object with, by id, the last outcome:
 * { time, level, status, sink }.  No request.  The caller's to decref. */
json_t *hg_verified_remembered(struct hangar *h, const char *pipeline);

/* The newest record in the sink, null when there is none or it cannot be read. */
json_t *hg_verified_json(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                         const char *id);

/* The last line of a drill that this machine remembers: { id, time, level, status, sink };
 * NULL: none.  The caller's to decref. */
json_t *hg_verified_last_drill(struct hangar *h, const char *pipeline);

#endif
