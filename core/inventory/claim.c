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

#include "base/json.h"
#include "base/str.h"
#include "catalog/signing.h"
#include "catalog/sizes.h"
#include "catalog/store.h"

/* What the MAC covers.  It begins with a line that no manifest begins with, because the same key
 * signs both. */
static void claim_signed_text(const json_t *json, const char *pipeline, const char *id,
                              struct hg_str *out)
{
    hg_str_addf(out, "claim of hangar\n%s/%s\n%s\n%s\n%lld\n%s\n", pipeline, id,
                hg_json_string(json, "run", ""), hg_json_string(json, "host", ""),
                (long long)hg_json_int(json, "pid", 0), hg_json_string(json, "started", ""));
}

static bool claim_sign(json_t *json, const struct hangar_ctx *sink,
                       const struct hg_claim_terms *terms)
{
    struct hg_str text = {0};
    claim_signed_text(json, terms->pipeline, terms->id, &text);
    const bool done = hg_signing_mac_add(sink->signing, &text, json);
    hg_str_free(&text);
    return done;
}

char *hg_claim_text(const struct hangar *h, const struct hangar_ctx *sink,
                    const struct hg_claim_terms *terms)
{
    json_t *json = json_object();
    hg_json_set_string(json, "run", terms->run);
    hg_json_set_string(json, "pipeline", terms->pipeline);
    hg_json_set_string(json, "backup", terms->id);
    hg_json_set_string(json, "origin", h->identity.origin);
    hg_json_set_string(json, "host", h->identity.host);
    hg_json_set_int(json, "pid", getpid());
    hg_json_set_time(json, "started", terms->started_ms);
    const bool done = !sink->signing || claim_sign(json, sink, terms);
    char *text = done ? hg_json_text(json) : NULL;
    json_decref(json);
    return text;
}

static bool claim_is_proven(const struct hangar_ctx *sink, const char *pipeline, const char *id,
                            const json_t *json)
{
    struct hg_str text = {0};
    claim_signed_text(json, pipeline, id, &text);
    const bool proven = hg_signing_mac_check(sink->signing, &text, json);
    hg_str_free(&text);
    return proven;
}

/* Early versions did not write `backup`. */
static enum hangar_rc claim_take(const struct hangar_ctx *sink, const char *pipeline,
                                 const char *id, const json_t *json, struct hg_claim *out,
                                 struct hg_error *err)
{
    const char *run = hg_json_string(json, "run", "");
    if (run[0] == '\0' || strcmp(hg_json_string(json, "pipeline", ""), pipeline) != 0 ||
        strcmp(hg_json_string(json, "backup", id), id) != 0) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "sink %s: " HG_RUN_NAME " in %s/%s does not name a run of this backup",
                       sink->name, pipeline, id);
    }
    if (sink->signing && !claim_is_proven(sink, pipeline, id, json)) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "sink %s: " HG_RUN_NAME " in %s/%s is not signed with the key", sink->name,
                       pipeline, id);
    }
    snprintf(out->run, sizeof(out->run), "%s", run);
    snprintf(out->host, sizeof(out->host), "%s", hg_json_string(json, "host", ""));
    return HANGAR_OK;
}

enum hangar_rc hg_claim_read(struct hangar_ctx *sink, const char *pipeline, const char *id,
                             struct hg_claim *out, struct hg_error *err)
{
    json_t *json = NULL;
    char *path = hg_store_path(pipeline, id, HG_RUN_NAME);
    *out = (struct hg_claim){0};
    struct hg_str text = {0};
    enum hangar_rc rc =
        path ? hg_store_get(sink, path, HG_MARK_MAX, &text, err) : hg_no_memory(err);
    free(path);
    if (rc == HANGAR_OK) {
        rc = hg_json_parse(hg_str_text(&text), text.len, HG_RUN_NAME, &json, err);
    }
    if (rc == HANGAR_OK) {
        rc = claim_take(sink, pipeline, id, json, out, err);
        json_decref(json);
    }
    hg_str_free(&text);
    return rc;
}
