/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * manifest: what was written is read again, and nothing else is.
 */
#include "catalog/manifest.h"

#include "base/json.h"
#include "sample.h"
#include "suite.h"

static char *manifest_written(const struct hg_manifest *m)
{
    struct hg_str text = {0};
    struct hg_error err = {0};
    ck_assert_int_eq(hg_manifest_write(m, &text, &err), HANGAR_OK);
    return hg_str_take(&text);
}

static json_t *manifest_parsed(const char *text)
{
    json_t *json = NULL;
    ck_assert_int_eq(hg_json_parse(text, strlen(text), "x", &json, NULL), HANGAR_OK);
    json_object_del(json, "manifest_sha256");
    return json;
}

/* The sample as a document, to be changed. */
static json_t *manifest_sample(void)
{
    struct hg_manifest m;
    sample_manifest(&m);
    char *text = manifest_written(&m);
    json_t *json = manifest_parsed(text);
    free(text);
    hg_manifest_free(&m);
    return json;
}

/* The error of reading the document with a right last line. */
static const char *manifest_reading(const json_t *json, enum hangar_rc expected)
{
    static struct hg_error err;
    char *text = sample_sign(json);
    hg_error_clear(&err);
    struct hg_manifest m = {0};
    enum hangar_rc rc = hg_manifest_read(text, strlen(text), &m, &err);
    ck_assert_msg(rc == expected, "%d %s", (int)rc, err.text);
    ck_assert_int_eq(err.rc, expected);
    hg_manifest_free(&m);
    free(text);
    return err.text;
}

START_TEST(what_is_written_is_read_again)
{
    for (unsigned seed = 0; seed < 200; seed++) {
        struct hg_manifest m, back = {0};
        sample_random(&m, seed);
        char *text = manifest_written(&m);
        struct hg_error err = {0};
        enum hangar_rc rc = hg_manifest_read(text, strlen(text), &back, &err);
        ck_assert_msg(rc == HANGAR_OK, "seed %u: %s", seed, err.text);
        char *again = manifest_written(&back);
        ck_assert_msg(strcmp(text, again) == 0, "seed %u", seed);
        ck_assert_uint_eq(hg_manifest_objects(&m), hg_manifest_objects(&back));
        ck_assert_uint_eq(hg_manifest_plain_bytes(&m), hg_manifest_plain_bytes(&back));
        ck_assert_uint_eq(hg_manifest_stored_bytes(&m), hg_manifest_stored_bytes(&back));
        for (size_t i = 0; i < m.source_count; i++) {
            ck_assert_ptr_nonnull(hg_manifest_source(&back, m.sources[i].name));
            for (size_t k = 0; k < m.sources[i].count; k++) {
                ck_assert_uint_eq(m.sources[i].objects[k].plain_bytes,
                                  back.sources[i].objects[k].plain_bytes);
                ck_assert_uint_eq(m.sources[i].objects[k].phase, back.sources[i].objects[k].phase);
            }
        }
        free(text);
        free(again);
        hg_manifest_free(&m);
        hg_manifest_free(&back);
    }
}
END_TEST

START_TEST(the_samples_values_come_back)
{
    struct hg_manifest m, back = {0};
    sample_manifest(&m);
    char *text = manifest_written(&m);
    ck_assert_int_eq(hg_manifest_read(text, strlen(text), &back, NULL), HANGAR_OK);
    free(text);
    ck_assert_str_eq(back.id, SAMPLE_ID);
    ck_assert_int_eq(back.finished_ms - back.started_ms, 123);
    const struct hg_manifest_source *s = hg_manifest_source(&back, "db");
    ck_assert_str_eq(hg_attrs_get(s->facts, "server"), hg_attrs_get(m.sources[0].facts, "server"));
    ck_assert_str_eq(hg_attrs_get(s->point, "lsn"), "0/16B3748");
    ck_assert_str_eq(s->objects[1].stored, "db/data/0001.sql.gz");
    ck_assert_uint_eq(s->objects[1].plain_bytes, 123456789012);
    ck_assert_str_eq(hg_attrs_get(s->objects[1].attrs, "tables"), "a,b");
    ck_assert_str_eq(hg_attrs_get(s->objects[1].transform[0], "key"), "k1");
    ck_assert_str_eq(hg_json_string(s->options, "host", ""), "localhost");
    ck_assert_int_eq(hg_json_int(json_object_get(back.retention, "local"), "keep_days", 0), 7);
    ck_assert_str_eq(hg_json_string(json_object_get(back.sinks, "local"), "plugin", ""),
                     "storage-local");
    ck_assert_ptr_null(hg_manifest_source(&back, "none"));
    hg_manifest_free(&m);
    hg_manifest_free(&back);
}
END_TEST

/* Anything but the bytes that were written is refused as corrupt; m is left empty. */
static void manifest_refused(const char *text, size_t size, const char *how, size_t where)
{
    struct hg_manifest m = {0};
    struct hg_error err = {0};
    enum hangar_rc rc = hg_manifest_read(text, size, &m, &err);
    if (rc != HANGAR_CORRUPT || !err.text[0] || m.id || m.sources) {
        ck_abort_msg("%s at %zu: %d %s", how, where, (int)rc, err.text);
    }
}

START_TEST(every_flipped_bit_is_noticed)
{
    struct hg_manifest m;
    sample_manifest(&m);
    char *text = manifest_written(&m);
    size_t size = strlen(text);
    hg_manifest_free(&m);
    /* in memory of exactly that size, so that a sanitizer sees reads behind it */
    char *copy = malloc(size);
    memcpy(copy, text, size);
    for (size_t bit = 0; bit < size * 8; bit++) {
        copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
        manifest_refused(copy, size, "bit", bit);
        copy[bit / 8] = text[bit / 8];
    }
    ck_assert_int_eq(hg_manifest_read(copy, size, &m, NULL), HANGAR_OK);
    hg_manifest_free(&m);
    free(copy);
    free(text);
}
END_TEST

START_TEST(every_truncation_and_addition_is_noticed)
{
    struct hg_manifest m;
    sample_manifest(&m);
    char *text = manifest_written(&m);
    size_t size = strlen(text);
    hg_manifest_free(&m);
    for (size_t n = 0; n < size; n++) {
        char *copy = malloc(n ? n : 1);
        memcpy(copy, text, n);
        manifest_refused(copy, n, "cut", n);
        free(copy);
    }
    static const char *const more[] = {"\n", " ", "x", "{}\n", "}\n", "\xff"};
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        char *longer = hg_format("%s%s", text, more[i]);
        manifest_refused(longer, strlen(longer), "addition", i);
        free(longer);
        longer = hg_format("%s%s", more[i], text);
        manifest_refused(longer, strlen(longer), "prefix", i);
        free(longer);
    }
    char *twice = hg_format("%s%s", text, text);
    manifest_refused(twice, strlen(twice), "twice", 2);
    free(twice);
    manifest_refused(text, size + 1, "NUL", size); /* the string's own */
    free(text);
}
END_TEST

/* Removes a key, and then replaces its value by a text; checks both errors. */
static void drop_key(json_t *doc, json_t *object, const char *key)
{
    json_t *old = json_incref(json_object_get(object, key));
    static const char *const optional[] = {"transforms"};
    bool may_lack = json_object_get(object, "stored") && strcmp(key, optional[0]) == 0;
    json_object_del(object, key);
    if (!may_lack && strcmp(key, "sinks") != 0) { /* early versions did not write it */
        ck_assert_str_ne(manifest_reading(doc, HANGAR_CORRUPT), "");
    } else {
        manifest_reading(doc, HANGAR_OK);
    }
    json_object_set_new(object, key, json_real(1.5));
    if (!may_lack) {
        ck_assert_str_ne(manifest_reading(doc, HANGAR_CORRUPT), "");
    }
    json_object_set_new(object, key, json_null());
    if (!may_lack) {
        ck_assert_str_ne(manifest_reading(doc, HANGAR_CORRUPT), "");
    }
    json_object_set_new(object, key, old);
}

/* Each key of an object, and of those below it that have fixed keys. */
static void drop_each(json_t *doc, json_t *object)
{
    static const char *const free_form[] = {"attrs",     "facts", "point", "options",
                                            "retention", "sinks", NULL};
    char keys[32][32];
    size_t count = 0;
    const char *key;
    json_t *value, *item;
    json_object_foreach (object, key, value) {
        snprintf(keys[count++], sizeof(keys[0]), "%s", key);
    }
    for (size_t i = 0; i < count; i++) {
        drop_key(doc, object, keys[i]);
        value = json_object_get(object, keys[i]);
        bool descend = json_is_array(value);
        for (size_t k = 0; free_form[k]; k++) {
            descend = descend && strcmp(keys[i], free_form[k]) != 0;
        }
        size_t n;
        json_array_foreach (value, n, item) {
            if (descend && !(json_object_get(object, "stored"))) {
                drop_each(doc, item);
            }
        }
    }
}

START_TEST(a_manifest_that_lacks_anything_is_refused)
{
    json_t *json = manifest_sample();
    manifest_reading(json, HANGAR_OK);
    drop_each(json, json);
    manifest_reading(json, HANGAR_OK);
    json_decref(json);
}
END_TEST

static json_t *first_object(json_t *json)
{
    json_t *source = json_array_get(json_object_get(json, "sources"), 0);
    return json_array_get(json_object_get(source, "objects"), 0);
}

START_TEST(names_that_lead_elsewhere_are_refused)
{
    static const char *const names[] = {"../x",     "/etc/passwd", "a/../../b", "a//b", "a/./b",
                                        "a\nb",     "a b",         "",          "a\\b", "a;b",
                                        "\xc3\xa4", "a/",          ".."};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_t *json = manifest_sample();
        json_t *object = first_object(json);
        char *stored = hg_format("db/%s.gz", names[i]);
        /* also where both agree, and where only the place is another */
        hg_json_set_string(object, "name", names[i]);
        hg_json_set_string(object, "stored", stored);
        ck_assert_str_ne(manifest_reading(json, HANGAR_CORRUPT), "");
        hg_json_set_string(object, "stored", names[i]);
        ck_assert_str_ne(manifest_reading(json, HANGAR_CORRUPT), "");
        json_decref(json);
        free(stored);
    }
    json_t *json = manifest_sample();
    hg_json_set_string(first_object(json), "stored", "cache/schema.sql.gz");
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: invalid name of object \"cache/schema.sql.gz\"");
    json_decref(json);
    json = manifest_sample();
    hg_json_set_string(json_array_get(json_object_get(json, "sources"), 1), "name", "../db");
    manifest_reading(json, HANGAR_CORRUPT);
    hg_json_set(json_array_get(json_object_get(json, "sources"), 1), "objects", json_array());
    manifest_reading(json, HANGAR_CORRUPT); /* also when it has no object */
    json_decref(json);
}
END_TEST

START_TEST(duplicate_entries_are_refused)
{
    json_t *json = manifest_sample();
    json_t *sources = json_object_get(json, "sources");
    json_t *objects = json_object_get(json_array_get(sources, 0), "objects");
    json_array_append_new(objects, json_deep_copy(json_array_get(objects, 0)));
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: duplicate object \"db/schema.sql.gz\"");
    json_decref(json);
    json = manifest_sample();
    sources = json_object_get(json, "sources");
    json_array_append_new(sources, json_deep_copy(json_array_get(sources, 1)));
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: duplicate source \"cache\"");
    json_decref(json);
    /* a key twice, under a right last line */
    json = manifest_sample();
    char *text = sample_sign(json);
    json_decref(json);
    char *at = strstr(text, "\"origin\"");
    memcpy(at, "\"run\"   ", 8);
    size_t trailer = strlen(",\n  \"manifest_sha256\": \"\"\n}\n") + 64;
    char hex[HG_SHA256_HEX];
    size_t body = strlen(text) - trailer;
    hg_sha256_of(text, body, hex);
    memcpy(text + body + trailer - 64 - 4, hex, 64);
    struct hg_manifest m = {0};
    struct hg_error err = {0};
    ck_assert_int_eq(hg_manifest_read(text, strlen(text), &m, &err), HANGAR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.text, "duplicate object key"));
    free(text);
}
END_TEST

/* Comparing each source with each would take 800 million comparisons. */
START_TEST(many_sources_are_read_and_one_that_is_there_twice_is_detected)
{
    enum { MANY = 40000 };
    json_t *json = manifest_sample(), *sources = json_object_get(json, "sources");
    json_t *empty = json_deep_copy(json_array_get(sources, 1));
    json_array_clear(json_object_get(empty, "objects"));
    for (int i = 0; i < MANY; i++) {
        json_t *one = json_copy(empty);
        char name[20];
        snprintf(name, sizeof(name), "s%d", i);
        json_object_set_new(one, "name", json_string(name));
        json_array_append_new(sources, one);
    }
    manifest_reading(json, HANGAR_OK);
    json_array_append(sources, json_array_get(sources, 77));
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: duplicate source \"s75\"");
    json_decref(empty);
    json_decref(json);
}
END_TEST

START_TEST(impossible_numbers_are_refused)
{
    static const char *const keys[] = {"size", "stored_size", "phase"};
    for (size_t i = 0; i < 3; i++) {
        json_t *json = manifest_sample();
        hg_json_set_int(first_object(json), keys[i], -1);
        manifest_reading(json, HANGAR_CORRUPT);
        json_decref(json);
    }
    json_t *json = manifest_sample();
    hg_json_set_string(json, "started", "1969-12-31T23:59:59.999Z");
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: impossible time \"started\"");
    json_decref(json);
    json = manifest_sample();
    hg_json_set_int(first_object(json), "phase", 1001);
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: impossible number \"phase\"");
    json_decref(json);
    json = manifest_sample();
    hg_json_set_int(first_object(json), "size", 1000000000000000000);
    hg_json_set_int(first_object(json), "stored_size", 1000000000000000000);
    manifest_reading(json, HANGAR_OK);
    /* many of them: their sum must not wrap */
    json_t *source = json_array_get(json_object_get(json, "sources"), 0);
    json_t *objects = json_object_get(source, "objects");
    for (int i = 0; i < 20; i++) {
        json_t *copy = json_deep_copy(first_object(json));
        char name[32], stored[40];
        snprintf(name, sizeof(name), "o%d", i);
        snprintf(stored, sizeof(stored), "db/o%d.gz", i);
        hg_json_set_string(copy, "name", name);
        hg_json_set_string(copy, "stored", stored);
        json_array_append_new(objects, copy);
    }
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: impossible number \"size\"");
    json_decref(json);
}
END_TEST

START_TEST(invalid_ids_and_foreign_files_are_refused)
{
    json_t *json = manifest_sample();
    hg_json_set_string(json, "id", "../../etc");
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: impossible id \"../../etc\"");
    json_decref(json);
    json = manifest_sample();
    json_t *files = json_object_get(json, "files");
    hg_json_set_string(json_array_get(files, 0), "name", "../RESTORE.txt");
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: unexpected name in \"files\"");
    json_array_remove(files, 0);
    manifest_reading(json, HANGAR_CORRUPT);
    json_decref(json);
    json = manifest_sample();
    json_t *transforms = json_object_get(json, "transforms");
    for (int i = 0; i < HG_CHAIN_MAX; i++) {
        json_array_append(transforms, json_array_get(transforms, 0));
    }
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: too many \"transforms\"");
    json_decref(json);
}
END_TEST

START_TEST(deep_and_strange_documents_are_refused)
{
    json_t *deep = json_array();
    for (int i = 0; i < 100; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, deep);
        deep = outer;
    }
    json_t *json = manifest_sample();
    json_object_set_new(json, "retention", json_pack("{s:o}", "x", deep));
    ck_assert_ptr_nonnull(
        strstr(manifest_reading(json, HANGAR_CORRUPT), "nested more than 64 deep"));
    json_decref(json);
    json = manifest_sample();
    hg_json_set(json, "sources", json_pack("[i,s,n,[],{}]", 1, "x"));
    manifest_reading(json, HANGAR_CORRUPT);
    json_decref(json);
    json = manifest_sample();
    json_t *source = json_array_get(json_object_get(json, "sources"), 0);
    hg_json_set(source, "objects", json_pack("[i,s,n,[],{}]", 1, "x"));
    manifest_reading(json, HANGAR_CORRUPT);
    json_decref(json);
    json = manifest_sample();
    hg_json_set(json_array_get(json_object_get(json, "sources"), 0), "facts",
                json_pack("{s:i}", "rows", 1));
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: missing attributes \"facts\"");
    json_decref(json);
    json = manifest_sample();
    hg_json_set(first_object(json), "transforms", json_pack("[{s:i}]", "key", 1));
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: missing attributes \"transforms\"");
    json_decref(json);
}
END_TEST

START_TEST(a_newer_format_is_not_corrupt_but_unsupported)
{
    json_t *json = manifest_sample();
    hg_json_set_int(json, "format", HG_MANIFEST_FORMAT + 1);
    hg_json_set(json, "sources", json_string("in some new shape"));
    ck_assert_str_eq(
        manifest_reading(json, HANGAR_UNSUPPORTED), SAMPLE_ID
        " has format 2 (supported: up to 1); hint: use a newer hangar, or follow its RESTORE.txt");
    hg_json_set_int(json, "format", 0);
    manifest_reading(json, HANGAR_CORRUPT);
    json_decref(json);
}
END_TEST

START_TEST(the_kind_of_a_manifest_is_a_known_one)
{
    struct hg_manifest m, back = {0};
    sample_manifest(&m);
    char *text = manifest_written(&m);
    ck_assert_ptr_null(strstr(text, "\"kind\""));
    ck_assert_int_eq(hg_manifest_read(text, strlen(text), &back, NULL), HANGAR_OK);
    ck_assert(!back.safety && !back.partial);
    free(text);
    hg_manifest_free(&back);
    m.partial = true;
    text = manifest_written(&m);
    ck_assert_ptr_nonnull(strstr(text, "\"kind\": \"partial\""));
    ck_assert_int_eq(hg_manifest_read(text, strlen(text), &back, NULL), HANGAR_OK);
    ck_assert(back.partial && !back.safety);
    free(text);
    hg_manifest_free(&back);
    m.partial = false;
    m.safety = true;
    text = manifest_written(&m);
    ck_assert_ptr_nonnull(strstr(text, "\"kind\": \"safety\""));
    ck_assert_int_eq(hg_manifest_read(text, strlen(text), &back, NULL), HANGAR_OK);
    ck_assert(back.safety && !back.partial);
    free(text);
    hg_manifest_free(&back);
    hg_manifest_free(&m);
    json_t *json = manifest_sample();
    hg_json_set_string(json, "kind", "backup");
    manifest_reading(json, HANGAR_OK);
    hg_json_set_string(json, "kind", "archive");
    ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                     "manifest.json: impossible text \"kind\"");
    hg_json_set_int(json, "kind", 1);
    manifest_reading(json, HANGAR_CORRUPT);
    json_decref(json);
}
END_TEST

START_TEST(only_words_are_tags)
{
    static const char *const good[] = {"a", "release=1.2", "git:v1.2-3@main", "A/b_c+d", NULL};
    static const char *const bad[] = {"",    "a b", "a,b",  " a",     "a ",  "-a", "=",
                                      "a;b", "$a",  "a\nb", "\u00e4", "a\"", "a%", NULL};
    char longest[HG_TAG_MAX_BYTES + 2] = "";
    for (size_t i = 0; good[i]; i++) {
        ck_assert_msg(hg_tag_is_valid(good[i]), "%s", good[i]);
    }
    for (size_t i = 0; bad[i]; i++) {
        ck_assert_msg(!hg_tag_is_valid(bad[i]), "%s", bad[i]);
    }
    memset(longest, 'x', HG_TAG_MAX_BYTES);
    ck_assert(hg_tag_is_valid(longest));
    longest[HG_TAG_MAX_BYTES] = 'x';
    ck_assert(!hg_tag_is_valid(longest));

    struct hg_manifest m, back = {0};
    sample_manifest(&m);
    char *text = manifest_written(&m);
    ck_assert_ptr_null(strstr(text, "\"tags\""));
    free(text);
    ck_assert(hg_tags_add(&m.tags, "release=1.2") && hg_tags_add(&m.tags, "before-upgrade"));
    text = manifest_written(&m);
    ck_assert_int_eq(hg_manifest_read(text, strlen(text), &back, NULL), HANGAR_OK);
    ck_assert_uint_eq(back.tags.count, 2);
    ck_assert_str_eq(back.tags.items[0], "release=1.2");
    ck_assert_str_eq(back.tags.items[1], "before-upgrade");
    ck_assert(hg_tags_have(&back.tags, "before-upgrade"));
    ck_assert(!hg_tags_have(&back.tags, "before"));
    free(text);
    hg_manifest_free(&back);
    hg_manifest_free(&m);
}
END_TEST

START_TEST(tags_that_hangar_does_not_write_are_corrupt)
{
    json_t *json = manifest_sample(), *many = json_array();
    for (size_t i = 0; i <= HG_TAGS_MAX; i++) {
        hg_json_add(many, json_sprintf("t%d", (int)i));
    }
    json_t *const bad[] = {json_string("a"), json_pack("[i]", 1), json_pack("[s]", "a b"), many};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        hg_json_set(json, "tags", bad[i]);
        ck_assert_str_eq(manifest_reading(json, HANGAR_CORRUPT),
                         "manifest.json: impossible value \"tags\"");
    }
    hg_json_set(json, "tags", json_array());
    manifest_reading(json, HANGAR_OK);
    json_decref(json);
}
END_TEST

START_TEST(unknown_keys_are_for_later_versions_and_ignored)
{
    json_t *json = manifest_sample();
    hg_json_set_string(json, "signed_by", "somebody");
    hg_json_set_string(first_object(json), "colour", "red");
    manifest_reading(json, HANGAR_OK);
    json_decref(json);
}
END_TEST

START_TEST(a_manifest_that_could_not_be_read_again_is_not_written)
{
    char *much = malloc(HG_MANIFEST_MAX + 1);
    memset(much, 'x', HG_MANIFEST_MAX);
    much[HG_MANIFEST_MAX] = '\0';
    struct hg_manifest m;
    sample_manifest(&m);
    hg_json_set_string(m.sources[0].options, "host", much);
    struct hg_str text = {0};
    struct hg_error err = {0};
    ck_assert_int_eq(hg_manifest_write(&m, &text, &err), HANGAR_UNSUPPORTED);
    ck_assert_str_eq(
        err.text,
        "the manifest of 3 objects is larger than 64 MiB; hint: increase object_size of the "
        "source");
    hg_str_free(&text);
    hg_manifest_free(&m);
    free(much);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_written_is_read_again,
        the_samples_values_come_back,
        every_flipped_bit_is_noticed,
        every_truncation_and_addition_is_noticed,
        a_manifest_that_lacks_anything_is_refused,
        names_that_lead_elsewhere_are_refused,
        duplicate_entries_are_refused,
        many_sources_are_read_and_one_that_is_there_twice_is_detected,
        impossible_numbers_are_refused,
        invalid_ids_and_foreign_files_are_refused,
        deep_and_strange_documents_are_refused,
        a_newer_format_is_not_corrupt_but_unsupported,
        the_kind_of_a_manifest_is_a_known_one,
        only_words_are_tags,
        tags_that_hangar_does_not_write_are_corrupt,
        unknown_keys_are_for_later_versions_and_ignored,
        a_manifest_that_could_not_be_read_again_is_not_written,
    };
    return SUITE_RUN("catalog/manifest", tests, NULL, NULL);
}
