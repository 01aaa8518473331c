/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * manifest_cache: a summary is used only for the very manifest from which it was made, and never
 * from a file that was changed.
 */
#include "state/manifest_cache.h"

#include "plugin/loader.h"
#include "sample.h"
#include "state_folder.h"

#define CACHE_FILE "state/manifests/nightly.local"

static const char *cache_target = "/mnt/a";

static const char *cache_describe(void *inst)
{
    (void)inst;
    return cache_target;
}

static const struct hg_plugin plugin = {.d = {.name = "disk", .describe = cache_describe}};
static char sink_name[] = "local";
static struct hangar_ctx sink = {.plugin = &plugin, .name = sink_name};
static struct hg_signing no_keys;

static const struct hg_manifest_version version = {
    .id = SAMPLE_ID, .etag = "e1", .signature_etag = "", .bytes = 1000};

static void cache_open(struct hg_manifest_cache *cache)
{
    hg_manifest_cache_open(cache, &state, &no_keys, &sink, "nightly");
}

/* Saves the summary of the sample as that of this version. */
static void cache_store(const struct hg_manifest_version *v)
{
    struct hg_manifest m;
    struct hg_summary summary = {0};
    sample_manifest(&m);
    ck_assert(hg_summary_of(&m, &summary));
    struct hg_manifest_cache cache;
    cache_open(&cache);
    hg_manifest_cache_keep(&cache, v, &summary);
    hg_manifest_cache_save(&cache);
    hg_manifest_cache_close(&cache);
    hg_summary_free(&summary);
    hg_manifest_free(&m);
}

/* Does a new cache have the summary of this version? */
static bool cache_has(const struct hg_manifest_version *v)
{
    struct hg_manifest_cache cache;
    struct hg_summary summary = {0};
    cache_open(&cache);
    bool has = hg_manifest_cache_get(&cache, v, &summary);
    if (has) {
        ck_assert_str_eq(summary.id, SAMPLE_ID);
        hg_summary_free(&summary);
    }
    hg_manifest_cache_close(&cache);
    return has;
}

START_TEST(a_summary_is_of_one_version_of_a_manifest)
{
    struct hg_manifest_version other = version;
    ck_assert(!cache_has(&version));
    cache_store(&version);
    ck_assert(cache_has(&version));
    other.etag = "e2";
    ck_assert(!cache_has(&other));
    other = version;
    other.bytes = 1001;
    ck_assert(!cache_has(&other));
    other = version;
    other.has_signature = true;
    ck_assert(!cache_has(&other)); /* the store reports no etag of the signature */
    other.signature_etag = "s";
    ck_assert(!cache_has(&other));
    other = version;
    other.id = "backup_2026-01-16T02-00-00-000Z";
    ck_assert(!cache_has(&other));
}
END_TEST

START_TEST(without_an_etag_nothing_is_cached)
{
    struct hg_manifest_version v = version;
    v.etag = "";
    cache_store(&v);
    ck_assert(!cache_has(&v));
}
END_TEST

START_TEST(with_a_key_nothing_is_cached)
{
    struct hg_manifest_cache cache;
    struct hg_signing keys = {.count = 1};
    cache_store(&version);
    hg_manifest_cache_open(&cache, &state, &keys, &sink, "nightly");
    struct hg_summary summary = {0};
    ck_assert(!hg_manifest_cache_get(&cache, &version, &summary));
    hg_manifest_cache_save(&cache);
    hg_manifest_cache_close(&cache);
}
END_TEST

START_TEST(a_sink_with_another_target_has_another_cache)
{
    cache_store(&version);
    cache_target = "/mnt/b";
    ck_assert(!cache_has(&version));
    cache_target = "/mnt/a";
    ck_assert(cache_has(&version));
}
END_TEST

START_TEST(a_file_with_any_changed_byte_is_not_used)
{
    cache_store(&version);
    FILE *file = fopen(CACHE_FILE, "r");
    ck_assert_ptr_nonnull(file);
    char text[8192];
    size_t size = fread(text, 1, sizeof(text), file);
    ck_assert(size > 100 && size < sizeof(text));
    fclose(file);
    for (size_t i = 0; i < size; i += i < size - 80 ? 13 : 1) {
        text[i] ^= 1;
        folder_file(CACHE_FILE, text, size, 0600);
        ck_assert_msg(!cache_has(&version), "byte %zu", i);
        text[i] ^= 1;
    }
    for (size_t n = 0; n < size; n += 17) {
        folder_file(CACHE_FILE, text, n, 0600);
        ck_assert_msg(!cache_has(&version), "the first %zu bytes", n);
    }
    folder_file(CACHE_FILE, text, size, 0600);
    ck_assert(cache_has(&version));
}
END_TEST

START_TEST(what_was_not_kept_is_forgotten_at_the_next_save)
{
    struct hg_manifest_version newer = version;
    cache_store(&version);
    newer.etag = "e2";
    cache_store(&newer);
    ck_assert(cache_has(&newer) && !cache_has(&version));
}
END_TEST

START_TEST(a_cache_that_changes_nothing_is_not_written)
{
    struct stat before, after;
    cache_store(&version);
    ck_assert_int_eq(stat(CACHE_FILE, &before), 0);
    struct hg_manifest_cache cache;
    cache_open(&cache);
    struct hg_summary summary = {0};
    ck_assert(hg_manifest_cache_get(&cache, &version, &summary));
    hg_manifest_cache_keep(&cache, &version, &summary);
    hg_manifest_cache_save(&cache);
    ck_assert_int_eq(stat(CACHE_FILE, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    /* a record of a verification is news */
    hg_manifest_cache_keep_undamaged(&cache, &version, 5);
    hg_manifest_cache_save(&cache);
    ck_assert_int_eq(stat(CACHE_FILE, &after), 0);
    ck_assert(before.st_ino != after.st_ino || before.st_size != after.st_size);
    hg_manifest_cache_close(&cache);
    hg_summary_free(&summary);
    cache_open(&cache);
    ck_assert(hg_manifest_cache_is_undamaged(&cache, &version, 5));
    ck_assert(!hg_manifest_cache_is_undamaged(&cache, &version, 6));
    ck_assert(!hg_manifest_cache_is_undamaged(&cache, &version, -1));
    hg_manifest_cache_close(&cache);
}
END_TEST

START_TEST(a_state_folder_that_cannot_be_written_costs_only_the_cache)
{
    state_block();
    cache_store(&version);
    ck_assert(!cache_has(&version));
    ck_assert_int_eq(warnings, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_summary_is_of_one_version_of_a_manifest,
        without_an_etag_nothing_is_cached,
        with_a_key_nothing_is_cached,
        a_sink_with_another_target_has_another_cache,
        a_file_with_any_changed_byte_is_not_used,
        what_was_not_kept_is_forgotten_at_the_next_save,
        a_cache_that_changes_nothing_is_not_written,
        a_state_folder_that_cannot_be_written_costs_only_the_cache,
    };
    return SUITE_RUN("state/manifest_cache", tests, state_setup, state_teardown);
}
