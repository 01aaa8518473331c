/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * manifest_json: writes and reads manifest.json; see manifest.h and docs/format.md.
 * Reading checks every field: the file may have been changed.
 */
#include "catalog/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define KIND_BACKUP "backup"
#define KIND_SAFETY "safety"
#define KIND_PARTIAL "partial"
#define TRAILER_KEY "manifest_sha256"

/* ---- writing ---- */

const char *hg_backup_kind(bool safety, bool partial)
{
    return safety ? KIND_SAFETY : partial ? KIND_PARTIAL : KIND_BACKUP;
}

static json_t *manifest_object_to_json(const struct hg_manifest *m,
                                       const struct hg_manifest_object *o)
{
    json_t *json = json_object();
    hg_json_set_string(json, "name", o->name);
    hg_json_set_int(json, "phase", o->phase);
    hg_json_set_int(json, "size", (int64_t)o->plain_bytes);
    hg_json_set_string(json, "sha256", o->plain_sha256);
    hg_json_set_string(json, "stored", o->stored);
    hg_json_set_int(json, "stored_size", (int64_t)o->stored_bytes);
    hg_json_set_string(json, "stored_sha256", o->stored_sha256);
    hg_json_set(json, "attrs", hg_attrs_to_json(o->attrs));
    bool any = false;
    json_t *transforms = json_array();
    for (size_t i = 0; i < m->chain_count; i++) {
        any = any || (o->transform[i] && o->transform[i]->count);
        hg_json_add(transforms,
                    o->transform[i] ? hg_attrs_to_json(o->transform[i]) : json_object());
    }
    if (any) {
        hg_json_set(json, "transforms", transforms);
    } else {
        json_decref(transforms);
    }
    return json;
}

static json_t *manifest_source_to_json(const struct hg_manifest *m,
                                       const struct hg_manifest_source *s)
{
    json_t *json = json_object();
    hg_json_set_string(json, "name", s->name);
    hg_json_set_string(json, "plugin", s->plugin);
    hg_json_set_string(json, "version", s->version);
    hg_json_set_string(json, "target", s->target);
    hg_json_set(json, "options", json_incref(s->options));
    hg_json_set_time(json, "time", s->time_ms);
    hg_json_set(json, "point", hg_attrs_to_json(s->point));
    hg_json_set(json, "facts", hg_attrs_to_json(s->facts));
    json_t *objects = json_array();
    for (size_t i = 0; i < s->count; i++) {
        hg_json_add(objects, manifest_object_to_json(m, &s->objects[i]));
    }
    hg_json_set(json, "objects", objects);
    return json;
}

static json_t *manifest_to_json(const struct hg_manifest *m)
{
    json_t *json = json_object();
    hg_json_set_int(json, "format", m->format);
    hg_json_set_string(json, "id", m->id);
    hg_json_set_string(json, "origin", m->origin);
    hg_json_set_string(json, "pipeline", m->pipeline);
    if (m->safety || m->partial) {
        hg_json_set_string(json, "kind", hg_backup_kind(m->safety, m->partial));
    }
    hg_tags_to_json(&m->tags, json);
    hg_json_set_string(json, "run", m->run);
    hg_json_set_string(json, "host", m->host);
    hg_json_set_string(json, "platform", m->platform);
    hg_json_set_string(json, "arch", m->arch);
    hg_json_set_string(json, "hangar", m->hangar);
    hg_json_set_time(json, "started", m->started_ms);
    hg_json_set_time(json, "finished", m->finished_ms);
    hg_json_set_int(json, "skew_ms", m->skew_ms);
    hg_json_set(json, "requires", json_incref(m->requires));
    hg_json_set(json, "retention", json_incref(m->retention));
    if (m->sinks) {
        hg_json_set(json, "sinks", json_incref(m->sinks));
    }
    json_t *transforms = json_array();
    for (size_t i = 0; i < m->chain_count; i++) {
        const struct hg_manifest_transform *t = &m->chain[i];
        json_t *one = json_object();
        hg_json_set_string(one, "name", t->name);
        hg_json_set_string(one, "plugin", t->plugin);
        hg_json_set_string(one, "version", t->version);
        hg_json_set_string(one, "suffix", t->suffix);
        hg_json_set_string(one, "decode", t->decode);
        hg_json_add(transforms, one);
    }
    hg_json_set(json, "transforms", transforms);
    json_t *sources = json_array();
    for (size_t i = 0; i < m->source_count; i++) {
        hg_json_add(sources, manifest_source_to_json(m, &m->sources[i]));
    }
    hg_json_set(json, "sources", sources);
    json_t *files = json_array();
    for (size_t i = 0; i < m->file_count; i++) {
        json_t *one = json_object();
        hg_json_set_string(one, "name", m->files[i].name);
        hg_json_set_int(one, "size", (int64_t)m->files[i].bytes);
        hg_json_set_string(one, "sha256", m->files[i].sha256);
        hg_json_add(files, one);
    }
    hg_json_set(json, "files", files);
    return json;
}

/* The last lines of the file: they contain the hash of the bytes before them. */
static bool manifest_make_trailer(const char *text, size_t size, char *out, size_t out_size)
{
    char hex[HG_SHA256_HEX];
    bool ok = hg_sha256_of(text, size, hex);
    snprintf(out, out_size, ",\n  \"" TRAILER_KEY "\": \"%s\"\n}\n", hex);
    return ok;
}

enum hangar_rc hg_manifest_write(const struct hg_manifest *m, struct hg_str *out,
                                 struct hg_error *err)
{
    json_t *json = manifest_to_json(m);
    char *text = hg_json_text(json);
    json_decref(json);
    size_t n = text ? strlen(text) : 0;
    if (n < 3 || strcmp(text + n - 3, "\n}\n") != 0) {
        free(text);
        return hg_no_memory(err);
    }
    char trailer[160];
    bool ok = manifest_make_trailer(text, n - 3, trailer, sizeof(trailer));
    hg_str_add_n(out, text, n - 3);
    hg_str_add(out, trailer);
    free(text);
    if (!ok || out->failed) {
        return hg_no_memory(err);
    }
    if (out->len > HG_MANIFEST_MAX) {
        return hg_fail(err, HANGAR_UNSUPPORTED, 0,
                       "the manifest of %zu objects is larger than %zu MiB; hint: increase "
                       "object_size of the source",
                       hg_manifest_objects(m), HG_MANIFEST_MAX >> 20);
    }
    if (!hg_json_is_small(hg_str_text(out), out->len)) {
        return hg_fail(err, HANGAR_UNSUPPORTED, 0,
                       "the manifest of %zu objects has too many values; hint: increase "
                       "object_size of the source",
                       hg_manifest_objects(m));
    }
    return HANGAR_OK;
}

/* ---- reading ---- */

/* Reads one manifest.  Only the first problem is recorded. */
struct manifest_reader {
    struct hg_manifest *m;
    struct hg_error *err;
    bool bad;
    enum hangar_rc rc;                  /* of that problem */
    uint64_t plain_bytes, stored_bytes; /* of all objects so far */
};

static void manifest_bad(struct manifest_reader *r, const char *what, const char *key)
{
    if (!r->bad) {
        r->bad = true;
        r->rc = hg_fail(r->err, HANGAR_CORRUPT, 0, "%s: %s \"%s\"", HG_MANIFEST_NAME, what, key);
    }
}

/* Out of memory is not damage. */
static void manifest_no_memory(struct manifest_reader *r)
{
    if (!r->bad) {
        r->bad = true;
        r->rc = hg_no_memory_for(r->err, "cannot read " HG_MANIFEST_NAME);
    }
}

static char *manifest_read_string(struct manifest_reader *r, const json_t *json, const char *key)
{
    const char *text = hg_json_string(json, key, NULL);
    char *copy = text ? strdup(text) : NULL;
    if (!text) {
        manifest_bad(r, "missing text", key);
    } else if (!copy) {
        manifest_no_memory(r);
    }
    return copy;
}

static int64_t manifest_read_int(struct manifest_reader *r, const json_t *json, const char *key)
{
    int64_t value = hg_json_int(json, key, -1);
    if (value < 0) {
        manifest_bad(r, "missing number", key);
    }
    return value;
}

/* A size, which must not overflow the sum of all sizes. */
static uint64_t manifest_read_size(struct manifest_reader *r, const json_t *json, const char *key,
                                   uint64_t *sum)
{
    uint64_t size = (uint64_t)manifest_read_int(r, json, key);
    *sum += size;
    if (!r->bad && *sum > INT64_MAX) {
        manifest_bad(r, "impossible number", key);
    }
    return size;
}

static int64_t manifest_read_time(struct manifest_reader *r, const json_t *json, const char *key)
{
    const char *text = hg_json_string(json, key, NULL);
    int64_t ms = 0;
    if (!text || !hg_time_parse(text, &ms)) {
        manifest_bad(r, "missing time", key);
    } else if (ms < 0) { /* no backup is older than 1970 */
        manifest_bad(r, "impossible time", key);
    }
    return ms;
}

static void manifest_read_sha256(struct manifest_reader *r, const json_t *json, const char *key,
                                 char out[HG_SHA256_HEX])
{
    const char *text = hg_json_string(json, key, "");
    if (strlen(text) != HG_SHA256_HEX - 1 ||
        strspn(text, "0123456789abcdef") != HG_SHA256_HEX - 1) {
        manifest_bad(r, "missing hash", key);
        return;
    }
    memcpy(out, text, HG_SHA256_HEX);
}

static struct hangar_attrs *manifest_attrs_of(struct manifest_reader *r, const json_t *json,
                                              const char *key)
{
    struct hangar_attrs *attrs = NULL;
    enum hangar_rc rc = hg_attrs_from_json(json, &attrs);
    if (rc == HANGAR_NO_MEMORY) {
        manifest_no_memory(r);
    } else if (rc != HANGAR_OK) {
        manifest_bad(r, "missing attributes", key);
    }
    return attrs;
}

static struct hangar_attrs *manifest_read_attrs(struct manifest_reader *r, const json_t *json,
                                                const char *key)
{
    return manifest_attrs_of(r, json_object_get(json, key), key);
}

static const json_t *manifest_read_array(struct manifest_reader *r, const json_t *json,
                                         const char *key)
{
    const json_t *array = json_object_get(json, key);
    if (!json_is_array(array)) {
        manifest_bad(r, "missing list", key);
        return NULL;
    }
    return array;
}

/* The stored name must be the one that follows from the other names: it becomes a path. */
static void manifest_check_stored_name(struct manifest_reader *r,
                                       const struct hg_manifest_source *s,
                                       const struct hg_manifest_object *o)
{
    struct hg_str expected = {0};
    hg_str_addf(&expected, "%s/%s", s->name, o->name);
    for (size_t i = 0; i < r->m->chain_count; i++) {
        hg_str_add(&expected, r->m->chain[i].suffix);
    }
    if (expected.failed) {
        manifest_no_memory(r);
    } else if (!hg_object_name_ok(o->name, 400) || !hg_object_name_ok(o->stored, 500) ||
               strcmp(hg_str_text(&expected), o->stored) != 0) {
        manifest_bad(r, "invalid name of object", o->stored);
    }
    hg_str_free(&expected);
}

static void manifest_read_object(struct manifest_reader *r, const struct hg_manifest_source *s,
                                 const json_t *json, struct hg_manifest_object *o)
{
    o->name = manifest_read_string(r, json, "name");
    o->stored = manifest_read_string(r, json, "stored");
    int64_t phase = manifest_read_int(r, json, "phase");
    o->phase = (uint32_t)phase;
    o->plain_bytes = manifest_read_size(r, json, "size", &r->plain_bytes);
    o->stored_bytes = manifest_read_size(r, json, "stored_size", &r->stored_bytes);
    manifest_read_sha256(r, json, "sha256", o->plain_sha256);
    manifest_read_sha256(r, json, "stored_sha256", o->stored_sha256);
    o->attrs = manifest_read_attrs(r, json, "attrs");
    if (phase > HG_PHASE_MAX) {
        manifest_bad(r, "impossible number", "phase");
    }
    const json_t *transforms = json_object_get(json, "transforms");
    for (size_t i = 0; json_is_array(transforms) && i < r->m->chain_count; i++) {
        o->transform[i] = manifest_attrs_of(r, json_array_get(transforms, i), "transforms");
    }
    if (!r->bad) {
        manifest_check_stored_name(r, s, o);
    }
}

static void check_twins(struct manifest_reader *r, const struct hg_manifest_source *s)
{
    const struct hg_manifest_object *twin;
    if (!hg_manifest_twin(s, &twin)) {
        manifest_no_memory(r);
    } else if (twin) {
        manifest_bad(r, "duplicate object", twin->stored);
    }
}

static void manifest_read_source(struct manifest_reader *r, const json_t *json,
                                 struct hg_manifest_source *s)
{
    s->name = manifest_read_string(r, json, "name");
    s->plugin = manifest_read_string(r, json, "plugin");
    s->version = manifest_read_string(r, json, "version");
    s->target = manifest_read_string(r, json, "target");
    s->facts = manifest_read_attrs(r, json, "facts");
    s->point = manifest_read_attrs(r, json, "point");
    s->time_ms = manifest_read_time(r, json, "time");
    json_t *options = json_object_get(json, "options");
    if (!json_is_object(options)) {
        manifest_bad(r, "missing object", "options");
    }
    s->options = json_incref(options);
    const json_t *objects = manifest_read_array(r, json, "objects");
    size_t count = json_array_size(objects);
    s->objects = calloc(count ? count : 1, sizeof(*s->objects));
    if (!s->objects) {
        manifest_no_memory(r);
        return;
    }
    s->capacity = count;
    for (size_t i = 0; i < count && !r->bad; i++) {
        s->count++;
        manifest_read_object(r, s, json_array_get(objects, i), &s->objects[i]);
    }
    if (!r->bad) {
        check_twins(r, s);
    }
}

static void manifest_read_chain(struct manifest_reader *r, const json_t *json)
{
    const json_t *transforms = manifest_read_array(r, json, "transforms");
    size_t count = json_array_size(transforms);
    if (count > HG_CHAIN_MAX) {
        manifest_bad(r, "too many", "transforms");
        return;
    }
    for (size_t i = 0; i < count && !r->bad; i++) {
        const json_t *one = json_array_get(transforms, i);
        struct hg_manifest_transform *t = &r->m->chain[r->m->chain_count++];
        t->name = manifest_read_string(r, one, "name");
        t->plugin = manifest_read_string(r, one, "plugin");
        t->version = manifest_read_string(r, one, "version");
        t->suffix = manifest_read_string(r, one, "suffix");
        t->decode = manifest_read_string(r, one, "decode");
    }
}

static void check_twin_sources(struct manifest_reader *r)
{
    const char *twin;
    if (!hg_manifest_source_twin(r->m, &twin)) {
        manifest_no_memory(r);
    } else if (twin) {
        manifest_bad(r, "duplicate source", twin);
    }
}

static void manifest_read_sources(struct manifest_reader *r, const json_t *json)
{
    const json_t *sources = manifest_read_array(r, json, "sources");
    size_t count = json_array_size(sources);
    r->m->sources = calloc(count ? count : 1, sizeof(*r->m->sources));
    if (!r->m->sources) {
        manifest_no_memory(r);
        return;
    }
    for (size_t i = 0; i < count && !r->bad; i++) {
        r->m->source_count++;
        manifest_read_source(r, json_array_get(sources, i), &r->m->sources[i]);
        const char *name = r->m->sources[i].name;
        if (!r->bad && (!hg_object_name_ok(name, 400) || strchr(name, '/'))) {
            manifest_bad(r, "invalid name of source", name);
        }
    }
    if (!r->bad) {
        check_twin_sources(r);
    }
}

static void manifest_read_files(struct manifest_reader *r, const json_t *json)
{
    const json_t *files = manifest_read_array(r, json, "files");
    if (json_array_size(files) != 2) {
        manifest_bad(r, "missing entries in", "files");
        return;
    }
    for (size_t i = 0; i < 2 && !r->bad; i++) {
        const json_t *one = json_array_get(files, i);
        struct hg_manifest_file *f = &r->m->files[r->m->file_count++];
        f->name = manifest_read_string(r, one, "name");
        f->bytes = (uint64_t)manifest_read_int(r, one, "size");
        manifest_read_sha256(r, one, "sha256", f->sha256);
        if (!r->bad && strcmp(f->name, i == 0 ? HG_RESTORE_NAME : HG_SUMS_NAME) != 0) {
            manifest_bad(r, "unexpected name in", "files");
        }
    }
}

static void manifest_read_head(struct manifest_reader *r, const json_t *json)
{
    struct hg_manifest *m = r->m;
    m->format = manifest_read_int(r, json, "format");
    m->id = manifest_read_string(r, json, "id");
    m->pipeline = manifest_read_string(r, json, "pipeline");
    m->origin = manifest_read_string(r, json, "origin");
    m->started_ms = manifest_read_time(r, json, "started");
    m->finished_ms = manifest_read_time(r, json, "finished");
    int64_t ms;
    if (!r->bad && !hg_backup_id_parse(m->id, &ms)) {
        manifest_bad(r, "impossible id", m->id);
    }
}

/* One without a kind is an ordinary backup.  An unknown kind is refused, because its purpose is
 * not known. */
static void manifest_read_kind(struct manifest_reader *r, const json_t *json)
{
    const json_t *kind = json_object_get(json, "kind");
    const char *text = kind ? json_string_value(kind) : KIND_BACKUP;
    r->m->safety = text && strcmp(text, KIND_SAFETY) == 0;
    r->m->partial = text && strcmp(text, KIND_PARTIAL) == 0;
    if (!text || (!r->m->safety && !r->m->partial && strcmp(text, KIND_BACKUP) != 0)) {
        manifest_bad(r, "impossible text", "kind");
    }
}

static void manifest_read_tags(struct manifest_reader *r, const json_t *json)
{
    const json_t *tags = json_object_get(json, "tags");
    if (!hg_tags_are_valid(tags)) {
        manifest_bad(r, "impossible value", "tags");
    } else if (!hg_tags_from_json(tags, &r->m->tags)) {
        manifest_no_memory(r);
    }
}

static void manifest_read_rest(struct manifest_reader *r, const json_t *json)
{
    struct hg_manifest *m = r->m;
    m->run = manifest_read_string(r, json, "run");
    m->host = manifest_read_string(r, json, "host");
    m->platform = manifest_read_string(r, json, "platform");
    m->arch = manifest_read_string(r, json, "arch");
    m->hangar = manifest_read_string(r, json, "hangar");
    m->skew_ms = manifest_read_int(r, json, "skew_ms");
    manifest_read_kind(r, json);
    manifest_read_tags(r, json);
    m->requires = json_incref(json_object_get(json, "requires"));
    m->required = json_array_size(m->requires);
    m->retention = json_incref(json_object_get(json, "retention"));
    m->sinks = json_incref(json_object_get(json, "sinks"));
    if (m->sinks && !json_is_object(m->sinks)) {
        manifest_bad(r, "invalid value of", "sinks");
    }
    if (!json_is_array(m->requires) || !json_is_object(m->retention)) {
        manifest_bad(r, "missing", "requires, retention");
    }
    manifest_read_chain(r, json);
    manifest_read_sources(r, json);
    manifest_read_files(r, json);
}

/* Does the hash in the last lines match the bytes before them? */
static enum hangar_rc manifest_check_trailer(const char *text, size_t size, struct hg_error *err)
{
    char trailer[160];
    size_t n = strlen(",\n  \"" TRAILER_KEY "\": \"\"\n}\n") + HG_SHA256_HEX - 1;
    if (size > n && !manifest_make_trailer(text, size - n, trailer, sizeof(trailer))) {
        return hg_no_memory_for(err, "cannot read " HG_MANIFEST_NAME);
    }
    if (size <= n || memcmp(text + size - n, trailer, n) != 0) {
        return hg_fail(err, HANGAR_CORRUPT, 0, "%s: it is truncated or was changed (hash mismatch)",
                       HG_MANIFEST_NAME);
    }
    return HANGAR_OK;
}

enum hangar_rc hg_manifest_read(const char *text, size_t size, struct hg_manifest *m,
                                struct hg_error *err)
{
    struct manifest_reader r = {.m = m, .err = err};
    json_t *json = NULL;
    enum hangar_rc rc = manifest_check_trailer(text, size, err);
    if (rc == HANGAR_OK) {
        rc = hg_json_parse(text, size, HG_MANIFEST_NAME, &json, err);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    manifest_read_head(&r, json);
    if (!r.bad && m->format < 1) {
        manifest_bad(&r, "impossible number", "format");
    }
    if (!r.bad && m->format > HG_MANIFEST_FORMAT) {
        json_decref(json);
        return hg_fail(
            err, HANGAR_UNSUPPORTED, 0,
            "%s has format %lld (supported: up to %d); hint: use a newer hangar, or follow "
            "its RESTORE.txt",
            m->id, (long long)m->format, HG_MANIFEST_FORMAT);
    }
    if (!r.bad) {
        manifest_read_rest(&r, json);
    }
    json_decref(json);
    if (r.bad) {
        hg_manifest_free(m);
        return r.rc;
    }
    return HANGAR_OK;
}
