/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * manifest_cache: see manifest_cache.h.
 */
#include "state/manifest_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "catalog/summary.h"
#include "plugin/instance.h"
#include "state/file.h"
#include "state/state.h"

#define FORMAT 2
#define FILE_MAX_BYTES ((size_t)32 << 20)
#define SEAL_MAX_BYTES ((size_t)256) /* the last line: the checksum */

/* ---- the seal ---- */

static bool cache_make_seal(const char *text, size_t size, struct hg_str *seal)
{
    char hex[HG_SHA256_HEX];
    bool ok = hg_sha256_of(text, size, hex);
    hg_str_addf(seal, "sha256 %s\n", hex);
    return ok && !seal->failed;
}

static bool cache_seal_is_good(const char *text, size_t size, const char *seal)
{
    struct hg_str expected = {0};
    bool ok = cache_make_seal(text, size, &expected) && strcmp(seal, hg_str_text(&expected)) == 0;
    hg_str_free(&expected);
    return ok;
}

/* ---- reading ---- */

/* The backups of the document before the seal; NULL when the file is not usable. */
static json_t *cache_parse(const struct hg_manifest_cache *cache, const struct hg_str *text)
{
    size_t end = text->len > 1 ? text->len - 1 : 0; /* the last newline belongs to the seal */
    while (end > 0 && text->data[end - 1] != '\n' && text->len - end < SEAL_MAX_BYTES) {
        end--;
    }
    json_t *doc = NULL;
    if (end == 0 || text->data[end - 1] != '\n' ||
        !cache_seal_is_good(text->data, end, text->data + end) ||
        hg_json_parse(text->data, end, "manifests", &doc, NULL) != HANGAR_OK) {
        return NULL;
    }
    json_t *backups = json_object_get(doc, "backups");
    bool usable = hg_json_int(doc, "format", 0) == FORMAT && json_is_object(backups) &&
                  strcmp(hg_json_string(doc, "target", ""), hg_instance_target(cache->sink)) == 0;
    backups = usable ? json_incref(backups) : NULL;
    json_decref(doc);
    return backups;
}

void hg_manifest_cache_open(struct hg_manifest_cache *cache, const struct hg_state *state,
                            const struct hg_signing *signing, struct hangar_ctx *sink,
                            const char *pipeline)
{
    *cache = (struct hg_manifest_cache){
        .state = state,
        .sink = sink,
        .file = signing->count ? NULL : hg_format("manifests/%s.%s", pipeline, sink->name),
        .kept = json_object(),
    };
    struct hg_str text = {0};
    if (cache->file &&
        hg_state_read(state, cache->file, FILE_MAX_BYTES, &text, NULL) == HANGAR_OK &&
        text.len > 0) {
        cache->known = cache_parse(cache, &text);
    }
    hg_str_free(&text);
}

void hg_manifest_cache_close(struct hg_manifest_cache *cache)
{
    json_decref(cache->known);
    json_decref(cache->kept);
    free(cache->file);
    *cache = (struct hg_manifest_cache){0};
}

/* What the file holds of a manifest. */
struct cache_entry {
    const char *etag, *signature_etag;
    int64_t bytes;        /* -1: not known */
    int64_t undamaged_ms; /* the record that reports no damage; -1: none */
    const json_t *summary;
};

/* Empty for a backup that the file does not have. */
static struct cache_entry cache_entry_of(const struct hg_manifest_cache *cache, const char *id)
{
    const json_t *entry = json_object_get(cache->known, id);
    return (struct cache_entry){
        .etag = hg_json_string(entry, "etag", ""),
        .signature_etag = hg_json_string(entry, "signature", ""),
        .bytes = hg_json_int(entry, "bytes", -1),
        .undamaged_ms = hg_json_int(entry, "undamaged", -1),
        .summary = json_object_get(entry, "summary"),
    };
}

bool hg_manifest_cache_get(struct hg_manifest_cache *cache, const struct hg_manifest_version *v,
                           struct hg_summary *out)
{
    const struct cache_entry entry = cache_entry_of(cache, v->id);
    if (!v->etag[0] || (v->has_signature && !v->signature_etag[0]) ||
        strcmp(entry.etag, v->etag) != 0 || strcmp(entry.signature_etag, v->signature_etag) != 0 ||
        entry.bytes != (int64_t)v->bytes || !hg_summary_from_json(entry.summary, out)) {
        return false;
    }
    if (strcmp(out->id, v->id) != 0) {
        hg_summary_free(out);
        return false;
    }
    cache->hits++;
    return true;
}

/* ---- writing ---- */

void hg_manifest_cache_keep(struct hg_manifest_cache *cache, const struct hg_manifest_version *v,
                            const struct hg_summary *summary)
{
    if (!v->etag[0]) {
        return;
    }
    json_t *entry = json_object(), *fields = json_object();
    hg_summary_keep(summary, fields);
    hg_json_set_string(entry, "etag", v->etag);
    hg_json_set_string(entry, "signature", v->signature_etag);
    hg_json_set_int(entry, "bytes", (int64_t)v->bytes);
    hg_json_set(entry, "summary", fields);
    hg_json_set(cache->kept, v->id, entry);
}

bool hg_manifest_cache_is_undamaged(struct hg_manifest_cache *cache,
                                    const struct hg_manifest_version *v, int64_t record_ms)
{
    const struct cache_entry entry = cache_entry_of(cache, v->id);
    return record_ms >= 0 && v->etag[0] && strcmp(entry.etag, v->etag) == 0 &&
           entry.undamaged_ms == record_ms;
}

void hg_manifest_cache_keep_undamaged(struct hg_manifest_cache *cache,
                                      const struct hg_manifest_version *v, int64_t record_ms)
{
    json_t *entry = json_object_get(cache->kept, v->id);
    if (!entry || record_ms < 0) {
        return;
    }
    hg_json_set_int(entry, "undamaged", record_ms);
    if (!hg_manifest_cache_is_undamaged(cache, v, record_ms)) {
        cache->changed = true;
    }
}

void hg_manifest_cache_save(struct hg_manifest_cache *cache)
{
    size_t count = json_object_size(cache->kept);
    if (!cache->file ||
        (!cache->changed && count == cache->hits && count == json_object_size(cache->known))) {
        return;
    }
    json_t *doc = json_object();
    hg_json_set_int(doc, "format", FORMAT);
    hg_json_set_string(doc, "target", hg_instance_target(cache->sink));
    hg_json_set(doc, "backups", json_incref(cache->kept));
    struct hg_str text = {0}, seal = {0};
    struct hg_error err = {0};
    char *json = json_dumps(doc, JSON_COMPACT);
    if (json) {
        hg_str_addf(&text, "%s\n", json);
        if (cache_make_seal(hg_str_text(&text), text.len, &seal)) {
            hg_str_add(&text, hg_str_text(&seal));
            if (!text.failed && text.len <= FILE_MAX_BYTES) {
                hg_state_write(cache->state, cache->file, text.data, text.len, &err);
            }
        }
    }
    if (err.rc != HANGAR_OK) {
        hg_log_line(cache->state->log, HANGAR_LOG_DEBUG, "cannot cache manifests: %s", err.text);
    }
    hg_str_free(&seal);
    hg_str_free(&text);
    free(json);
    json_decref(doc);
}
