/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_s3_credentials_renewal: keys that expire: when they are renewed, which threads wait, and
 * which use the old keys.  The tests move the clock and do not sleep.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "place.h"

#define REQUEST "GET /container"

static struct s3_credentials *credentials;

static void renewal_set_up(void)
{
    place_set_up();
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", place_endpoint("/container"), 1);
    credentials = place_open();
}

static void call_expired(void)
{
    struct s3_keys keys;
    ck_assert_int_eq(s3_credentials_get(credentials, &keys), HANGAR_OK);
    s3_credentials_expired(credentials, &keys);
}

START_TEST(keys_are_renewed_five_minutes_before_they_expire)
{
    place_must_get("AKIDTEST1");
    place_move_clock(3600 - 310);
    place_must_get("AKIDTEST1");
    ck_assert_int_eq(place_requests(REQUEST), 1);
    place_move_clock(20);
    place_must_get("AKIDTEST2");
    place_must_get("AKIDTEST2");
    ck_assert_int_eq(place_requests(REQUEST), 2);
    /* the clock of the endpoint did not move: these keys expire with the first ones */
    ck_assert_ptr_nonnull(strstr(fake_host_log(fake), "debug: keys for S3 were renewed from "));
}
END_TEST

START_TEST(short_lived_keys_are_not_renewed_for_each_request)
{
    place_set_faults("{\"lifetime\": 120}");
    for (int i = 0; i < 10; i++) {
        place_must_get("AKIDTEST1");
    }
    place_move_clock(70);
    place_must_get("AKIDTEST2");
    ck_assert_int_eq(place_requests(REQUEST), 2);
}
END_TEST

START_TEST(valid_keys_are_used_when_the_renewal_fails)
{
    place_must_get("AKIDTEST1");
    place_set_faults("{\"status\": 403}");
    place_move_clock(3600 - 200);
    for (int i = 0; i < 5; i++) {
        place_must_get("AKIDTEST1");
    }
    ck_assert_int_eq(place_requests(REQUEST), 2); /* not one for each request of the sink */
    ck_assert_ptr_nonnull(strstr(fake_host_log(fake),
                                 "warn: cannot get keys for S3 from container: "
                                 "the endpoint answered with HTTP status 403; the current keys "
                                 "stay valid for "));
    place_set_faults("{\"lifetime\": 7200}");
    place_move_clock(15);
    place_must_get("AKIDTEST2");
}
END_TEST

START_TEST(expired_keys_are_not_used)
{
    place_must_get("AKIDTEST1");
    place_set_faults("{\"status\": 403}");
    place_move_clock(3601);
    place_must_fail(HANGAR_AUTH, "the endpoint answered with HTTP status 403");
    place_must_fail(HANGAR_AUTH, "the endpoint answered with HTTP status 403");
    place_set_faults("{\"lifetime\": 7200}");
    place_must_get("AKIDTEST2");
}
END_TEST

START_TEST(keys_that_the_store_refused_are_renewed)
{
    struct s3_keys old;
    ck_assert_int_eq(s3_credentials_get(credentials, &old), HANGAR_OK);
    s3_credentials_expired(credentials, &old);
    place_must_get("AKIDTEST2");
    /* a late report of another thread about the old keys */
    s3_credentials_expired(credentials, &old);
    place_must_get("AKIDTEST2");
    ck_assert_int_eq(place_requests(REQUEST), 2);
    place_set_faults("{\"status\": 403}");
    call_expired();
    place_must_fail(HANGAR_AUTH, "the endpoint answered with HTTP status 403");
}
END_TEST

START_TEST(refused_keys_of_a_file_are_read_again)
{
    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    setenv("AWS_SHARED_CREDENTIALS_FILE",
           place_file("keys", "[default]\naws_access_key_id = OLD\naws_secret_access_key = CANARY"),
           1);
    place_must_get("OLD");
    place_file("keys", "[default]\naws_access_key_id = NEW\naws_secret_access_key = CANARY");
    place_must_get("OLD");
    call_expired();
    place_must_get("NEW");
    call_expired();
    place_must_get("NEW"); /* there are no other keys: the store refuses them again */
}
END_TEST

START_TEST(expired_keys_of_the_environment_are_reported)
{
    setenv("AWS_ACCESS_KEY_ID", "ENVIRONMENT", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "CANARY", 1);
    setenv("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T00:00:00Z", 1);
    place_must_fail(HANGAR_RETRY, "the keys of environment have expired already");
    setenv("AWS_CREDENTIAL_EXPIRATION", "tomorrow", 1);
    place_must_fail(HANGAR_AUTH, "AWS_CREDENTIAL_EXPIRATION is not a valid time");
    setenv("AWS_CREDENTIAL_EXPIRATION", "9999-01-01T00:00:00Z", 1);
    place_must_get("ENVIRONMENT");
}
END_TEST

/* ------------------------------------------------------------------------ */

struct getter {
    pthread_t thread;
    struct s3_keys keys;
    enum hangar_rc rc;
};

static void *call_get(void *arg)
{
    struct getter *getter = arg;
    getter->rc = s3_credentials_get(credentials, &getter->keys);
    return NULL;
}

static void start_threads(struct getter *getter)
{
    ck_assert_int_eq(pthread_create(&getter->thread, NULL, call_get, getter), 0);
}

static void threads_must_get(struct getter *getter, enum hangar_rc rc, const char *access_key_id)
{
    ck_assert_int_eq(pthread_join(getter->thread, NULL), 0);
    ck_assert_int_eq(getter->rc, rc);
    if (rc == HANGAR_OK) {
        ck_assert_str_eq(getter->keys.access_key_id, access_key_id);
    }
}

START_TEST(one_thread_renews_while_the_others_use_the_old_keys)
{
    static struct getter renewer;
    place_must_get("AKIDTEST1");
    place_set_faults("{\"kind\": \"gate\", \"lifetime\": 7200}");
    place_move_clock(3600 - 200);
    start_threads(&renewer);
    place_wait_for_request(REQUEST, 2);
    for (int i = 0; i < 100; i++) {
        place_must_get("AKIDTEST1");
    }
    place_file("open", "");
    threads_must_get(&renewer, HANGAR_OK, "AKIDTEST2");
    place_must_get("AKIDTEST2");
    ck_assert_int_eq(place_requests(REQUEST), 2);
}
END_TEST

START_TEST(threads_without_keys_wait_for_one_renewal)
{
    static struct getter getters[8];
    place_set_faults("{\"kind\": \"gate\"}");
    for (int i = 0; i < 8; i++) {
        start_threads(&getters[i]);
    }
    place_wait_for_request(REQUEST, 1);
    place_file("open", "");
    for (int i = 0; i < 8; i++) {
        threads_must_get(&getters[i], HANGAR_OK, "AKIDTEST1");
    }
    ck_assert_int_eq(place_requests(REQUEST), 1);
}
END_TEST

START_TEST(cancel_ends_every_wait)
{
    static struct getter getters[4];
    place_set_faults("{\"kind\": \"stall\"}");
    for (int i = 0; i < 4; i++) {
        start_threads(&getters[i]);
    }
    place_wait_for_request(REQUEST, 1);
    s3_credentials_cancel(credentials);
    for (int i = 0; i < 4; i++) {
        threads_must_get(&getters[i], HANGAR_CANCELLED, NULL);
    }
    place_must_fail(HANGAR_CANCELLED, "cancelled");
}
END_TEST

START_TEST(a_cancelled_job_ends_a_program)
{
    static struct getter getter;
    const char *begun = testing_path(home, "begun");
    char text[1000];
    place_next_instance();
    snprintf(text, sizeof(text), "#!/bin/sh\n: > %s\nexec sleep 100\n", begun);
    fake_host_set(fake, "credential_process", place_program("tool", text));
    credentials = place_open();
    start_threads(&getter);
    for (int i = 0; access(begun, F_OK) && i < 6000; i++) {
        usleep(5000);
    }
    fake_host_cancel(fake);
    threads_must_get(&getter, HANGAR_CANCELLED, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage-s3 credentials, renewal");
    TCase *tcase = tcase_create("renewal");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, renewal_set_up, place_tear_down);
    tcase_add_test(tcase, keys_are_renewed_five_minutes_before_they_expire);
    tcase_add_test(tcase, short_lived_keys_are_not_renewed_for_each_request);
    tcase_add_test(tcase, valid_keys_are_used_when_the_renewal_fails);
    tcase_add_test(tcase, expired_keys_are_not_used);
    tcase_add_test(tcase, keys_that_the_store_refused_are_renewed);
    tcase_add_test(tcase, refused_keys_of_a_file_are_read_again);
    tcase_add_test(tcase, expired_keys_of_the_environment_are_reported);
    tcase_add_test(tcase, one_thread_renews_while_the_others_use_the_old_keys);
    tcase_add_test(tcase, threads_without_keys_wait_for_one_renewal);
    tcase_add_test(tcase, cancel_ends_every_wait);
    tcase_add_test(tcase, a_cancelled_job_ends_a_program);
    suite_add_tcase(suite, tcase);
    return testing_main(suite);
}
