/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * contents: verifies one backup in one sink: its manifest, the sizes of its files, the bytes of its
 * objects, and, as a drill, what a restore of it gives.  It knows no other backup.
 */
#ifndef HG_JOBS_VERIFY_CONTENTS_H
#define HG_JOBS_VERIFY_CONTENTS_H

#include "base/error.h"
#include "base/json.h"
#include "catalog/manifest.h"
#include "config/config.h"
#include "inventory/comparison.h"
#include "jobs/verify/drill.h"
#include "session/handle.h"
#include "session/session.h"

/* Zero it, and fill what is `in`. */
struct hg_verified_backup {
    /* in; the caller's */
    struct hangar *h;
    struct hg_session *s;
    struct hangar_ctx *sink;
    const char *pipeline, *id;
    enum hangar_verify_level level;
    int64_t started_ms;
    json_t *sources; /* an array; gets what the drill's plugins report */
    struct hg_drill drill;
    /* out; free the manifest and found.problems */
    struct hg_manifest manifest; /* its id is NULL when the sink has no such backup */
    bool read; /* the bytes of its files were judged, and not only their names and sizes */
    struct hg_error
        standing; /* what an earlier drill found, and these bytes do not refute; else OK */
    bool drilled; /* all bytes were right, and a restore was tried */
    struct hg_comparison found;
    struct hangar_ctx *chain[HG_CHAIN_MAX];
};

/* OK: the backup is good as far as the level looks.  CORRUPT: it is not; v->found.problems has
 * the reasons.  Everything else: it could not be judged. */
enum hangar_rc hg_verify_backup(struct hg_verified_backup *v, struct hg_error *err);

#endif
