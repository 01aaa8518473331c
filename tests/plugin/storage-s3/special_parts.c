/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * special_parts: large objects: sizes around that of a part, pieces, aborts, memory, and the
 * unfinished uploads of dead runs.
 */
#include "special.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(an_object_around_the_size_of_parts_is_stored_whole)
{
    static const long about[] = {-1, 0, 1};
    store_option("part_size", "5MiB");
    special_open();
    for (size_t parts = 1; parts <= 3; parts += 2) {
        for (size_t i = 0; i < 3; i++) {
            size_t size = (size_t)((long)(PART * parts) + about[i]);
            unsigned char *data = testing_data(DATA_RANDOM, size);
            testing_expect(fake, special_put(data, size, 1 << 20, 0), HANGAR_OK, "store");
            sink_must_have(fake, inst, "p/object", data, size);
            free(data);
        }
    }
    ck_assert_uint_eq(special_count_uploads(), 0);
}
END_TEST

START_TEST(an_object_of_too_many_parts_is_stored_as_several_and_read_as_one)
{
    size_t size = 4 * PART + 777, count;
    unsigned char *data = testing_data(DATA_RANDOM, size);
    struct hangar_entry stored = {.struct_size = sizeof(stored)};
    store_option("part_size", "5MiB");
    store_option("max_parts", "2");
    special_open();
    testing_expect(
        fake,
        sink_store(fake, inst,
                   &(struct sink_object){"p/object", data, size, 1 << 20, HANGAR_PUT_CREATE_ONLY},
                   &stored),
        HANGAR_OK, "store");
    ck_assert_uint_eq(stored.size, size);
    sink_must_have(fake, inst, "p/object", data, size);
    char *names = sink_list(fake, inst, "p/", 0, &count);
    ck_assert_uint_eq(count, 3); /* the object and two more pieces */
    free(names);
    static const size_t offsets[] = {1,        2 * PART - 1,  2 * PART, 2 * PART + 1,
                                     4 * PART, 4 * PART + 776};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        special_must_read(offsets[i], data + offsets[i], size - offsets[i]);
    }
    special_must_read(size, data, 0);
    /* a second put is refused, and removes its own pieces, not those of the first */
    testing_expect(fake, special_put(data, size, 1 << 20, HANGAR_PUT_CREATE_ONLY), HANGAR_EXISTS,
                   "again");
    fake_host_clear(fake);
    free(sink_list(fake, inst, "p/", 0, &count));
    ck_assert_uint_eq(count, 3);
    special_must_read(0, data, size);
    ck_assert_uint_eq(special_count_uploads(), 0);
    free(data);
}
END_TEST

START_TEST(a_missing_piece_is_detected)
{
    size_t size = 4 * PART + 777, count;
    unsigned char *data = testing_data(DATA_RANDOM, size);
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    store_option("part_size", "5MiB");
    store_option("max_parts", "2");
    special_open();
    testing_expect(fake, special_put(data, size, 1 << 20, 0), HANGAR_OK, "store");
    char *names = sink_list(fake, inst, "p/object.part-", 0, &count);
    *strchr(names, '\n') = '\0';
    testing_expect(fake, sink_table(fake)->remove(inst, names), HANGAR_OK, "remove");
    special_must_fail(sink_table(fake)->stat(inst, "p/object", &entry), HANGAR_CORRUPT,
                      "pieces is missing");
    free(names);
    free(data);
}
END_TEST

START_TEST(an_aborted_put_leaves_neither_object_nor_upload)
{
    unsigned char *data = testing_data(DATA_RANDOM, 1 << 20);
    store_option("part_size", "5MiB");
    store_option("max_parts", "2");
    special_open();
    struct hangar_put *handle = NULL;
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/object", 0, 0, &handle), HANGAR_OK);
    for (size_t i = 0; i < 28; i++) {
        testing_expect(fake, sink_table(fake)->put_write(handle, data, 1 << 20), HANGAR_OK,
                       "write");
    }
    ck_assert_uint_ge(special_count_uploads(), 2);
    sink_table(fake)->put_abort(handle);
    ck_assert_uint_eq(special_count_uploads(), 0);
    size_t count;
    free(sink_list(fake, inst, "", 0, &count));
    ck_assert_uint_eq(count, 0);
    free(data);
}
END_TEST

START_TEST(an_upload_of_a_cancelled_run_is_aborted)
{
    unsigned char *data = testing_data(DATA_RANDOM, 12 << 20);
    store_option("part_size", "5MiB");
    special_open();
    struct hangar_put *handle = NULL;
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/object", 0, 0, &handle), HANGAR_OK);
    testing_expect(fake, sink_table(fake)->put_write(handle, data, 12 << 20), HANGAR_OK, "write");
    fake_host_cancel(fake);
    ck_assert_int_eq(sink_table(fake)->put_write(handle, data, 12 << 20), HANGAR_CANCELLED);
    sink_table(fake)->put_abort(handle);
    ck_assert_uint_eq(special_count_uploads(), 0);
    free(data);
}
END_TEST

START_TEST(memory_of_parts_comes_from_the_budget_and_is_bounded)
{
    struct hangar_put *handles[6] = {NULL};
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    unsigned char *data = testing_data(DATA_RANDOM, 1 << 20);
    store_option("part_size", "5MiB");
    special_open();
    fake_host_budget(fake, 48 << 20);
    uint32_t most = sink_table(fake)->max_open_puts(inst);
    ck_assert_uint_eq(most, 6); /* the parts that are sent at once, and two */
    ck_assert_uint_eq(fake_host_budget_used(fake), 6 * PART);
    for (size_t i = 0; i < most; i++) {
        ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/object", 0, 0, &handles[i]), 0);
    }
    /* one thread fills all of them at once: no put waits for another one */
    for (size_t k = 0; k < 12; k++) {
        for (size_t i = 0; i < most; i++) {
            testing_expect(fake, sink_table(fake)->put_write(handles[i], data, 1 << 20), HANGAR_OK,
                           "write");
        }
        ck_assert_uint_le(fake_host_budget_used(fake), 48 << 20);
    }
    for (size_t i = 0; i < most; i++) {
        testing_expect(fake, sink_table(fake)->put_commit(handles[i], &entry), HANGAR_OK, "commit");
    }
    ck_assert_uint_eq(fake_host_budget_used(fake), 6 * PART);
    fake_host_close(fake);
    free(data);
    special_open();
    fake_host_budget(fake, 4 << 20);
    ck_assert_uint_eq(sink_table(fake)->max_open_puts(inst), 1);
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/object", 6 << 20, 0, &handles[0]), 0);
    special_must_fail(sink_table(fake)->put_write(handles[0], "x", 1), HANGAR_NO_MEMORY,
                      "hint: raise limits.memory");
    sink_table(fake)->put_abort(handles[0]);
}
END_TEST

static void *commit_later(void *arg)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    usleep(300000);
    testing_expect(fake, sink_table(fake)->put_commit(arg, &entry), HANGAR_OK, "commit");
    return NULL;
}

START_TEST(a_first_part_waits_for_memory_of_another_put)
{
    struct hangar_put *first = NULL, *second = NULL;
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    special_open();
    fake_host_budget(fake, 9 << 20); /* one part */
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/one", 4 << 20, 0, &first), HANGAR_OK);
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/two", 4 << 20, 0, &second), HANGAR_OK);
    testing_expect(fake, sink_table(fake)->put_write(first, "1", 1), HANGAR_OK, "write");
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, commit_later, first), 0);
    testing_expect(fake, sink_table(fake)->put_write(second, "2", 1), HANGAR_OK, "write");
    pthread_join(thread, NULL);
    testing_expect(fake, sink_table(fake)->put_commit(second, &entry), HANGAR_OK, "commit");
    sink_must_have(fake, inst, "p/one", "1", 1);
    sink_must_have(fake, inst, "p/two", "2", 1);
}
END_TEST

/* A process that is killed in the middle of an upload. */
static void leave_unfinished_upload(const char *name)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {
        void *in;
        struct fake_host *host = store_open(&in);
        char *data = calloc(1, 12 << 20);
        struct hangar_put *handle;
        if (sink_table(host)->put_open(in, name, 0, 0, &handle) ||
            sink_table(host)->put_write(handle, data, 12 << 20)) {
            _exit(1);
        }
        kill(getpid(), SIGKILL);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
}

START_TEST(the_unfinished_upload_of_a_killed_run_is_removed_when_it_is_stale)
{
    store_option("part_size", "5MiB");
    leave_unfinished_upload("p/b/object");
    leave_unfinished_upload("q/b/object"); /* of another pipeline: stays */
    ck_assert_uint_eq(special_count_uploads(), 2);
    special_open();
    testing_expect(fake, sink_table(fake)->remove(inst, "p/other"), HANGAR_OK, "remove");
    ck_assert_uint_eq(special_count_uploads(), 2); /* it may belong to a live run on another host */
    fake_host_close(fake);
    store_option("stale_after", "1s");
    sleep(3); /* the times of the store are in seconds */
    special_open();
    testing_expect(fake, sink_table(fake)->remove(inst, "p/other"), HANGAR_OK, "remove");
    ck_assert_uint_eq(special_count_uploads(), 1);
    ck_assert_ptr_nonnull(
        strstr(fake_host_log(fake), "info: removed the unfinished upload of a dead run"));
}
END_TEST

START_TEST(an_upload_in_progress_is_never_stale_for_its_own_instance)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    unsigned char *data = testing_data(DATA_RANDOM, 12 << 20);
    store_option("part_size", "5MiB");
    store_option("stale_after", "1s");
    special_open();
    struct hangar_put *handle = NULL;
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/object", 0, 0, &handle), HANGAR_OK);
    testing_expect(fake, sink_table(fake)->put_write(handle, data, 12 << 20), HANGAR_OK, "write");
    sleep(3);
    testing_expect(fake, sink_table(fake)->remove(inst, "p/other"), HANGAR_OK, "remove");
    testing_expect(fake, sink_table(fake)->put_commit(handle, &entry), HANGAR_OK, "commit");
    sink_must_have(fake, inst, "p/object", data, 12 << 20);
    free(data);
}
END_TEST

void special_add_parts(Suite *suite)
{
    TCase *tcase = tcase_create("parts");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, special_set_up, special_tear_down);
    tcase_add_test(tcase, an_object_around_the_size_of_parts_is_stored_whole);
    tcase_add_test(tcase, an_object_of_too_many_parts_is_stored_as_several_and_read_as_one);
    tcase_add_test(tcase, a_missing_piece_is_detected);
    tcase_add_test(tcase, an_aborted_put_leaves_neither_object_nor_upload);
    tcase_add_test(tcase, an_upload_of_a_cancelled_run_is_aborted);
    tcase_add_test(tcase, memory_of_parts_comes_from_the_budget_and_is_bounded);
    tcase_add_test(tcase, a_first_part_waits_for_memory_of_another_put);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("parts, slow");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, special_set_up, special_tear_down);
    tcase_add_test(tcase, the_unfinished_upload_of_a_killed_run_is_removed_when_it_is_stale);
    tcase_add_test(tcase, an_upload_in_progress_is_never_stale_for_its_own_instance);
    suite_add_tcase(suite, tcase);
}
