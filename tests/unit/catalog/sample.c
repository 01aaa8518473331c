/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sample: see sample.h.
 */
#include "sample.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void hash_of(const char *text, char hex[HG_SHA256_HEX])
{
    hg_sha256_of(text, strlen(text), hex);
}

static void fill_head(struct hg_manifest *m)
{
    *m = (struct hg_manifest){.format = HG_MANIFEST_FORMAT,
                              .id = strdup(SAMPLE_ID),
                              .origin = strdup("db1"),
                              .pipeline = strdup("nightly"),
                              .run = strdup("0123456789"),
                              .host = strdup("db1"),
                              .platform = strdup("Linux"),
                              .arch = strdup("x86_64"),
                              .hangar = strdup("0.1.0"),
                              .started_ms = 1768442400000,
                              .finished_ms = 1768442400123,
                              .requires = json_array(),
                              .retention = json_object()};
}

static void add_transform(struct hg_manifest *m, const char *name, const char *suffix)
{
    m->chain[m->chain_count++] = (struct hg_manifest_transform){.name = strdup(name),
                                                                .plugin = strdup("compress-gzip"),
                                                                .version = strdup("0.1.0"),
                                                                .suffix = strdup(suffix),
                                                                .decode = strdup("gunzip -c")};
}

static struct hg_manifest_source *sample_add_source(struct hg_manifest *m, const char *name)
{
    struct hg_manifest_source *s = &m->sources[m->source_count++];
    *s = (struct hg_manifest_source){.name = strdup(name),
                                     .plugin = strdup("postgres"),
                                     .version = strdup("0.1.0"),
                                     .target = strdup("database \"shop\""),
                                     .options = json_object(),
                                     .facts = hg_attrs_new(),
                                     .point = hg_attrs_new(),
                                     .time_ms = 1768442400001};
    hg_json_set_string(s->options, "host", "localhost");
    hg_attrs_set(s->facts, "server", "PostgreSQL 15.1\n\t\"quoted\" \\ \xc3\xa4");
    hg_attrs_set(s->point, "lsn", "0/16B3748");
    return s;
}

static void add_object(struct hg_manifest *m, struct hg_manifest_source *s, const char *name,
                       uint32_t phase, uint64_t bytes)
{
    struct hg_manifest_object *o = &s->objects[s->count++];
    struct hg_str stored = {0};
    hg_str_addf(&stored, "%s/%s", s->name, name);
    for (size_t i = 0; i < m->chain_count; i++) {
        hg_str_add(&stored, m->chain[i].suffix);
    }
    *o = (struct hg_manifest_object){.name = strdup(name),
                                     .stored = hg_str_take(&stored),
                                     .phase = phase,
                                     .plain_bytes = bytes,
                                     .stored_bytes = bytes / 3,
                                     .attrs = hg_attrs_new()};
    hash_of(name, o->plain_sha256);
    hash_of(o->stored, o->stored_sha256);
}

static void add_files(struct hg_manifest *m)
{
    static const char *const names[] = {HG_RESTORE_NAME, HG_SUMS_NAME};
    for (size_t i = 0; i < 2; i++) {
        m->files[i].name = strdup(names[i]);
        m->files[i].bytes = 100 + i;
        hash_of(names[i], m->files[i].sha256);
    }
    m->file_count = 2;
}

void sample_manifest(struct hg_manifest *m)
{
    fill_head(m);
    hg_json_set(m->retention, "local", json_pack("{s:i}", "keep_days", 7));
    m->sinks = json_pack("{s:{s:s,s:{s:s}}}", "local", "plugin", "storage-local", "capabilities",
                         "create_only", "yes");
    add_transform(m, "gzip", ".gz");
    m->sources = calloc(2, sizeof(*m->sources));
    struct hg_manifest_source *s = sample_add_source(m, "db");
    s->objects = calloc(2, sizeof(*s->objects));
    add_object(m, s, "schema.sql", 0, 1000);
    add_object(m, s, "data/0001.sql", 1, 123456789012);
    hg_attrs_set(s->objects[1].attrs, "tables", "a,b");
    s->objects[1].transform[0] = hg_attrs_new();
    hg_attrs_set(s->objects[1].transform[0], "key", "k1");
    s = sample_add_source(m, "cache");
    s->objects = calloc(1, sizeof(*s->objects));
    add_object(m, s, "dump.rdb", 0, 0);
    add_files(m);
}

static unsigned sample_next(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16 & 0x7fff;
}

/* Any text that may stand in an attribute. */
static void random_text(unsigned *seed, char *out, size_t size)
{
    static const char *const parts[] = {
        "a", "\"", "\\", "\n", "\t", "\x01", "/", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "0", "<",  "'",  " "};
    size_t n = sample_next(seed) % (size - 8), at = 0;
    while (at < n) {
        const char *part = parts[sample_next(seed) % (sizeof(parts) / sizeof(parts[0]))];
        memcpy(out + at, part, strlen(part));
        at += strlen(part);
    }
    out[at] = '\0';
}

static void random_attrs(unsigned *seed, struct hangar_attrs *attrs)
{
    for (size_t n = sample_next(seed) % 6; n > 0; n--) {
        char name[16], value[300];
        snprintf(name, sizeof(name), "%c.%u_-", 'a' + (char)(sample_next(seed) % 26),
                 sample_next(seed) % 100);
        random_text(seed, value, sizeof(value));
        hg_attrs_set(attrs, name, value);
    }
}

void sample_random(struct hg_manifest *m, unsigned seed)
{
    static const uint64_t sizes[] = {
        0, 1, 4096, 1ull << 31, 1ull << 32, 1ull << 53, (1ull << 53) + 1, 10000000000000000ull};
    fill_head(m);
    m->skew_ms = sample_next(&seed);
    for (size_t n = sample_next(&seed) % (HG_CHAIN_MAX + 1); n > 0; n--) {
        char name[16];
        snprintf(name, sizeof(name), "t%zu", n);
        add_transform(m, name, sample_next(&seed) % 2 ? ".gz" : ".x");
    }
    size_t sources = sample_next(&seed) % 4;
    m->sources = calloc(sources + 1, sizeof(*m->sources));
    for (size_t i = 0; i < sources; i++) {
        char name[32];
        snprintf(name, sizeof(name), "source_%zu", i);
        struct hg_manifest_source *s = sample_add_source(m, name);
        random_attrs(&seed, s->facts);
        random_attrs(&seed, s->point);
        size_t objects = sample_next(&seed) % 30;
        s->objects = calloc(objects + 1, sizeof(*s->objects));
        for (size_t k = 0; k < objects; k++) {
            snprintf(name, sizeof(name), "d%u/%zu=_-.x", sample_next(&seed) % 3, k);
            add_object(m, s, name, sample_next(&seed) % 1001, sizes[sample_next(&seed) % 8]);
            random_attrs(&seed, s->objects[k].attrs);
            for (size_t t = 0; t < m->chain_count; t++) {
                s->objects[k].transform[t] = hg_attrs_new();
                random_attrs(&seed, s->objects[k].transform[t]);
            }
        }
    }
    add_files(m);
}

char *sample_sign(const json_t *json)
{
    char *text = hg_json_text(json), hex[HG_SHA256_HEX];
    ck_assert_ptr_nonnull(text);
    size_t n = strlen(text) - 3; /* without the end of the object */
    text[n] = '\0';
    hash_of(text, hex);
    char *signed_text = hg_format("%s,\n  \"manifest_sha256\": \"%s\"\n}\n", text, hex);
    free(text);
    return signed_text;
}
