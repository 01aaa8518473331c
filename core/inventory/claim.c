/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * claim: see claim.h.
 */
#include "inventory/claim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "catalog/run_file.h"
#include "catalog/sizes.h"
#include "catalog/store.h"

char *hg_claim_text(const struct hangar *h, const struct hangar_ctx *sink,
                    const struct hg_claim_terms *terms)
{
    char started[HG_TIME_SIZE];
    hg_time_format(terms->started_ms, started);
    const struct hg_run_file file = {.run = terms->run,
                                     .pipeline = terms->pipeline,
                                     .backup = terms->id,
                                     .origin = h->identity.origin,
                                     .host = h->identity.host,
                                     .started = started,
                                     .pid = getpid()};
    return hg_run_file_text(&file, sink->signing);
}

static enum hangar_rc claim_take(const struct hangar_ctx *sink, const char *pipeline,
                                 const char *id, const struct hg_run_file *file,
                                 struct hg_claim *out, struct hg_error *err)
{
    if (file->run[0] == '\0' || strcmp(file->pipeline, pipeline) != 0 ||
        (file->backup && strcmp(file->backup, id) != 0)) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "sink %s: " HG_RUN_NAME " in %s/%s does not name a run of this backup",
                       sink->name, pipeline, id);
    }
    if (sink->signing && !hg_run_file_is_proven(file, sink->signing, pipeline, id)) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "sink %s: " HG_RUN_NAME " in %s/%s is not signed with the key", sink->name,
                       pipeline, id);
    }
    snprintf(out->run, sizeof(out->run), "%s", file->run);
    snprintf(out->host, sizeof(out->host), "%s", file->host);
    return HANGAR_OK;
}

enum hangar_rc hg_claim_read(struct hangar_ctx *sink, const char *pipeline, const char *id,
                             struct hg_claim *out, struct hg_error *err)
{
    char *path = hg_store_path(pipeline, id, HG_RUN_NAME);
    *out = (struct hg_claim){0};
    struct hg_str text = {0};
    struct hg_run_file file = {0};
    enum hangar_rc rc =
        path ? hg_store_get(sink, path, HG_MARK_MAX, &text, err) : hg_no_memory(err);
    free(path);
    if (rc == HANGAR_OK) {
        rc = hg_run_file_parse(&text, &file, err);
    }
    if (rc == HANGAR_OK) {
        rc = claim_take(sink, pipeline, id, &file, out, err);
    }
    hg_run_file_free(&file);
    hg_str_free(&text);
    return rc;
}
