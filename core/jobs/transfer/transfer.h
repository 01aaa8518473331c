/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * transfer: what export and import share: the session, the figures of the progress, and the
 * fields of both documents.
 */
#ifndef HG_JOBS_TRANSFER_TRANSFER_H
#define HG_JOBS_TRANSFER_TRANSFER_H

#include "base/error.h"
#include "base/json.h"
#include "catalog/manifest.h"
#include "session/handle.h"
#include "session/session.h"

enum hg_transfer_job { HG_EXPORT, HG_IMPORT };

struct hg_transfer {
    struct hangar *h;
    enum hg_transfer_job job;
    struct hg_session session;
    int64_t started_ms;
    const char *sink;       /* its name, from the configuration; NULL: not chosen */
    uint64_t archive_bytes; /* written or read */
    /* written by the thread of the job, read by its monitor */
    atomic_uint_fast64_t done_bytes, expected_bytes, done_objects, objects;
};

enum hangar_rc hg_transfer_begin(struct hg_transfer *t, struct hangar *h, enum hg_transfer_job job,
                                 struct hg_error *err);
/* Ends the session; returns the result of the job, see hg_session_result. */
enum hangar_rc hg_transfer_end(struct hg_transfer *t, enum hangar_rc rc, struct hg_error *err);

/* Sets the expected figures of the progress. */
void hg_transfer_expect(struct hg_transfer *t, const struct hg_manifest *m);

/* Logs the result and adds the fields that both documents have.  sink and archive_bytes are
 * set. */
void hg_transfer_report(const struct hg_transfer *t, json_t *doc, const struct hg_manifest *m,
                        enum hangar_rc rc, const struct hg_error *err);

#endif
