/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * special_store: what a probe detects, object lock, headers of new objects, and options that are
 * refused.
 */
#include "special.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

START_TEST(a_probe_reports_what_the_store_can_do)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    special_open();
    testing_expect(fake, sink_table(fake)->probe(inst, attrs), HANGAR_OK, "probe");
    ck_assert_str_eq(fake_attr(attrs, "create_only"), "yes");
    ck_assert_str_eq(fake_attr(attrs, "multipart"), "yes");
    ck_assert_str_eq(fake_attr(attrs, "batch_delete"), "yes");
    ck_assert_str_eq(fake_attr(attrs, "checksums"), "none");
    ck_assert_str_eq(fake_attr(attrs, "versioning"), "off");
    ck_assert_str_eq(fake_attr(attrs, "object_lock"),
                     "off: anyone with the key can remove all backups");
    ck_assert_ptr_nonnull(strstr(fake_attr(attrs, "clock_skew"), " s"));
    ck_assert_ptr_null(strstr(fake_host_log(fake), "warn:"));
    ck_assert_uint_eq(special_count_uploads(), 0);
    fake_attrs_free(attrs);
}
END_TEST

START_TEST(a_probe_leaves_nothing_in_a_bucket_with_versions)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    store_client("make-bucket hangar-versions");
    ck_assert_int_eq(store_client("versioning hangar-versions"), 0);
    store_option("bucket", "hangar-versions");
    special_open();
    testing_expect(fake, sink_table(fake)->probe(inst, attrs), HANGAR_OK, "probe");
    ck_assert_ptr_nonnull(strstr(fake_attr(attrs, "versioning"), "a lifecycle rule can end them"));
    char *versions = store_ask("versions hangar-versions");
    ck_assert_str_eq(versions, "");
    free(versions);
    fake_attrs_free(attrs);
}
END_TEST

static char *head_line(const char *name, const char *header)
{
    char *head = store_ask("head hangar-locked '%s'", store_key(name));
    char *line = strstr(head, header);
    char *value = line ? strndup(line, strcspn(line, "\n")) : strdup("");
    free(head);
    return value;
}

START_TEST(locks_are_set_and_only_ever_extended)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    int64_t now_ms = (int64_t)time(NULL) * 1000, day_ms = 86400000;
    store_client("make-bucket hangar-locked --lock");
    store_option("bucket", "hangar-locked");
    store_option("lock_mode", "governance");
    store_option("lock_days", "2");
    special_open();
    sink_must_store(fake, inst, "p/object", "text");
    char *before = head_line("p/object", "x-amz-object-lock-retain-until-date");
    char *mode = head_line("p/object", "x-amz-object-lock-mode");
    ck_assert_str_eq(mode, "x-amz-object-lock-mode: GOVERNANCE");
    testing_expect(fake, sink_table(fake)->retain(inst, "p/object", now_ms + day_ms), HANGAR_OK,
                   "shorter");
    char *same = head_line("p/object", "x-amz-object-lock-retain-until-date");
    ck_assert_str_eq(before, same);
    testing_expect(fake, sink_table(fake)->retain(inst, "p/object", now_ms + 30 * day_ms),
                   HANGAR_OK, "longer");
    char *after = head_line("p/object", "x-amz-object-lock-retain-until-date");
    ck_assert_str_gt(after, before);
    special_must_fail(sink_table(fake)->retain(inst, "p/nothing", now_ms), HANGAR_NOT_FOUND,
                      "does not exist");
    testing_expect(fake, sink_table(fake)->probe(inst, attrs), HANGAR_OK, "probe");
    ck_assert_str_eq(fake_attr(attrs, "object_lock"), "on");
    char *texts[] = {before, mode, same, after};
    for (size_t i = 0; i < 4; i++) {
        free(texts[i]);
    }
    fake_attrs_free(attrs);
}
END_TEST

START_TEST(locks_need_a_bucket_that_has_them)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    int64_t later_ms = ((int64_t)time(NULL) + 86400) * 1000;
    special_open();
    sink_must_store(fake, inst, "p/object", "text");
    special_must_fail(sink_table(fake)->retain(inst, "p/object", later_ms), HANGAR_UNSUPPORTED,
                      "lock_mode is none");
    fake_host_close(fake);
    store_option("lock_mode", "compliance");
    special_open();
    special_must_fail(sink_table(fake)->retain(inst, "p/object", later_ms), HANGAR_UNSUPPORTED,
                      "cannot lock p/object");
    special_must_fail(sink_table(fake)->probe(inst, attrs), HANGAR_CONFIG,
                      "the bucket has no object lock");
    fake_attrs_free(attrs);
}
END_TEST

START_TEST(options_of_new_objects_are_sent)
{
    store_option("tags", "owner=data base + co");
    store_option("tags", "kind=backup");
    store_option("storage_class", "STANDARD");
    store_option("sign_payload", "no");
    special_open();
    unsigned char *data = testing_data(DATA_RANDOM, 9 << 20);
    testing_expect(fake, special_put(data, 9 << 20, 1 << 20, 0), HANGAR_OK, "store");
    sink_must_have(fake, inst, "p/object", data, 9 << 20);
    char *head = store_ask("head %s '%s'", store_bucket(), store_key("p/object"));
    ck_assert_ptr_nonnull(strstr(head, "x-amz-meta-hangar-put: "));
    free(head);
    /* this gateway loses the tags of an upload in parts */
    sink_must_store(fake, inst, "p/object", "text");
    char *tags = store_ask("tags %s '%s' | sort", store_bucket(), store_key("p/object"));
    ck_assert_str_eq(tags, "kind=backup\nowner=data base + co\n");
    free(tags);
    free(data);
}
END_TEST

START_TEST(a_probe_tries_the_options_of_new_objects_and_leaves_nothing)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    store_option("tags", "kind=backup");
    store_option("storage_class", "STANDARD");
    special_open();
    testing_expect(fake, sink_table(fake)->probe(inst, attrs), HANGAR_OK, "probe");
    ck_assert_uint_eq(special_count_uploads(), 0);
    fake_host_close(fake);
    store.set_up(); /* clears the options of store_option */
    store_option("storage_class", "NO_SUCH_CLASS");
    special_open();
    special_must_fail(sink_table(fake)->probe(inst, attrs), HANGAR_CONFIG,
                      "cannot begin an upload with storage_class, sse, tags and object lock");
    ck_assert_uint_eq(special_count_uploads(), 0);
    size_t count;
    free(sink_list(fake, inst, "", 0, &count));
    ck_assert_uint_eq(count, 0);
    fake_attrs_free(attrs);
}
END_TEST

static void option_must_be_refused(const char *option, const char *value, const char *text)
{
    store.set_up(); /* clears the options of store_option */
    store_option(option, value);
    struct fake_host *host = fake_host_open("storage-s3");
    store.configure(host);
    void *in;
    ck_assert_int_eq(fake_host_create(host, &in), HANGAR_CONFIG);
    ck_assert_msg(strstr(fake_host_error(host), text) != NULL, "error: %s", fake_host_error(host));
    fake_host_close(host);
}

START_TEST(options_that_cannot_work_are_refused)
{
    option_must_be_refused("endpoint", "s3.example.com/bucket", "is not a valid URL");
    option_must_be_refused("endpoint", "ftp://s3.example.com", "https:// or http://");
    option_must_be_refused("endpoint", "https://s3.example.com/bucket",
                           "bucket and prefix have options");
    option_must_be_refused("endpoint", "https://me:secret@s3.example.com",
                           "must not contain a user");
    option_must_be_refused("bucket", "a/b", "the option prefix");
    option_must_be_refused("bucket", "", "must not be empty");
    option_must_be_refused("region", "eu west", "is not a valid region");
    option_must_be_refused("addressing", "virtual", "needs an endpoint with a host name");
    option_must_be_refused("tags", "nonsense", "name=value");
    option_must_be_refused("kms_key", "abc", "needs sse");
    option_must_be_refused("lock_days", "3", "needs lock_mode");
    option_must_be_refused("storage_class", "A\r\nx-amz-acl: public-read", "blank");
}
END_TEST

void special_add_store(Suite *suite)
{
    TCase *tcase = tcase_create("store");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, special_set_up, special_tear_down);
    tcase_add_test(tcase, a_probe_reports_what_the_store_can_do);
    tcase_add_test(tcase, a_probe_leaves_nothing_in_a_bucket_with_versions);
    tcase_add_test(tcase, a_probe_tries_the_options_of_new_objects_and_leaves_nothing);
    tcase_add_test(tcase, locks_are_set_and_only_ever_extended);
    tcase_add_test(tcase, locks_need_a_bucket_that_has_them);
    tcase_add_test(tcase, options_of_new_objects_are_sent);
    tcase_add_test(tcase, options_that_cannot_work_are_refused);
    suite_add_tcase(suite, tcase);
}
