/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * transfer: what export and import have in common: how far they are, and how that
 * is told.
 */
#ifndef HG_TRANSFER_TRANSFER_H
#define HG_TRANSFER_TRANSFER_H

#include "base/error.h"
#include "base/json.h"
#include "catalog/manifest.h"
#include "session/handle.h"
#include "session/session.h"

struct hg_transfer {
    struct hangar *h;
    const char *job; /* "export", "import" */
    struct hg_session session;
    int64_t started_ms;
    /* written by the job's thread, read by its monitor; each stands for itself */
    atomic_uint_fast64_t done_bytes, expected_bytes, done_objects, objects;
};

enum hangar_rc hg_transfer_begin(struct hg_transfer *t, struct hangar *h, const char *job,
                                 struct hg_error *err);
/* Ends the session.  Gives rc back, or why the job was cancelled. */
enum hangar_rc hg_transfer_end(struct hg_transfer *t, enum hangar_rc rc, struct hg_error *err);

/* What is to be moved; only then is it known. */
void hg_transfer_expect(struct hg_transfer *t, const struct hg_manifest *m);

/* Logs how it went, and fills the fields that both documents have. */
void hg_transfer_tell(struct hg_transfer *t, json_t *doc, const struct hg_manifest *m,
                      const char *sink, uint64_t archive_bytes, enum hangar_rc rc,
                      const struct hg_error *err);

#endif
