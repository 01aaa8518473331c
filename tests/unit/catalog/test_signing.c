/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * signing: only a manifest that was signed with one of the keys is accepted, by
 * every reader of manifests.
 */
#include "catalog/signing.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hash.h"
#include "catalog/store.h"
#include "memory_sink.h"
#include "sample.h"
#include "suite.h"

#define KEY "0123456789abcdef"
#define OTHER "another key of ours"

static struct hg_log log_;
static struct hg_job job;
static struct hg_signing signing;
static struct memory_sink memory;
static struct hangar_ctx *sink;
static struct hg_error err;
static struct hg_str manifest, signature;

static void signing_write_log(void *arg, const struct hg_log_record *record)
{
    (void)arg, (void)record;
}

static void signing_setup(void)
{
    struct hg_job_settings settings = {.log = &log_, .temp_base = "/tmp"};
    hg_log_init(&log_);
    log_.write = signing_write_log;
    hg_error_clear(&err);
    ck_assert_int_eq(hg_signing_add(&signing, KEY, &err), HANGAR_OK);
    ck_assert_int_eq(hg_job_begin(&job, &settings, NULL), HANGAR_OK);
    memory_sink_init(&memory);
    ck_assert_int_eq(memory_sink_open(&memory, &job, "local", &sink), HANGAR_OK);
    sink->signing = &signing;
    struct hg_manifest m = {0};
    sample_manifest(&m);
    ck_assert_int_eq(hg_manifest_write(&m, &manifest, &err), HANGAR_OK);
    hg_manifest_free(&m);
    ck_assert_int_eq(hg_signing_sign(&signing, manifest.data, manifest.len, &signature, &err),
                     HANGAR_OK);
}

static void signing_teardown(void)
{
    hg_instance_close(sink);
    memory_sink_free(&memory);
    hg_job_end(&job);
    hg_log_fini(&log_);
    hg_signing_fini(&signing);
    hg_str_free(&manifest);
    hg_str_free(&signature);
}

static enum hangar_rc signing_check(const char *text, size_t size)
{
    hg_error_clear(&err);
    return hg_signing_check(&signing, manifest.data, manifest.len, text, size, &err);
}

START_TEST(a_signature_is_one_line_with_the_hmac_and_the_keys_id)
{
    char expected[HG_SIGNATURE_MAX], hex[HG_SHA256_HEX];
    struct hg_sha256 *hash = hg_sha256_new();
    hg_sha256_update(hash, KEY, strlen(KEY));
    hg_sha256_final(hash, hex);
    hg_sha256_free(hash);
    unsigned char mac[32];
    unsigned size = 0;
    ck_assert_ptr_nonnull(HMAC(EVP_sha256(), KEY, (int)strlen(KEY),
                               (const unsigned char *)manifest.data, manifest.len, mac, &size));
    int n = snprintf(expected, sizeof(expected), "hmac-sha256 ");
    for (size_t i = 0; i < sizeof(mac); i++) {
        n += snprintf(expected + n, sizeof(expected) - (size_t)n, "%02x", mac[i]);
    }
    snprintf(expected + n, sizeof(expected) - (size_t)n, " key-id %.8s\n", hex);
    ck_assert_str_eq(hg_str_text(&signature), expected);
    ck_assert(hg_signature_ok(signature.data, signature.len));
    ck_assert_int_eq(signing_check(signature.data, signature.len), HANGAR_OK);
}
END_TEST

START_TEST(no_bit_of_a_signature_can_be_changed)
{
    char copy[HG_SIGNATURE_MAX];
    for (size_t bit = 0; bit < signature.len * 8; bit++) {
        memcpy(copy, signature.data, signature.len + 1);
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        if (signing_check(copy, signature.len) != HANGAR_CORRUPT) {
            ck_abort_msg("bit %zu", bit);
        }
    }
    for (size_t n = 0; n < signature.len; n++) {
        memcpy(copy, signature.data, n);
        copy[n] = '\0';
        ck_assert_int_eq(signing_check(copy, n), HANGAR_CORRUPT);
    }
    snprintf(copy, sizeof(copy), "%s\n", signature.data);
    ck_assert_int_eq(signing_check(copy, signature.len + 1), HANGAR_CORRUPT);
    ck_assert_int_eq(signing_check(NULL, 0), HANGAR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.text, "unsigned"));
}
END_TEST

START_TEST(no_bit_of_a_manifest_can_be_changed)
{
    for (size_t bit = 0; bit < manifest.len * 8; bit++) {
        manifest.data[bit / 8] = (char)(manifest.data[bit / 8] ^ 1 << bit % 8);
        if (signing_check(signature.data, signature.len) != HANGAR_CORRUPT) {
            ck_abort_msg("bit %zu", bit);
        }
        manifest.data[bit / 8] = (char)(manifest.data[bit / 8] ^ 1 << bit % 8);
    }
    ck_assert_int_eq(signing_check(signature.data, signature.len), HANGAR_OK);
}
END_TEST

START_TEST(old_keys_verify_but_do_not_sign)
{
    struct hg_signing both = {0}, other = {0};
    ck_assert_int_eq(hg_signing_add(&both, OTHER, &err), HANGAR_OK);
    ck_assert_int_eq(hg_signing_add(&other, OTHER, &err), HANGAR_OK);
    ck_assert_int_eq(
        hg_signing_check(&both, manifest.data, manifest.len, signature.data, signature.len, &err),
        HANGAR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.text, "signature mismatch: signed with another key (key-id "));
    ck_assert_ptr_nonnull(strstr(err.text, signing.keys[0].id));
    hg_error_clear(&err);
    ck_assert_int_eq(hg_signing_add(&both, KEY, &err), HANGAR_OK);
    ck_assert_int_eq(
        hg_signing_check(&both, manifest.data, manifest.len, signature.data, signature.len, &err),
        HANGAR_OK);
    struct hg_str newer = {0};
    ck_assert_int_eq(hg_signing_sign(&both, manifest.data, manifest.len, &newer, &err), HANGAR_OK);
    ck_assert_int_eq(
        hg_signing_check(&other, manifest.data, manifest.len, newer.data, newer.len, &err),
        HANGAR_OK);
    hg_str_free(&newer);
    hg_signing_fini(&both);
    hg_signing_fini(&other);
}
END_TEST

START_TEST(short_keys_and_too_many_are_refused)
{
    struct hg_signing many = {0};
    ck_assert_int_eq(hg_signing_add(&many, "fifteen bytes..", &err), HANGAR_CONFIG);
    ck_assert_ptr_null(strstr(err.text, "fifteen"));
    hg_error_clear(&err);
    for (int i = 0; i < HG_SIGNING_KEYS; i++) {
        ck_assert_int_eq(hg_signing_add(&many, KEY, &err), HANGAR_OK);
    }
    ck_assert_int_eq(hg_signing_add(&many, KEY, &err), HANGAR_CONFIG);
    hg_signing_fini(&many);
    ck_assert_uint_eq(many.count, 0);
}
END_TEST

static enum hangar_rc read_back(void)
{
    struct hg_manifest m = {0};
    hg_error_clear(&err);
    enum hangar_rc rc = hg_store_manifest(sink, "nightly", SAMPLE_ID, &m, &err);
    hg_manifest_free(&m);
    return rc;
}

static void signing_set(const char *name, const char *data, size_t size)
{
    char path[200];
    snprintf(path, sizeof(path), "nightly/" SAMPLE_ID "/%s", name);
    memory_sink_set(&memory, path, data, size);
}

START_TEST(a_stored_manifest_counts_only_with_its_signature)
{
    ck_assert_int_eq(read_back(), HANGAR_NOT_FOUND);
    signing_set("manifest.json", manifest.data, manifest.len);
    ck_assert_int_eq(read_back(), HANGAR_CORRUPT);
    ck_assert_str_eq(
        err.text,
        "sink local: nightly/" SAMPLE_ID
        ": unsigned: there is no manifest.json.sig, and a configuration with a signing key "
        "accepts only signed backups");
    signing_set("manifest.json.sig", signature.data, signature.len);
    ck_assert_int_eq(read_back(), HANGAR_OK);
    signing_set("manifest.json.sig", "", 0);
    ck_assert_int_eq(read_back(), HANGAR_CORRUPT);
    struct hg_str huge = {0};
    for (int i = 0; i < 100; i++) {
        hg_str_add(&huge, "hmac-sha256 ");
    }
    signing_set("manifest.json.sig", huge.data, huge.len);
    ck_assert_int_eq(read_back(), HANGAR_CORRUPT);
    hg_str_free(&huge);
    sink->signing = NULL; /* without a key it is not checked */
    ck_assert_int_eq(read_back(), HANGAR_OK);
}
END_TEST

START_TEST(an_unreadable_signature_is_not_damage)
{
    signing_set("manifest.json", manifest.data, manifest.len);
    signing_set("manifest.json.sig", signature.data, signature.len);
    memory.fail_on = "get nightly/" SAMPLE_ID "/manifest.json.sig";
    ck_assert_int_eq(read_back(), HANGAR_IO);
    memory.fail_on = NULL;
    ck_assert_int_eq(read_back(), HANGAR_OK);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_signature_is_one_line_with_the_hmac_and_the_keys_id,
        no_bit_of_a_signature_can_be_changed,
        no_bit_of_a_manifest_can_be_changed,
        old_keys_verify_but_do_not_sign,
        short_keys_and_too_many_are_refused,
        a_stored_manifest_counts_only_with_its_signature,
        an_unreadable_signature_is_not_damage,
    };
    return SUITE_RUN("signing", tests, signing_setup, signing_teardown);
}
