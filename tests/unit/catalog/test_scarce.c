/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * scarce: whichever allocation fails, in hangar or in a library below it, a whole
 * manifest is never called damaged, and nothing that is not whole is given out.
 */
#include "base/hash.h"
#include "catalog/manifest.h"
#include "catalog/retention.h"
#include "catalog/signing.h"
#include "sample.h"
#include "scarce.h"
#include "suite.h"

static struct hg_error err;
static enum hangar_rc rc;
static size_t failures, successes;

/* The call has succeeded or has failed with NO_MEMORY. */
static void done_or_no_memory(void)
{
    ck_assert_msg(rc == HANGAR_OK || rc == HANGAR_NO_MEMORY, "%d %s", (int)rc, err.text);
    ck_assert_msg(rc == HANGAR_OK || strstr(err.text, "out of memory"), "%s", err.text);
    failures += rc != HANGAR_OK;
    successes += rc == HANGAR_OK;
    hg_error_clear(&err);
}

/* ---- manifest.json ---- */

static char *text_of_sample(void)
{
    struct hg_manifest m;
    struct hg_str text = {0};
    sample_manifest(&m);
    ck_assert_int_eq(hg_manifest_write(&m, &text, &err), HANGAR_OK);
    hg_manifest_free(&m);
    return hg_str_take(&text);
}

static struct hg_manifest manifest;

static void read_manifest(void *arg)
{
    rc = hg_manifest_read(arg, strlen(arg), &manifest, &err);
}

static void check_read(void *arg)
{
    struct hg_str again = {0};
    enum hangar_rc was = rc;
    done_or_no_memory();
    if (was == HANGAR_OK) {
        ck_assert_int_eq(hg_manifest_write(&manifest, &again, &err), HANGAR_OK);
        ck_assert_str_eq(hg_str_text(&again), arg);
    }
    hg_str_free(&again);
    hg_manifest_free(&manifest);
}

START_TEST(a_manifest_is_read_whole_or_there_was_no_memory)
{
    char *text = text_of_sample();
    ck_assert_uint_gt(scarce_each(read_manifest, text, check_read), 100);
    ck_assert_uint_gt(failures, 100);
    ck_assert_uint_ge(successes, 1);
    free(text);
}
END_TEST

static struct hg_str written;

static void write_manifest(void *arg)
{
    rc = hg_manifest_write(arg, &written, &err);
}

static void check_written(void *arg)
{
    struct hg_manifest back = {0};
    (void)arg;
    if (rc == HANGAR_OK) {
        ck_assert_int_eq(hg_manifest_read(hg_str_text(&written), written.len, &back, &err),
                         HANGAR_OK);
        hg_manifest_free(&back);
    }
    done_or_no_memory();
    hg_str_free(&written);
}

START_TEST(a_manifest_is_written_whole_or_there_was_no_memory)
{
    struct hg_manifest m;
    sample_manifest(&m);
    ck_assert_uint_gt(scarce_each(write_manifest, &m, check_written), 100);
    ck_assert_uint_gt(failures, 100);
    ck_assert_uint_ge(successes, 1);
    hg_manifest_free(&m);
}
END_TEST

/* ---- signatures ---- */

static const char key[] = "0123456789abcdef0123456789abcdef";
static struct hg_signing signing;

static void sign_and_check(void *arg)
{
    (void)arg;
    rc = hg_signing_add(&signing, key, &err);
    if (rc == HANGAR_OK) {
        rc = hg_signing_sign(&signing, "text", 4, &written, &err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_signing_check(&signing, "text", 4, hg_str_text(&written), written.len, &err);
    }
}

static void check_signed(void *arg)
{
    (void)arg;
    /* OpenSSL reports no reason */
    ck_assert_msg(rc != HANGAR_CORRUPT && rc != HANGAR_CONFIG, "%s", err.text);
    failures += rc != HANGAR_OK;
    successes += rc == HANGAR_OK;
    hg_error_clear(&err);
    hg_signing_fini(&signing);
    hg_str_free(&written);
}

START_TEST(a_right_signature_is_never_called_wrong)
{
    sign_and_check(NULL); /* what fails at OpenSSL's first use stays so */
    ck_assert_int_eq(rc, HANGAR_OK);
    check_signed(NULL);
    failures = successes = 0;
    scarce_each(sign_and_check, NULL, check_signed);
    ck_assert_uint_gt(failures, 1);
    ck_assert_uint_ge(successes, 1);
}
END_TEST

/* ---- retention ---- */

static struct hg_retention_item items[4];

static void scarce_retain(void *zone)
{
    const struct hg_policy policy = {2, -1, -1, -1, -1, -1, -1, -1};
    for (size_t i = 0; i < 4; i++) {
        items[i] =
            (struct hg_retention_item){.id = "b", .time_ms = (int64_t)i * 86400000, .good = true};
    }
    rc = hg_retention_apply(&policy, zone, (int64_t)4 * 86400000, items, 4, &err);
}

static void check_retained(void *arg)
{
    size_t kept = 0;
    (void)arg;
    for (size_t i = 0; i < 4; i++) {
        kept += items[i].keep;
    }
    ck_assert_uint_eq(kept, rc == HANGAR_OK ? 2 : 4);
    done_or_no_memory();
}

START_TEST(retention_removes_nothing_without_memory)
{
    struct hg_zone *zone = NULL;
    ck_assert_int_eq(hg_zone_open("UTC", &zone), HANGAR_OK);
    ck_assert_uint_ge(scarce_each(scarce_retain, zone, check_retained), 2);
    ck_assert_uint_ge(failures, 2);
    ck_assert_uint_ge(successes, 1);
    hg_zone_close(zone);
}
END_TEST

/* ---- the first use of OpenSSL ---- */

static void scarce_hash(void *arg)
{
    char *hex = arg;
    struct hg_sha256 *h = hg_sha256_new();
    hex[0] = '\0';
    if (h) {
        hg_sha256_final(h, hex);
    }
    hg_sha256_free(h);
}

/* In a process of its own for each n: what failed once stays as it is. */
START_TEST(openssl_that_could_not_set_itself_up_is_not_used)
{
    char hex[HG_SHA256_HEX];
    scarce_begin((size_t)_i + 1);
    scarce_hash(hex);
    scarce_end();
    scarce_hash(hex);
    if (hex[0] != '\0') {
        ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalog/scarce");
    TCase *plain = tcase_create("plain"), *each = tcase_create("each");
    tcase_add_test(plain, a_manifest_is_read_whole_or_there_was_no_memory);
    tcase_add_test(plain, a_manifest_is_written_whole_or_there_was_no_memory);
    tcase_add_test(plain, a_right_signature_is_never_called_wrong);
    tcase_add_test(plain, retention_removes_nothing_without_memory);
    tcase_add_loop_test(each, openssl_that_could_not_set_itself_up_is_not_used, 0, 150);
    suite_add_tcase(suite, plain);
    suite_add_tcase(suite, each);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
