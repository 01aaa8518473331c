/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * summaries: see summaries.h.
 */
#include "state/manifest_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "catalog/signing.h"
#include "inventory/index.h"
#include "plugin/instance.h"
#include "session/handle.h"
#include "state/file.h"

#define FORMAT 1
#define FILE_MAX ((size_t)32 << 20)
#define SEAL_MAX ((size_t)256) /* at the end of the file: "\n", and what makes it good */

static char *name_of(const struct hangar_ctx *sink, const char *pipeline)
{
    return hg_format("manifests/%s.%s", pipeline, sink->name);
}

/* ---- the seal ---- */

static bool make_seal(struct hangar *h, const char *text, size_t size, struct hg_str *seal)
{
    char hex[HG_SHA256_HEX];
    if (h->signing.count) {
        return hg_signing_sign(&h->signing, text, size, seal, NULL) == HANGAR_OK;
    }
    bool ok = hg_sha256_of(text, size, hex);
    hg_str_addf(seal, "sha256 %s\n", hex);
    return ok && !seal->failed;
}

static bool seal_ok(struct hangar *h, const char *text, size_t size, const char *seal)
{
    if (h->signing.count) {
        return hg_signing_check(&h->signing, text, size, seal, strlen(seal), NULL) == HANGAR_OK;
    }
    struct hg_str expected = {0};
    bool ok = make_seal(h, text, size, &expected) && strcmp(seal, hg_str_text(&expected)) == 0;
    hg_str_free(&expected);
    return ok;
}

/* ---- reading ---- */

/* The document before the seal; NULL when anything about it is not right. */
static json_t *parse(struct hangar *h, struct hangar_ctx *sink, const struct hg_str *text)
{
    size_t end = text->len > 1 ? text->len - 1 : 0; /* the last newline is the seal's */
    while (end > 0 && text->data[end - 1] != '\n' && text->len - end < SEAL_MAX) {
        end--;
    }
    json_t *doc = NULL;
    if (end == 0 || text->data[end - 1] != '\n' || !seal_ok(h, text->data, end, text->data + end) ||
        hg_json_parse(text->data, end, "manifests", &doc, NULL) != HANGAR_OK) {
        return NULL;
    }
    json_t *known = json_object_get(doc, "backups");
    bool ours = hg_json_int(doc, "format", 0) == FORMAT && json_is_object(known) &&
                strcmp(hg_json_string(doc, "target", ""), hg_instance_target(sink)) == 0;
    known = ours ? json_incref(known) : NULL;
    json_decref(doc);
    return known;
}

void hg_summaries_load(struct hg_summaries *s, struct hangar *h, struct hangar_ctx *sink,
                       const char *pipeline)
{
    struct hg_str text = {0};
    char *name = name_of(sink, pipeline);
    *s = (struct hg_summaries){0};
    if (name && hg_state_read(&h->state, name, FILE_MAX, &text, NULL) == HANGAR_OK &&
        text.len > 0) {
        s->known = parse(h, sink, &text);
    }
    hg_str_free(&text);
    free(name);
}

void hg_summaries_free(struct hg_summaries *s)
{
    json_decref(s->known);
    s->known = NULL;
}

static bool same(const json_t *entry, const char *key, const char *value)
{
    return strcmp(hg_json_string(entry, key, ""), value) == 0;
}

json_t *hg_summaries_get(struct hg_summaries *s, const struct hg_index_item *item, int64_t *time_ms)
{
    const json_t *entry = json_object_get(s->known, item->id);
    json_t *summary = json_object_get(entry, "summary");
    int64_t ms;
    if (!item->etag[0] || (item->has_signature && !item->signature_etag[0]) ||
        !same(entry, "etag", item->etag) || !same(entry, "signature", item->signature_etag) ||
        hg_json_int(entry, "bytes", -1) != (int64_t)item->manifest_bytes ||
        !same(summary, "id", item->id) || !json_is_array(json_object_get(summary, "sources")) ||
        !hg_time_parse(hg_json_string(summary, "created", ""), &ms)) {
        return NULL;
    }
    *time_ms = ms;
    s->used++;
    return json_incref(summary);
}

/* ---- writing ---- */

static json_t *make_entry(const struct hg_index_item *item)
{
    json_t *entry = json_object();
    hg_json_set_string(entry, "etag", item->etag);
    hg_json_set_string(entry, "signature", item->signature_etag);
    hg_json_set_int(entry, "bytes", (int64_t)item->manifest_bytes);
    hg_json_set(entry, "summary", json_incref(item->summary));
    return entry;
}

void hg_summaries_save(const struct hg_summaries *s, struct hangar *h, struct hangar_ctx *sink,
                       const char *pipeline, const struct hg_index *index)
{
    size_t whole = 0;
    json_t *doc = json_object(), *backups = json_object();
    for (size_t i = 0; i < index->count; i++) {
        if (index->items[i].summary && index->items[i].etag[0]) {
            hg_json_set(backups, index->items[i].id, make_entry(&index->items[i]));
            whole++;
        }
    }
    bool changed = whole != s->used || whole != json_object_size(s->known);
    hg_json_set_int(doc, "format", FORMAT);
    hg_json_set_string(doc, "target", hg_instance_target(sink));
    hg_json_set(doc, "backups", backups);
    char *json = changed ? json_dumps(doc, JSON_COMPACT) : NULL;
    char *name = json ? name_of(sink, pipeline) : NULL;
    struct hg_str text = {0}, seal = {0};
    struct hg_error err = {0};
    if (name) {
        hg_str_addf(&text, "%s\n", json);
        if (make_seal(h, hg_str_text(&text), text.len, &seal)) {
            hg_str_add(&text, hg_str_text(&seal));
            if (!text.failed && text.len <= FILE_MAX) {
                hg_state_write(&h->state, name, text.data, text.len, &err);
            }
        }
    }
    if (err.rc != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_DEBUG, "manifests are not remembered: %s", err.text);
    }
    hg_str_free(&seal);
    hg_str_free(&text);
    free(name);
    free(json);
    json_decref(doc);
}
