/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * special_requests: listing, removing many objects, cancelling, the bandwidth, and a store that
 * never answers.
 */
#include "special.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

START_TEST(many_objects_are_removed_in_one_request)
{
    enum { MANY = 1100 };
    static char names[MANY][32];
    const char *list[MANY];
    enum hangar_rc results[MANY];
    special_open();
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "p/%zu", i);
        list[i] = names[i];
        results[i] = HANGAR_INTERNAL;
        if (i % 10 == 0) {
            sink_must_store(fake, inst, names[i], "x");
        }
    }
    sink_must_store(fake, inst, "p/other", "x");
    testing_expect(fake, sink_table(fake)->remove_many(inst, list, MANY, results), HANGAR_OK,
                   "remove_many");
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_int_eq(results[i], HANGAR_OK);
    }
    size_t count;
    char *left = sink_list(fake, inst, "", 0, &count);
    ck_assert_str_eq(left, "p/other\n");
    free(left);
    list[1] = "a b";
    special_must_fail(sink_table(fake)->remove_many(inst, list, MANY, results), HANGAR_CONFIG,
                      "not allowed");
}
END_TEST

START_TEST(keys_that_hangar_cannot_have_stored_are_not_listed)
{
    static const char *const foreign[] = {"a b",       "x//y",      "folder/",   "\xc3\xbc",
                                          "a&b<c>\"'", "new\nline", "%41",       "a+b",
                                          "..",        "p/../q",    "p/\x01\x7f"};
    const char *file = testing_path(testing_dir(), "file");
    testing_write_file(file, "x", 1);
    special_open();
    sink_must_store(fake, inst, "p/object", "text");
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        const char *key = testing_path(testing_dir(), "key");
        testing_write_file(key, store_key(foreign[i]), strlen(store_key(foreign[i])));
        ck_assert_int_eq(store_client("put %s \"$(cat %s)\" %s", store_bucket(), key, file), 0);
    }
    size_t count;
    char *names = sink_list(fake, inst, "", 0, &count);
    ck_assert_str_eq(names, "p/object\n");
    free(names);
    names = sink_list(fake, inst, "", '/', &count);
    ck_assert_str_eq(names, "folder/\np/\nx/\n"); /* folders that could contain objects of hangar */
    free(names);
}
END_TEST

START_TEST(listings_of_version_1_are_complete)
{
    store_option("list_version", "1");
    special_open();
    for (size_t i = 0; i < 1010; i++) {
        char name[64];
        snprintf(name, sizeof(name), "p/%04zu/object=%zu", i, i);
        sink_must_store(fake, inst, name, "");
    }
    size_t count;
    free(sink_list(fake, inst, "p/", '/', &count));
    ck_assert_uint_eq(count, 1010);
    free(sink_list(fake, inst, "", 0, &count));
    ck_assert_uint_eq(count, 1010);
}
END_TEST

/* Calls that wait for a server that accepts connections and never answers. */
static void *call_list(void *arg)
{
    enum hangar_rc *rc = arg;
    struct hangar_page *page = fake_page_new("", 0);
    *rc = sink_table(fake)->list(inst, page);
    fake_page_free(page);
    return NULL;
}

static void *call_read(void *arg)
{
    enum hangar_rc *rc = arg;
    struct hangar_get *get;
    *rc = sink_table(fake)->get_open(inst, "p/object", 0, &get);
    return NULL;
}

static void *call_store(void *arg)
{
    enum hangar_rc *rc = arg;
    *rc = special_put("text", 4, 4, 0);
    return NULL;
}

START_TEST(cancel_wakes_calls_that_wait)
{
    void *(*const calls[])(void *) = {call_list, call_read, call_store};
    enum hangar_rc results[3];
    pthread_t threads[3];
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    char endpoint[64];
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", ntohs(address.sin_port));
    store_option("endpoint", endpoint);
    special_open();
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, calls[i], &results[i]), 0);
    }
    usleep(300000);
    fake_host_cancel(fake);
    for (size_t i = 0; i < 3; i++) { /* the timeout of a request and of this test is 60 s */
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(results[i], HANGAR_CANCELLED);
    }
    close(fd);
}
END_TEST

START_TEST(the_bandwidth_is_not_exceeded)
{
    struct timespec begin, end;
    unsigned char *data = testing_data(DATA_RANDOM, 3 << 20);
    store_option("bandwidth", "2MiB");
    special_open();
    clock_gettime(CLOCK_MONOTONIC, &begin);
    testing_expect(fake, special_put(data, 3 << 20, 1 << 20, 0), HANGAR_OK, "store");
    special_must_read(0, data, 3 << 20);
    clock_gettime(CLOCK_MONOTONIC, &end);
    /* 6 MiB in all, a little of it in advance */
    ck_assert_int_ge((end.tv_sec - begin.tv_sec) * 10 + (end.tv_nsec - begin.tv_nsec) / 100000000,
                     25);
    free(data);
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
    store_option("endpoint", endpoint);
    store_option("retries", "100"); /* these would take the deadline of 15 minutes */
    special_open();
    special_must_fail(sink_table(fake)->stat(inst, "p/object", &entry), HANGAR_IO,
                      "hint: check the option endpoint");
    ck_assert_int_eq(sink_table(fake)->stat(inst, "p/object", &entry), HANGAR_IO);
    ck_assert_ptr_null(strstr(fake_host_error(fake), "attempts)"));
    close(fd);
}
END_TEST

void special_add_requests(Suite *suite)
{
    TCase *tcase = tcase_create("requests");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, special_set_up, special_tear_down);
    tcase_add_test(tcase, many_objects_are_removed_in_one_request);
    tcase_add_test(tcase, keys_that_hangar_cannot_have_stored_are_not_listed);
    tcase_add_test(tcase, listings_of_version_1_are_complete);
    tcase_add_test(tcase, cancel_wakes_calls_that_wait);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("requests, slow");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, special_set_up, special_tear_down);
    tcase_add_test(tcase, the_bandwidth_is_not_exceeded);
    tcase_add_test(tcase, a_store_that_never_answered_is_given_up_soon_by_all_requests);
    suite_add_tcase(suite, tcase);
}
