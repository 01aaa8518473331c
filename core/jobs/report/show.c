/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * show: one backup in full: its manifest, where it lies, how it was verified last.
 */
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/store.h"
#include "config/config.h"
#include "inventory/selection.h"
#include "inventory/record.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/session.h"

/* The names of the sinks that hold a manifest of the backup. */
static json_t *show_sinks(struct hg_session *s, const struct hg_selected_backup *found)
{
    const struct hg_pipeline_config *pc = &s->h->config->pipelines[found->pipeline];
    json_t *sinks = json_array();
    for (size_t i = 0; i < pc->sink_count; i++) {
        struct hangar_ctx *ctx = found->ctx;
        struct hg_error err = {0};
        if ((pc->sinks[i] == found->sink ||
             hg_session_open(s, pc->sinks[i], NULL, 0, &ctx, &err) == HANGAR_OK) &&
            hg_mark_find_backup(ctx, pc->name, found->manifest.id, &err) == HANGAR_OK) {
            hg_json_add(sinks, json_string(s->h->config->instances[pc->sinks[i]].name));
        }
    }
    return sinks;
}

static bool show_is_signed(struct hangar *h, const struct hg_selected_backup *found)
{
    struct hg_str signature = {0};
    bool there = hg_store_signature(found->ctx, h->config->pipelines[found->pipeline].name,
                                    found->manifest.id, &signature, NULL) == HANGAR_OK;
    hg_str_free(&signature);
    return there;
}

static json_t *show_record(struct hangar *h, const struct hg_selected_backup *found)
{
    struct hg_record newest;
    hg_record_newest(h, found->ctx, h->config->pipelines[found->pipeline].name, found->manifest.id,
                     &newest);
    json_t *out = hg_record_json(&newest);
    hg_record_free(&newest);
    return out;
}

enum hangar_status hangar_show(struct hangar *h, const struct hangar_selection *which, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.show/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_session s;
    struct hg_selected_backup found = {0};
    struct hg_error err = {0};
    struct hg_str text = {0};
    enum hangar_rc rc = hg_session_begin(&s, h, 0, NULL, NULL, &err);
    if (rc == HANGAR_OK) {
        rc = hg_select(&s, which, &found, &err);
        if (rc == HANGAR_OK) {
            hg_json_set_string(doc, "sink", found.ctx->name);
            hg_json_set(doc, "sinks", show_sinks(&s, &found));
            hg_json_set(doc, "verified", show_record(h, &found));
            hg_json_set_bool(doc, "signed", show_is_signed(h, &found));
            rc = hg_manifest_write(&found.manifest, &text, &err);
        }
        json_t *manifest = NULL;
        if (rc == HANGAR_OK) {
            rc = hg_json_parse(text.data, text.len, HG_MANIFEST_NAME, &manifest, &err);
        }
        if (rc == HANGAR_OK) {
            hg_json_set(doc, "manifest", manifest);
        }
        hg_session_end(&s);
    }
    hg_str_free(&text);
    hg_manifest_free(&found.manifest);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
