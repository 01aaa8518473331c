/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * claim: run.json (catalog/run_file.h), by which a run, a copy or an import claims the files in the
 * folder of one backup.  When the lease is over, a claim proves that they are the leftovers of that
 * run; without one prune removes nothing.
 */
#ifndef HG_INVENTORY_CLAIM_H
#define HG_INVENTORY_CLAIM_H

#include <stdint.h>

#include "base/error.h"
#include "plugin/instance.h"
#include "session/handle.h"

/* What a claim is made of; the strings stay the caller's. */
struct hg_claim_terms {
    const char *pipeline, *id, *run;
    int64_t started_ms;
};

/* The text of run.json for a sink; malloc'd, NULL when out of memory.  Where the sink has signing
 * keys it contains a MAC of its whole content. */
char *hg_claim_text(const struct hangar *h, const struct hangar_ctx *sink,
                    const struct hg_claim_terms *terms);

struct hg_claim {
    char run[64], host[256];
};

/* Reads the claim of a folder.  NOT_FOUND: there is none.  CORRUPT: run.json does not name a run of
 * this pipeline and backup or, where the sink has signing keys, its MAC does not prove it. */
enum hangar_rc hg_claim_read(struct hangar_ctx *sink, const char *pipeline, const char *id,
                             struct hg_claim *out, struct hg_error *err);

#endif
