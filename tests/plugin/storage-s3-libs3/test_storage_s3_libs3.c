/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_storage_s3_libs3: the contract of all sinks through libs3, the options that it refuses
 * because the library lacks them, and the failures that the library reports as success.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bucket.h"
#include "fake_host.h"

static struct fake_host *fake;
static void *inst;

static void libs3_open(const char *const options[][2])
{
    fake = bucket_host();
    for (size_t i = 0; options && options[i][0]; i++) {
        fake_host_set(fake, options[i][0], options[i][1]);
    }
    testing_expect(fake, fake_host_create(fake, &inst), HANGAR_OK, "create");
}

static void storage_s3_libs3_setup(void)
{
    bucket.set_up();
    libs3_open(NULL);
}

static void set_up_proxy(void)
{
    static const char *const options[][2] = {
        {"retries", "2"}, {"timeout", "2s"}, {"deadline", "30s"}, {NULL, NULL}};
    bucket_set_up_proxy();
    libs3_open(options);
}

static void storage_s3_libs3_teardown(void)
{
    ck_assert_uint_eq(fake_host_budget_used(fake), 0);
    ck_assert_ptr_null(strstr(fake_host_log(fake), getenv("S3_SECRET_KEY")));
    fake_host_close(fake);
    bucket_tear_down();
}

static void libs3_must_fail(enum hangar_rc got, enum hangar_rc want, const char *text)
{
    testing_expect(fake, got, want, text);
    ck_assert_msg(strstr(fake_host_error(fake), text) != NULL, "error: %s", fake_host_error(fake));
    fake_host_clear(fake);
}

/* Without the proxy. */
static void store_directly(const char *name, const void *bytes, size_t size)
{
    void *in;
    struct fake_host *direct = bucket_open_directly(&in);
    testing_expect(direct,
                   sink_store(direct, in, &(struct sink_object){name, bytes, size, size, 0}, NULL),
                   HANGAR_OK, name);
    fake_host_close(direct);
}

static void must_have_directly(const char *name, const void *bytes, size_t size)
{
    void *in;
    struct fake_host *direct = bucket_open_directly(&in);
    sink_must_have(direct, in, name, bytes, size);
    fake_host_close(direct);
}

static enum hangar_rc libs3_store(const char *name, const void *data, size_t size)
{
    return sink_store(fake, inst, &(struct sink_object){name, data, size, 100000, 0}, NULL);
}

/* ------------------------------------------------------------------------ *
 * Limits
 * ------------------------------------------------------------------------ */

static void libs3_must_refuse(const char *option, const char *value, const char *text)
{
    fake_host_close(fake);
    fake = bucket_host();
    fake_host_set(fake, option, value);
    void *none;
    libs3_must_fail(fake_host_create(fake, &none), HANGAR_CONFIG, text);
}

START_TEST(options_that_the_library_lacks_are_refused)
{
    libs3_must_refuse(
        "region", "eu-central-1",
        "region: libs3 2 signs by version 2, which has no regions; hint: use the plugin");
    libs3_must_refuse("session_token", "token",
                      "session_token: libs3 2 cannot send a session token");
    libs3_must_refuse("ca_file", "ca.pem",
                      "ca_file: libs3 2 always uses the CA certificates of the system");
    libs3_must_refuse("endpoint", "https://127.0.0.1:1",
                      "verify: libs3 2 does not check certificates");
    libs3_must_refuse("prefix", "with space", "has characters for which libs3 writes wrong keys");
    libs3_must_refuse("prefix", "a/../b", "has characters for which libs3 writes wrong keys");
    libs3_must_refuse("bucket", "x", "\"x\" is not a valid bucket name: InvalidBucketNameTooShort");
    libs3_must_refuse("endpoint", "127.0.0.1", "must begin with http:// or https://");
    libs3_must_refuse("endpoint", "http://host/path", "must be a host, and optionally a port");
    libs3_must_refuse("endpoint", "http://user@host", "must be a host, and optionally a port");
    libs3_must_refuse("secret_access_key", "", "set access_key_id and secret_access_key, or");
}
END_TEST

START_TEST(a_store_that_never_answered_is_given_up_soon_by_all_requests)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* a port without a listener */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    char endpoint[64];
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", ntohs(address.sin_port));
    const char *const options[][2] = {{"endpoint", endpoint}, {"retries", "100"}, {NULL, NULL}};
    fake_host_close(fake);
    libs3_open(options);
    libs3_must_fail(sink_table(fake)->stat(inst, "object", &entry), HANGAR_IO, "object");
    ck_assert_int_eq(sink_table(fake)->stat(inst, "object", &entry), HANGAR_IO);
    ck_assert_ptr_null(strstr(fake_host_error(fake), "attempts)"));
    close(fd);
}
END_TEST

START_TEST(empty_options_count_as_not_set)
{
    static const char *const options[][2] = {
        {"region", ""}, {"session_token", ""}, {"prefix", ""}, {NULL, NULL}};
    fake_host_close(fake);
    libs3_open(options);
    ck_assert_ptr_nonnull(strstr(fake_host_plugin(fake)->describe(inst), "(by libs3 2)"));
}
END_TEST

START_TEST(keys_can_come_from_the_environment)
{
    setenv("AWS_ACCESS_KEY_ID", getenv("S3_ACCESS_KEY"), 1);
    setenv("AWS_SECRET_ACCESS_KEY", getenv("S3_SECRET_KEY"), 1);
    static const char *const options[][2] = {
        {"access_key_id", ""}, {"secret_access_key", ""}, {NULL, NULL}};
    fake_host_close(fake);
    libs3_open(options);
    sink_must_store(fake, inst, "object", "text");
    setenv("AWS_SESSION_TOKEN", "token", 1);
    fake_host_close(fake);
    fake = bucket_host();
    fake_host_set(fake, "access_key_id", "");
    fake_host_set(fake, "secret_access_key", "");
    libs3_must_fail(fake_host_create(fake, &inst), HANGAR_CONFIG, "cannot send a session token");
}
END_TEST

START_TEST(objects_beyond_five_gigabytes_are_refused_at_once)
{
    struct hangar_put *put;
    libs3_must_fail(sink_table(fake)->put_open(inst, "object", ((uint64_t)5 << 30) + 1, 0, &put),
                    HANGAR_UNSUPPORTED, "libs3 can store 5 GiB at most; hint: use the plugin");
}
END_TEST

START_TEST(temporary_files_are_bounded)
{
    static const char *const options[][2] = {{"spool_max", "1MiB"}, {NULL, NULL}};
    unsigned char *data = testing_data(DATA_RANDOM, 1200000);
    fake_host_close(fake);
    libs3_open(options);
    libs3_must_fail(libs3_store("large", data, 1200000), HANGAR_NO_SPACE,
                    "; hint: raise spool_max");
    sink_must_lack(fake, inst, "large");
    /* a put that failed has released its bytes of spool_max */
    for (int i = 0; i < 3; i++) {
        testing_expect(fake, libs3_store("fits", data, 900000), HANGAR_OK, "store");
    }
    sink_must_have(fake, inst, "fits", data, 900000);
    fake_host_refuse_temp_dir(fake, true);
    ck_assert_int_ne(libs3_store("none", data, 900000), HANGAR_OK);
    free(data);
}
END_TEST

START_TEST(wrong_keys_and_buckets_are_reported_with_a_hint)
{
    static const struct {
        const char *option, *value, *text;
        enum hangar_rc rc;
    } wrong[] = {{"secret_access_key", "CANARY", "requires signatures of version 4", HANGAR_AUTH},
                 {"access_key_id", "nobody", "; hint: check access_key_id", HANGAR_AUTH},
                 {"bucket", "no-such-bucket", "; hint: create the bucket first", HANGAR_CONFIG}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *const options[][2] = {{wrong[i].option, wrong[i].value}, {NULL, NULL}};
        struct hangar_attrs *attrs = fake_attrs_new();
        fake_host_close(fake);
        libs3_open(options);
        libs3_must_fail(sink_table(fake)->probe(inst, attrs), wrong[i].rc, wrong[i].text);
        ck_assert_ptr_null(strstr(fake_host_log(fake), "CANARY"));
        fake_attrs_free(attrs);
    }
}
END_TEST

START_TEST(a_probe_leaves_nothing_and_reports_abilities)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    testing_expect(fake, sink_table(fake)->probe(inst, attrs), HANGAR_OK, "probe");
    ck_assert_str_eq(fake_attr(attrs, "create_only"), "no");
    ck_assert_str_eq(fake_attr(attrs, "multipart"), "no");
    ck_assert_str_eq(fake_attr(attrs, "library"), "libs3 2");
    size_t count;
    free(sink_list(fake, inst, "", 0, &count));
    ck_assert_uint_eq(count, 0);
    fake_attrs_free(attrs);
}
END_TEST

struct racing_put {
    pthread_t thread;
    enum hangar_rc rc;
};

static void *libs3_create_object(void *arg)
{
    struct racing_put *creator = arg;
    creator->rc = sink_store(
        fake, inst, &(struct sink_object){"race", "text", 4, 4, HANGAR_PUT_CREATE_ONLY}, NULL);
    return NULL;
}

/* Another process can create it meanwhile; the probe reports that. */
START_TEST(create_only_is_safe_within_a_process)
{
    static struct racing_put creators[8];
    int created = 0;
    sink_must_store(fake, inst, "object", "old");
    libs3_must_fail(sink_store(fake, inst,
                               &(struct sink_object){"object", "new", 3, 3, HANGAR_PUT_CREATE_ONLY},
                               NULL),
                    HANGAR_EXISTS, "the object exists already");
    sink_must_have(fake, inst, "object", "old", 3);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(
            pthread_create(&creators[i].thread, NULL, libs3_create_object, &creators[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(creators[i].thread, NULL), 0);
        ck_assert(!creators[i].rc || creators[i].rc == HANGAR_EXISTS);
        created += !creators[i].rc;
    }
    ck_assert_int_eq(created, 1);
}
END_TEST

START_TEST(https_works_with_verify_false)
{
    static struct hangar_attrs *attrs;
    const char *const options[][2] = {
        {"endpoint", getenv("S3_TLS_ENDPOINT")}, {"verify", "false"}, {NULL, NULL}};
    attrs = fake_attrs_new();
    fake_host_close(fake);
    libs3_open(options);
    testing_expect(fake, sink_table(fake)->probe(inst, attrs), HANGAR_OK, "probe");
    ck_assert_ptr_nonnull(strstr(fake_host_log(fake), "is not checked; hint: use the plugin"));
    sink_must_store(fake, inst, "object", "text");
    sink_must_have(fake, inst, "object", "text", 4);
    fake_attrs_free(attrs);
}
END_TEST

START_TEST(keys_that_hangar_cannot_have_stored_are_not_listed)
{
    const char *file = testing_path(testing_dir(), "file");
    testing_write_file(file, "text", 4);
    sink_must_store(fake, inst, "p/object", "text");
    ck_assert_int_eq(bucket_client("put hangar-libs3 '%s/p/other one' %s", bucket_prefix(), file),
                     0);
    ck_assert_int_eq(bucket_client("put hangar-libs3 '%s/q r/x' %s", bucket_prefix(), file), 0);
    ck_assert_int_eq(bucket_client("put hangar-libs3 '%s/p//x' %s", bucket_prefix(), file), 0);
    size_t count;
    char *names = sink_list(fake, inst, "", 0, &count);
    ck_assert_str_eq(names, "p/object\n");
    free(names);
    names = sink_list(fake, inst, "", '/', &count);
    ck_assert_str_eq(names, "p/\n");
    free(names);
}
END_TEST

/* Both run in one process, each with its own libcurl. */
START_TEST(both_plugins_read_what_the_other_has_stored)
{
    void *other_inst;
    unsigned char *bytes = testing_data(DATA_RANDOM, 12000000);
    struct fake_host *other = bucket_other_plugin(&other_inst);
    testing_expect(fake, libs3_store("p/a=b-c_d.e", bytes, 12000000), HANGAR_OK, "store");
    sink_must_have(other, other_inst, "p/a=b-c_d.e", bytes, 12000000);
    bytes[0] ^= 1;
    testing_expect(other,
                   sink_store(other, other_inst,
                              &(struct sink_object){"p/other", bytes, 12000000, 500000, 0}, NULL),
                   HANGAR_OK, "store");
    sink_must_have(fake, inst, "p/other", bytes, 12000000);
    fake_host_close(other);
    free(bytes);
}
END_TEST

/* ------------------------------------------------------------------------ *
 * Failures of the network and the server
 * ------------------------------------------------------------------------ */

static unsigned char *data;
#define LONG_BYTES ((size_t)10000000)

static void must_store_through(const char *orders)
{
    bucket_fault(orders);
    testing_expect(fake, libs3_store("object", data, LONG_BYTES), HANGAR_OK, orders);
    must_have_directly("object", data, LONG_BYTES);
    store_directly("object", "other", 5);
}

START_TEST(puts_survive_temporary_failures)
{
    data = testing_data(DATA_RANDOM, LONG_BYTES);
    must_store_through("put answer 503 SlowDown times=2\n");
    must_store_through("put answer 500 InternalError times=1\nhead answer 503 SlowDown times=1\n");
    must_store_through("put reset-up 3000000 times=1\n");
    must_store_through("put stall-up 3000000 times=1\n");
    must_store_through("put lose times=1\n");
    must_store_through("put instead 500 InternalError times=1\n");
    free(data);
}
END_TEST

START_TEST(failed_puts_do_not_change_the_object)
{
    store_directly("object", "old", 3);
    bucket_fault("put answer 503 SlowDown\n");
    libs3_must_fail(libs3_store("object", "newer", 5), HANGAR_IO, "(after 3 attempts)");
    bucket_fault("put answer 403 AccessDenied\n");
    libs3_must_fail(libs3_store("object", "newer", 5), HANGAR_AUTH,
                    "cannot store object in bucket hangar-libs3");
    bucket_fault("put answer200 InternalError\n");
    libs3_must_fail(libs3_store("object", "newer", 5), HANGAR_IO, "cannot store object");
    must_have_directly("object", "old", 3);
}
END_TEST

static void libs3_must_read(const char *name, size_t size, enum hangar_rc want, const char *text)
{
    struct hangar_get *get = NULL;
    size_t at = 0, got = 1;
    enum hangar_rc rc = sink_table(fake)->get_open(inst, name, 0, &get);
    unsigned char *buffer = malloc(size + 1);
    while (rc == HANGAR_OK && got) {
        rc = sink_table(fake)->get_read(get, buffer + at, size + 1 - at, &got);
        at += rc != HANGAR_OK ? 0 : got;
    }
    if (want) {
        libs3_must_fail(rc, want, text);
    } else {
        testing_expect(fake, rc, want, text);
    }
    ck_assert(want || (at == size && memcmp(buffer, data, size) == 0));
    if (get) {
        sink_table(fake)->get_close(get);
    }
    free(buffer);
}

START_TEST(gets_survive_temporary_failures_and_continue)
{
    static const char *const orders[] = {"get cut 1000000 times=1\n",
                                         "get cut 0 times=2 skip=1\n",
                                         "get reset-down 2000000 times=1\n",
                                         "get stall-down 100000 times=1\n",
                                         "get shrink 1000000 times=1\n",
                                         "get answer 503 SlowDown times=2 skip=2\n",
                                         "get answer200 InternalError times=1\n"};
    data = testing_data(DATA_RANDOM, LONG_BYTES);
    store_directly("object", data, LONG_BYTES);
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        bucket_fault(orders[i]);
        libs3_must_read("object", LONG_BYTES, HANGAR_OK, orders[i]);
    }
    bucket_fault("get cut 1000\n");
    libs3_must_read("object", LONG_BYTES, HANGAR_IO,
                    "1000 bytes were received instead of 4194304 (after 3 attempts)");
    free(data);
}
END_TEST

START_TEST(an_object_that_changes_during_a_read_is_an_error)
{
    data = testing_data(DATA_RANDOM, LONG_BYTES);
    store_directly("object", data, LONG_BYTES);
    unsigned char *buffer = malloc(4 << 20);
    struct hangar_get *get = NULL;
    ck_assert_int_eq(sink_table(fake)->get_open(inst, "object", 0, &get), HANGAR_OK);
    size_t got;
    ck_assert_int_eq(sink_table(fake)->get_read(get, buffer, 4 << 20, &got), HANGAR_OK);
    ck_assert_uint_eq(got, 4 << 20);
    data[LONG_BYTES - 1] ^= 1;
    store_directly("object", data, LONG_BYTES);
    libs3_must_fail(sink_table(fake)->get_read(get, buffer, 4 << 20, &got), HANGAR_IO,
                    "cannot read object");
    sink_table(fake)->get_close(get);
    free(buffer);
    free(data);
}
END_TEST

START_TEST(a_listing_that_was_cut_short_is_repeated)
{
    static const char *const orders[] = {
        "list cut 700 times=1\n", "list answer200 SlowDown times=1\n",
        "list answer200 SlowDown times=1 skip=1\n", "list answer 503 SlowDown times=2\n",
        "list stall-down 500 times=1\n"};
    char name[32];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "p%d/object", i);
        store_directly(name, "text", 4);
    }
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        bucket_fault(orders[i]);
        size_t count;
        free(sink_list(fake, inst, "", 0, &count));
        ck_assert_msg(count == 20, "%s: %zu", orders[i], count);
        bucket_fault(orders[i]);
        free(sink_list(fake, inst, "", '/', &count));
        ck_assert_msg(count == 20, "%s: %zu prefixes", orders[i], count);
    }
}
END_TEST

static void *read_stalled(void *arg)
{
    struct hangar_get *get = NULL;
    enum hangar_rc *rc = arg;
    *rc = sink_table(fake)->get_open(inst, "object", 0, &get);
    if (!*rc) {
        char byte;
        size_t got;
        *rc = sink_table(fake)->get_read(get, &byte, 1, &got);
        sink_table(fake)->get_close(get);
    }
    return NULL;
}

START_TEST(cancel_ends_waiting_requests)
{
    static const char *const options[][2] = {{"timeout", "1h"}, {NULL, NULL}};
    fake_host_close(fake);
    libs3_open(options);
    store_directly("object", "text", 4);
    bucket_fault("get stall-down 1\n");
    enum hangar_rc rc = HANGAR_OK;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, read_stalled, &rc), 0);
    for (int i = 0; i < 6000 && !bucket_requests("get GET"); i++) {
        usleep(5000);
    }
    fake_host_cancel(fake);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(rc, HANGAR_CANCELLED);
    fake_host_clear(fake);
    struct hangar_put *put;
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "other", 0, 0, &put), HANGAR_OK);
    ck_assert_int_eq(sink_table(fake)->put_write(put, "x", 1), HANGAR_CANCELLED);
    sink_table(fake)->put_abort(put);
}
END_TEST

int main(void)
{
    bucket_make();
    Suite *suite = suite_create("storage-s3-libs3");
    sink_suite_add(suite, "every sink", &bucket);
    TCase *tcase = tcase_create("limits");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, storage_s3_libs3_setup, storage_s3_libs3_teardown);
    tcase_add_test(tcase, options_that_the_library_lacks_are_refused);
    tcase_add_test(tcase, a_store_that_never_answered_is_given_up_soon_by_all_requests);
    tcase_add_test(tcase, empty_options_count_as_not_set);
    tcase_add_test(tcase, keys_can_come_from_the_environment);
    tcase_add_test(tcase, objects_beyond_five_gigabytes_are_refused_at_once);
    tcase_add_test(tcase, temporary_files_are_bounded);
    tcase_add_test(tcase, wrong_keys_and_buckets_are_reported_with_a_hint);
    tcase_add_test(tcase, a_probe_leaves_nothing_and_reports_abilities);
    tcase_add_test(tcase, create_only_is_safe_within_a_process);
    tcase_add_test(tcase, both_plugins_read_what_the_other_has_stored);
    tcase_add_test(tcase, keys_that_hangar_cannot_have_stored_are_not_listed);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("https");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, storage_s3_libs3_setup, storage_s3_libs3_teardown);
    tcase_add_test(tcase, https_works_with_verify_false);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("failures of puts");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up_proxy, storage_s3_libs3_teardown);
    tcase_add_test(tcase, puts_survive_temporary_failures);
    tcase_add_test(tcase, failed_puts_do_not_change_the_object);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("failures of reads");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up_proxy, storage_s3_libs3_teardown);
    tcase_add_test(tcase, gets_survive_temporary_failures_and_continue);
    tcase_add_test(tcase, an_object_that_changes_during_a_read_is_an_error);
    tcase_add_test(tcase, a_listing_that_was_cut_short_is_repeated);
    tcase_add_test(tcase, cancel_ends_waiting_requests);
    suite_add_tcase(suite, tcase);
    return testing_main(suite);
}
