/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_s3_special: what this sink does beyond what every sink does, on a real server:
 * parts, pieces, stale uploads, locks, versions, what it finds out about a store.
 */
#include "store.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/str.h"
#include "fake_host.h"

#define PART ((size_t)5 << 20)

static struct fake_host *fake;
static void *inst;

static void set_up(void)
{
    store.set_up();
    fake = NULL;
}

static void tear_down(void)
{
    if (!fake) {
        return;
    }
    ck_assert_uint_eq(fake_host_budget_used(fake), 0);
    fake_host_close(fake);
}

static void open_store(void)
{
    fake = store_open(&inst);
}

static void must_say(enum hangar_rc got, enum hangar_rc expected, const char *text)
{
    testing_expect(fake, got, expected, text);
    ck_assert_msg(strstr(fake_host_error(fake), text) != NULL, "it says: %s",
                  fake_host_error(fake));
    fake_host_clear(fake);
}

/* Unfinished uploads in the bucket, below this test's prefix. */
static size_t count_uploads(void)
{
    char *all = store_ask("uploads %s", store_bucket()), number[32];
    size_t count = 0;
    /* the key is escaped; the last part of the prefix needs no escapes */
    snprintf(number, sizeof(number), "%s", strrchr(store_prefix(), '/') + 1);
    for (const char *at = all; (at = strstr(at, number)); at++) {
        count++;
    }
    free(all);
    return count;
}

static void must_read(uint64_t offset, const unsigned char *data, size_t size)
{
    struct hangar_get *get = NULL;
    size_t at = 0, got = 1;
    unsigned char *buffer = malloc(size + 100000);
    testing_expect(fake, sink_table(fake)->get_open(inst, "p/object", offset, &get), HANGAR_OK,
                   "get_open");
    while (got && at <= size) {
        testing_expect(fake, sink_table(fake)->get_read(get, buffer + at, 99999, &got), HANGAR_OK,
                       "get_read");
        at += got;
    }
    sink_table(fake)->get_close(get);
    REQUIRE(at == size && memcmp(buffer, data, size) == 0, "not what was stored");
    free(buffer);
}

static enum hangar_rc put(const void *data, size_t size, size_t step, uint32_t flags)
{
    return sink_store(fake, inst, "p/object", data, size, step, flags, NULL);
}

START_TEST(objects_of_about_a_part_are_whole)
{
    static const long about[] = {-1, 0, 1};
    store_option("part_size", "5MiB");
    open_store();
    for (size_t parts = 1; parts <= 3; parts += 2) {
        for (size_t i = 0; i < 3; i++) {
            size_t size = (size_t)((long)(PART * parts) + about[i]);
            unsigned char *data = testing_data(DATA_RANDOM, size);
            testing_expect(fake, put(data, size, 1 << 20, 0), HANGAR_OK, "store");
            sink_must_have(fake, inst, "p/object", data, size);
            free(data);
        }
    }
    ck_assert_uint_eq(count_uploads(), 0);
}
END_TEST

START_TEST(an_object_of_too_many_parts_becomes_several)
{
    size_t size = 4 * PART + 777, count;
    unsigned char *data = testing_data(DATA_RANDOM, size);
    struct hangar_entry stored = {.struct_size = sizeof(stored)};
    store_option("part_size", "5MiB");
    store_option("max_parts", "2");
    open_store();
    testing_expect(
        fake,
        sink_store(fake, inst, "p/object", data, size, 1 << 20, HANGAR_PUT_CREATE_ONLY, &stored),
        HANGAR_OK, "store");
    ck_assert_uint_eq(stored.size, size);
    sink_must_have(fake, inst, "p/object", data, size);
    char *names = sink_list(fake, inst, "p/", 0, &count);
    ck_assert_uint_eq(count, 3); /* the object and two more pieces */
    free(names);
    static const size_t offsets[] = {1,        2 * PART - 1,  2 * PART, 2 * PART + 1,
                                     4 * PART, 4 * PART + 776};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        must_read(offsets[i], data + offsets[i], size - offsets[i]);
    }
    must_read(size, data, 0);
    /* a second one is refused, and takes its own pieces away, not those of the first */
    testing_expect(fake, put(data, size, 1 << 20, HANGAR_PUT_CREATE_ONLY), HANGAR_EXISTS, "again");
    fake_host_clear(fake);
    free(sink_list(fake, inst, "p/", 0, &count));
    ck_assert_uint_eq(count, 3);
    must_read(0, data, size);
    ck_assert_uint_eq(count_uploads(), 0);
    free(data);
}
END_TEST

START_TEST(a_piece_that_is_gone_is_noticed)
{
    size_t size = 4 * PART + 777, count;
    unsigned char *data = testing_data(DATA_RANDOM, size);
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    store_option("part_size", "5MiB");
    store_option("max_parts", "2");
    open_store();
    testing_expect(fake, put(data, size, 1 << 20, 0), HANGAR_OK, "store");
    char *names = sink_list(fake, inst, "p/object.part-", 0, &count);
    *strchr(names, '\n') = '\0';
    testing_expect(fake, sink_table(fake)->remove(inst, names), HANGAR_OK, "remove");
    must_say(sink_table(fake)->stat(inst, "p/object", &entry), HANGAR_CORRUPT, "pieces is missing");
    free(names);
    free(data);
}
END_TEST

START_TEST(an_aborted_put_leaves_neither_object_nor_upload)
{
    struct hangar_put *handle = NULL;
    size_t count;
    unsigned char *data = testing_data(DATA_RANDOM, 1 << 20);
    store_option("part_size", "5MiB");
    store_option("max_parts", "2");
    open_store();
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/object", 0, 0, &handle), HANGAR_OK);
    for (size_t i = 0; i < 28; i++) {
        testing_expect(fake, sink_table(fake)->put_write(handle, data, 1 << 20), HANGAR_OK,
                       "write");
    }
    ck_assert_uint_ge(count_uploads(), 2);
    sink_table(fake)->put_abort(handle);
    ck_assert_uint_eq(count_uploads(), 0);
    free(sink_list(fake, inst, "", 0, &count));
    ck_assert_uint_eq(count, 0);
    free(data);
}
END_TEST

START_TEST(an_upload_of_a_cancelled_run_is_aborted)
{
    struct hangar_put *handle = NULL;
    unsigned char *data = testing_data(DATA_RANDOM, 12 << 20);
    store_option("part_size", "5MiB");
    open_store();
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/object", 0, 0, &handle), HANGAR_OK);
    testing_expect(fake, sink_table(fake)->put_write(handle, data, 12 << 20), HANGAR_OK, "write");
    fake_host_cancel(fake);
    ck_assert_int_eq(sink_table(fake)->put_write(handle, data, 12 << 20), HANGAR_CANCELLED);
    sink_table(fake)->put_abort(handle);
    ck_assert_uint_eq(count_uploads(), 0);
    free(data);
}
END_TEST

/* A process that is killed in the middle of an upload. */
static void leave_upload(const char *name)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {
        void *in;
        struct hangar_put *handle;
        struct fake_host *host = store_open(&in);
        char *data = calloc(1, 12 << 20);
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

START_TEST(what_a_killed_run_uploaded_is_removed_when_it_is_old)
{
    store_option("part_size", "5MiB");
    leave_upload("p/b/object");
    leave_upload("q/b/object"); /* of another pipeline: left alone */
    ck_assert_uint_eq(count_uploads(), 2);
    open_store();
    testing_expect(fake, sink_table(fake)->remove(inst, "p/other"), HANGAR_OK, "remove");
    ck_assert_uint_eq(count_uploads(), 2); /* it may be a run that lives elsewhere */
    fake_host_close(fake);
    store_option("stale_after", "1s");
    sleep(3); /* times of the store have seconds */
    open_store();
    testing_expect(fake, sink_table(fake)->remove(inst, "p/other"), HANGAR_OK, "remove");
    ck_assert_uint_eq(count_uploads(), 1);
    ck_assert_ptr_nonnull(
        strstr(fake_host_log(fake), "info: removed the unfinished upload of a dead run"));
}
END_TEST

START_TEST(an_upload_under_way_is_never_stale_for_who_sends_it)
{
    struct hangar_put *handle = NULL;
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    unsigned char *data = testing_data(DATA_RANDOM, 12 << 20);
    store_option("part_size", "5MiB");
    store_option("stale_after", "1s");
    open_store();
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/object", 0, 0, &handle), HANGAR_OK);
    testing_expect(fake, sink_table(fake)->put_write(handle, data, 12 << 20), HANGAR_OK, "write");
    sleep(3);
    testing_expect(fake, sink_table(fake)->remove(inst, "p/other"), HANGAR_OK, "remove");
    testing_expect(fake, sink_table(fake)->put_commit(handle, &entry), HANGAR_OK, "commit");
    sink_must_have(fake, inst, "p/object", data, 12 << 20);
    free(data);
}
END_TEST

START_TEST(many_are_removed_at_once)
{
    enum { MANY = 1100 };
    static char names[MANY][32];
    const char *list[MANY];
    enum hangar_rc results[MANY];
    size_t count;
    open_store();
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
    char *left = sink_list(fake, inst, "", 0, &count);
    ck_assert_str_eq(left, "p/other\n");
    free(left);
    list[1] = "a b";
    must_say(sink_table(fake)->remove_many(inst, list, MANY, results), HANGAR_CONFIG,
             "not allowed");
}
END_TEST

START_TEST(keys_of_others_are_not_seen)
{
    static const char *const foreign[] = {"a b",       "x//y",      "folder/",   "\xc3\xbc",
                                          "a&b<c>\"'", "new\nline", "%41",       "a+b",
                                          "..",        "p/../q",    "p/\x01\x7f"};
    size_t count;
    const char *file = testing_path(testing_dir(), "file");
    testing_write_file(file, "x", 1);
    open_store();
    sink_must_store(fake, inst, "p/object", "text");
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        const char *key = testing_path(testing_dir(), "key");
        testing_write_file(key, store_key(foreign[i]), strlen(store_key(foreign[i])));
        ck_assert_int_eq(store_client("put %s \"$(cat %s)\" %s", store_bucket(), key, file), 0);
    }
    char *names = sink_list(fake, inst, "", 0, &count);
    ck_assert_str_eq(names, "p/object\n");
    free(names);
    names = sink_list(fake, inst, "", '/', &count);
    ck_assert_str_eq(names, "folder/\np/\nx/\n"); /* folders that ours could be in */
    free(names);
}
END_TEST

START_TEST(memory_is_lent_and_bounded)
{
    struct hangar_put *handles[6] = {NULL};
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    unsigned char *data = testing_data(DATA_RANDOM, 1 << 20);
    store_option("part_size", "5MiB");
    open_store();
    fake_host_budget(fake, 48 << 20);
    uint32_t most = sink_table(fake)->max_open_puts(inst);
    ck_assert_uint_eq(most, 6); /* those that are sent, and two */
    ck_assert_uint_eq(fake_host_budget_used(fake), 6 * PART);
    for (size_t i = 0; i < most; i++) {
        ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/object", 0, 0, &handles[i]), 0);
    }
    /* all of them are filled at once, by one thread: nobody waits for another */
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
    open_store();
    fake_host_budget(fake, 4 << 20);
    ck_assert_uint_eq(sink_table(fake)->max_open_puts(inst), 1);
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/object", 6 << 20, 0, &handles[0]), 0);
    must_say(sink_table(fake)->put_write(handles[0], "x", 1), HANGAR_NO_MEMORY,
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

START_TEST(a_first_part_waits_for_another_put_to_end)
{
    struct hangar_put *first = NULL, *second = NULL;
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    open_store();
    fake_host_budget(fake, 9 << 20); /* for one part */
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

START_TEST(the_bandwidth_is_kept)
{
    struct timespec begin, end;
    unsigned char *data = testing_data(DATA_RANDOM, 3 << 20);
    store_option("bandwidth", "2MiB");
    open_store();
    clock_gettime(CLOCK_MONOTONIC, &begin);
    testing_expect(fake, put(data, 3 << 20, 1 << 20, 0), HANGAR_OK, "store");
    must_read(0, data, 3 << 20);
    clock_gettime(CLOCK_MONOTONIC, &end);
    /* 6 MiB in all, of which a little may go in advance */
    ck_assert_int_ge((end.tv_sec - begin.tv_sec) * 10 + (end.tv_nsec - begin.tv_nsec) / 100000000,
                     25);
    free(data);
}
END_TEST

START_TEST(a_probe_tells_what_the_store_can_do)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    open_store();
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
    ck_assert_uint_eq(count_uploads(), 0);
    fake_attrs_free(attrs);
}
END_TEST

START_TEST(a_probe_leaves_nothing_in_a_bucket_with_versions)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    store_client("make-bucket hangar-versions");
    ck_assert_int_eq(store_client("versioning hangar-versions"), 0);
    store_option("bucket", "hangar-versions");
    open_store();
    testing_expect(fake, sink_table(fake)->probe(inst, attrs), HANGAR_OK, "probe");
    ck_assert_ptr_nonnull(strstr(fake_attr(attrs, "versioning"), "a lifecycle rule can end them"));
    char *versions = store_ask("versions hangar-versions");
    ck_assert_str_eq(versions, "");
    free(versions);
    fake_attrs_free(attrs);
}
END_TEST

static char *header_of(const char *name, const char *header)
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
    open_store();
    sink_must_store(fake, inst, "p/object", "text");
    char *before = header_of("p/object", "x-amz-object-lock-retain-until-date");
    char *mode = header_of("p/object", "x-amz-object-lock-mode");
    ck_assert_str_eq(mode, "x-amz-object-lock-mode: GOVERNANCE");
    testing_expect(fake, sink_table(fake)->retain(inst, "p/object", now_ms + day_ms), HANGAR_OK,
                   "shorter");
    char *same = header_of("p/object", "x-amz-object-lock-retain-until-date");
    ck_assert_str_eq(before, same);
    testing_expect(fake, sink_table(fake)->retain(inst, "p/object", now_ms + 30 * day_ms),
                   HANGAR_OK, "longer");
    char *after = header_of("p/object", "x-amz-object-lock-retain-until-date");
    ck_assert_str_gt(after, before);
    must_say(sink_table(fake)->retain(inst, "p/nothing", now_ms), HANGAR_NOT_FOUND,
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
    open_store();
    sink_must_store(fake, inst, "p/object", "text");
    must_say(sink_table(fake)->retain(inst, "p/object", later_ms), HANGAR_UNSUPPORTED,
             "lock_mode is none");
    fake_host_close(fake);
    store_option("lock_mode", "compliance");
    open_store();
    must_say(sink_table(fake)->retain(inst, "p/object", later_ms), HANGAR_UNSUPPORTED,
             "cannot lock p/object");
    must_say(sink_table(fake)->probe(inst, attrs), HANGAR_CONFIG, "the bucket has no object lock");
    fake_attrs_free(attrs);
}
END_TEST

START_TEST(old_listings_work_as_well)
{
    size_t count;
    store_option("list_version", "1");
    open_store();
    for (size_t i = 0; i < 1010; i++) {
        char name[64];
        snprintf(name, sizeof(name), "p/%04zu/object=%zu", i, i);
        sink_must_store(fake, inst, name, "");
    }
    free(sink_list(fake, inst, "p/", '/', &count));
    ck_assert_uint_eq(count, 1010);
    free(sink_list(fake, inst, "", 0, &count));
    ck_assert_uint_eq(count, 1010);
}
END_TEST

START_TEST(what_was_set_is_sent_along)
{
    store_option("tags", "owner=data base + co");
    store_option("tags", "kind=backup");
    store_option("storage_class", "STANDARD");
    store_option("sign_payload", "no");
    open_store();
    unsigned char *data = testing_data(DATA_RANDOM, 9 << 20);
    testing_expect(fake, put(data, 9 << 20, 1 << 20, 0), HANGAR_OK, "store");
    sink_must_have(fake, inst, "p/object", data, 9 << 20);
    char *head = store_ask("head %s '%s'", store_bucket(), store_key("p/object"));
    ck_assert_ptr_nonnull(strstr(head, "x-amz-meta-hangar-put: "));
    free(head);
    /* of an upload in parts, this gateway forgets the tags */
    sink_must_store(fake, inst, "p/object", "text");
    char *tags = store_ask("tags %s '%s' | sort", store_bucket(), store_key("p/object"));
    ck_assert_str_eq(tags, "kind=backup\nowner=data base + co\n");
    free(tags);
    free(data);
}
END_TEST

/* A call that waits for a server that takes connections and never answers. */
static void *list_something(void *arg)
{
    enum hangar_rc *rc = arg;
    struct hangar_page *page = fake_page_new("", 0);
    *rc = sink_table(fake)->list(inst, page);
    fake_page_free(page);
    return NULL;
}

static void *read_something(void *arg)
{
    enum hangar_rc *rc = arg;
    struct hangar_get *get;
    *rc = sink_table(fake)->get_open(inst, "p/object", 0, &get);
    return NULL;
}

static void *store_something(void *arg)
{
    enum hangar_rc *rc = arg;
    *rc = put("text", 4, 4, 0);
    return NULL;
}

START_TEST(cancel_wakes_calls_that_wait)
{
    void *(*const calls[])(void *) = {list_something, read_something, store_something};
    enum hangar_rc results[3];
    pthread_t threads[3];
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    char endpoint[64];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", ntohs(address.sin_port));
    store_option("endpoint", endpoint);
    open_store();
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, calls[i], &results[i]), 0);
    }
    usleep(300000);
    fake_host_cancel(fake);
    for (size_t i = 0; i < 3; i++) { /* the timeout of a request is 60 s, that of this test too */
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(results[i], HANGAR_CANCELLED);
    }
    close(fd);
}
END_TEST

START_TEST(a_store_that_never_answered_is_given_up_soon_and_by_all)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    char endpoint[64];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* a port where nobody listens */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", ntohs(address.sin_port));
    store_option("endpoint", endpoint);
    store_option("retries", "100"); /* which would take the whole deadline of 15 minutes */
    open_store();
    must_say(sink_table(fake)->stat(inst, "p/object", &entry), HANGAR_IO,
             "hint: check the option endpoint");
    ck_assert_int_eq(sink_table(fake)->stat(inst, "p/object", &entry), HANGAR_IO);
    ck_assert_ptr_null(strstr(fake_host_error(fake), "attempts)"));
    close(fd);
}
END_TEST

static void must_refuse(const char *option, const char *value, const char *text)
{
    void *in;
    store.set_up(); /* forgets options */
    store_option(option, value);
    struct fake_host *host = fake_host_open("storage-s3");
    store.configure(host);
    ck_assert_int_eq(fake_host_create(host, &in), HANGAR_CONFIG);
    ck_assert_msg(strstr(fake_host_error(host), text) != NULL, "it says: %s",
                  fake_host_error(host));
    fake_host_close(host);
}

START_TEST(options_that_cannot_work_are_refused)
{
    must_refuse("endpoint", "s3.example.com/bucket", "is not a valid URL");
    must_refuse("endpoint", "ftp://s3.example.com", "https:// or http://");
    must_refuse("endpoint", "https://s3.example.com/bucket", "bucket and prefix have options");
    must_refuse("endpoint", "https://me:secret@s3.example.com", "must not contain a user");
    must_refuse("bucket", "a/b", "the option prefix");
    must_refuse("bucket", "", "must not be empty");
    must_refuse("region", "eu west", "is not a valid region");
    must_refuse("addressing", "virtual", "needs an endpoint with a host name");
    must_refuse("tags", "nonsense", "name=value");
    must_refuse("kms_key", "abc", "needs sse");
    must_refuse("lock_days", "3", "needs lock_mode");
    must_refuse("storage_class", "A\r\nx-amz-acl: public-read", "blank");
}
END_TEST

int main(void)
{
    if (store_client("make-bucket %s", store_bucket())) {
        return 1;
    }
    Suite *suite = suite_create("storage-s3");
    TCase *tcase = tcase_create("S3");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, objects_of_about_a_part_are_whole);
    tcase_add_test(tcase, an_object_of_too_many_parts_becomes_several);
    tcase_add_test(tcase, a_piece_that_is_gone_is_noticed);
    tcase_add_test(tcase, an_aborted_put_leaves_neither_object_nor_upload);
    tcase_add_test(tcase, an_upload_of_a_cancelled_run_is_aborted);
    tcase_add_test(tcase, many_are_removed_at_once);
    tcase_add_test(tcase, keys_of_others_are_not_seen);
    tcase_add_test(tcase, memory_is_lent_and_bounded);
    tcase_add_test(tcase, a_first_part_waits_for_another_put_to_end);
    tcase_add_test(tcase, a_probe_tells_what_the_store_can_do);
    tcase_add_test(tcase, a_probe_leaves_nothing_in_a_bucket_with_versions);
    tcase_add_test(tcase, locks_are_set_and_only_ever_extended);
    tcase_add_test(tcase, locks_need_a_bucket_that_has_them);
    tcase_add_test(tcase, old_listings_work_as_well);
    tcase_add_test(tcase, what_was_set_is_sent_along);
    tcase_add_test(tcase, cancel_wakes_calls_that_wait);
    tcase_add_test(tcase, options_that_cannot_work_are_refused);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("S3, at length");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_a_killed_run_uploaded_is_removed_when_it_is_old);
    tcase_add_test(tcase, an_upload_under_way_is_never_stale_for_who_sends_it);
    tcase_add_test(tcase, the_bandwidth_is_kept);
    tcase_add_test(tcase, a_store_that_never_answered_is_given_up_soon_and_by_all);
    suite_add_tcase(suite, tcase);
    return testing_main(suite);
}
