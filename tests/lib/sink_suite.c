/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sink_suite: the contract of a sink, tested.
 */
#include "sink_suite.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/str.h"
#include "fake_host.h"

#define THREADS 16
#define PUTS_PER_THREAD 4

static const struct sink_under_test *under_test;
static struct fake_host *fake;
static void *inst;

struct fake_host *sink_open(const struct sink_under_test *sink, void **out)
{
    struct fake_host *host = fake_host_open(sink->plugin);
    sink->configure(host);
    testing_expect(host, fake_host_create(host, out), HANGAR_OK, "create");
    return host;
}

const struct hangar_sink *sink_table(struct fake_host *host)
{
    return fake_host_plugin(host)->sink;
}

enum hangar_rc sink_store(struct fake_host *host, void *in, const struct sink_object *object,
                          struct hangar_entry *entry)
{
    struct hangar_put *put = NULL;
    struct hangar_entry own = {.struct_size = sizeof(own)};
    enum hangar_rc rc =
        sink_table(host)->put_open(in, object->name, object->size, object->flags, &put);
    if (rc != HANGAR_OK) {
        return rc;
    }
    for (size_t at = 0; at < object->size && rc == HANGAR_OK; at += object->step) {
        size_t left = object->size - at;
        rc = sink_table(host)->put_write(put, (const char *)object->data + at,
                                         object->step < left ? object->step : left);
    }
    if (rc != HANGAR_OK) {
        sink_table(host)->put_abort(put);
        return rc;
    }
    return sink_table(host)->put_commit(put, entry ? entry : &own);
}

void sink_must_store(struct fake_host *host, void *in, const char *name, const char *text)
{
    enum hangar_rc rc = sink_store(
        host, in, &(struct sink_object){name, text, strlen(text), SIZE_MAX / 2, 0}, NULL);
    testing_expect(host, rc, HANGAR_OK, name);
}

static bool is_listed(struct fake_host *host, void *in, const char *name, uint64_t *size)
{
    struct hangar_page *page = fake_page_new(name, 0);
    testing_expect(host, sink_table(host)->list(in, page), HANGAR_OK, "list");
    bool found = false;
    for (size_t i = 0; i < fake_page_count(page) && !found; i++) {
        found = strcmp(fake_page_name(page, i), name) == 0;
        *size = fake_page_size(page, i);
    }
    fake_page_free(page);
    return found;
}

/* What follows after `offset` in the object must be as `want`. */
static void must_read(struct fake_host *host, void *in, const struct sink_object *want,
                      uint64_t offset)
{
    size_t at = 0, got = 1;
    const char *name = want->name;
    unsigned char *buffer = malloc(want->size + want->step);
    REQUIRE(buffer, "out of memory");
    struct hangar_get *get = NULL;
    testing_expect(host, sink_table(host)->get_open(in, name, offset, &get), HANGAR_OK, name);
    while (got) {
        testing_expect(host, sink_table(host)->get_read(get, buffer + at, want->step, &got),
                       HANGAR_OK, name);
        REQUIRE(got <= want->step && at + got <= want->size, "%s: more comes back than was stored",
                name);
        at += got;
    }
    sink_table(host)->get_close(get);
    REQUIRE(at == want->size && (!want->size || memcmp(buffer, want->data, want->size) == 0),
            "%s: not what was stored", name);
    free(buffer);
}

void sink_must_have(struct fake_host *host, void *in, const char *name, const void *data,
                    size_t size)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    testing_expect(host, sink_table(host)->stat(in, name, &entry), HANGAR_OK, name);
    ck_assert_uint_eq(entry.size, size);
    uint64_t listed = 0;
    ck_assert_msg(is_listed(host, in, name, &listed), "%s is not listed", name);
    ck_assert_uint_eq(listed, size);
    must_read(host, in, &(struct sink_object){name, data, size, 65536, 0}, 0);
}

void sink_must_lack(struct fake_host *host, void *in, const char *name)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    fake_host_clear(host);
    testing_expect(host, sink_table(host)->stat(in, name, &entry), HANGAR_NOT_FOUND, name);
    fake_host_clear(host);
    struct hangar_get *get = NULL;
    testing_expect(host, sink_table(host)->get_open(in, name, 0, &get), HANGAR_NOT_FOUND, name);
    fake_host_clear(host);
    uint64_t size;
    ck_assert_msg(!is_listed(host, in, name, &size), "%s is listed", name);
}

char *sink_list(struct fake_host *host, void *in, const char *prefix, char delimiter, size_t *count)
{
    struct hg_str names = {0};
    struct hangar_page *page = fake_page_new(prefix, delimiter);
    *count = 0;
    do {
        fake_page_clear(page);
        testing_expect(host, sink_table(host)->list(in, page), HANGAR_OK, "list");
        for (size_t i = 0; i < fake_page_count(page); i++) {
            const struct hangar_entry *entry = fake_page_entry(page, i);
            size_t size = strlen(entry->name);
            bool prefixed = entry->flags & HANGAR_ENTRY_PREFIX;
            REQUIRE(prefixed == (entry->name[size - 1] == '/'), "%s: wrong flags", entry->name);
            hg_str_addf(&names, "%s\n", entry->name);
        }
        *count += fake_page_count(page);
    } while (*page->cursor);
    fake_page_free(page);
    return hg_str_take(&names);
}

/* ------------------------------------------------------------------------ */

static void sink_suite_set_up(void)
{
    under_test->set_up();
    fake = sink_open(under_test, &inst);
}

static void sink_suite_tear_down(void)
{
    ck_assert_uint_eq(fake_host_budget_used(fake), 0);
    fake_host_close(fake);
    if (under_test->tear_down) {
        under_test->tear_down();
    }
}

static void sink_suite_must_list(const char *prefix, char delimiter, const char *expected)
{
    size_t count;
    char *names = sink_list(fake, inst, prefix, delimiter, &count);
    ck_assert_str_eq(names, expected);
    free(names);
}

START_TEST(a_stored_object_is_read_back_unchanged)
{
    static const size_t sizes[] = {0, 1, 4096, 65537, 3000000, (size_t)20 << 20};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *data = testing_data(DATA_RANDOM, sizes[i]);
        struct hangar_entry stored = {.struct_size = sizeof(stored)}, seen = stored;
        testing_expect(
            fake,
            sink_store(fake, inst,
                       &(struct sink_object){"p/b/object.sql.gz", data, sizes[i], 100000, 0},
                       &stored),
            HANGAR_OK, "store");
        sink_must_have(fake, inst, "p/b/object.sql.gz", data, sizes[i]);
        ck_assert_int_eq(sink_table(fake)->stat(inst, "p/b/object.sql.gz", &seen), HANGAR_OK);
        ck_assert_uint_eq(stored.size, sizes[i]);
        ck_assert_str_eq(stored.etag, seen.etag);
        if (stored.time_ms) { /* 0: the store does not report it */
            ck_assert_int_eq(stored.time_ms, seen.time_ms);
        }
        free(data);
    }
}
END_TEST

START_TEST(reading_starts_at_the_offset)
{
    unsigned char *data = testing_data(DATA_RANDOM, 100000);
    testing_expect(
        fake, sink_store(fake, inst, &(struct sink_object){"object", data, 100000, 777, 0}, NULL),
        HANGAR_OK, "store");
    must_read(fake, inst, &(struct sink_object){"object", data, 100000, 1000, 0}, 0);
    must_read(fake, inst, &(struct sink_object){"object", data + 1, 99999, 1 << 20, 0}, 1);
    must_read(fake, inst, &(struct sink_object){"object", data + 99999, 1, 10, 0}, 99999);
    must_read(fake, inst, &(struct sink_object){"object", data, 0, 10, 0}, 100000);
    free(data);
}
END_TEST

/* Runs `check` in another process, with its own instance. */
static void sink_suite_elsewhere(void (*look)(struct fake_host *host, void *in))
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {
        void *in;
        struct fake_host *host = sink_open(under_test, &in);
        look(host, in);
        fake_host_close(host);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status), "another process sees it otherwise");
}

static void check_object_is_absent(struct fake_host *host, void *in)
{
    size_t count;
    sink_must_lack(host, in, "p/b/object");
    free(sink_list(host, in, "", 0, &count));
    ck_assert_uint_eq(count, 0);
    free(sink_list(host, in, "", '/', &count));
    ck_assert_uint_eq(count, 0);
    free(sink_list(host, in, "p/", '/', &count));
    ck_assert_uint_eq(count, 0);
}

static void check_object_is_present(struct fake_host *host, void *in)
{
    sink_must_have(host, in, "p/b/object", "content", 7);
}

START_TEST(nothing_is_visible_before_commit)
{
    struct hangar_put *put = NULL;
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/b/object", 7, 0, &put), HANGAR_OK);
    check_object_is_absent(fake, inst);
    ck_assert_int_eq(sink_table(fake)->put_write(put, "content", 7), HANGAR_OK);
    check_object_is_absent(fake, inst);
    sink_suite_elsewhere(check_object_is_absent);
    ck_assert_int_eq(sink_table(fake)->put_commit(put, &entry), HANGAR_OK);
    check_object_is_present(fake, inst);
    sink_suite_elsewhere(check_object_is_present);
}
END_TEST

START_TEST(abort_leaves_nothing)
{
    struct hangar_put *put = NULL;
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/b/object", 0, 0, &put), HANGAR_OK);
    ck_assert_int_eq(sink_table(fake)->put_write(put, "content", 7), HANGAR_OK);
    sink_table(fake)->put_abort(put);
    check_object_is_absent(fake, inst);
    sink_suite_elsewhere(check_object_is_absent);
}
END_TEST

START_TEST(commit_replaces_and_abort_does_not)
{
    struct hangar_entry first = {.struct_size = sizeof(first)}, second = first;
    ck_assert_int_eq(
        sink_store(fake, inst, &(struct sink_object){"object", "old", 3, 3, 0}, &first), HANGAR_OK);
    struct hangar_put *put = NULL;
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "object", 0, 0, &put), HANGAR_OK);
    ck_assert_int_eq(sink_table(fake)->put_write(put, "newer", 5), HANGAR_OK);
    sink_must_have(fake, inst, "object", "old", 3);
    sink_table(fake)->put_abort(put);
    sink_must_have(fake, inst, "object", "old", 3);
    ck_assert_int_eq(
        sink_store(fake, inst, &(struct sink_object){"object", "new", 3, 1, 0}, &second),
        HANGAR_OK);
    sink_must_have(fake, inst, "object", "new", 3);
    ck_assert_str_ne(first.etag, second.etag);
    sink_suite_must_list("", 0, "object\n");
}
END_TEST

START_TEST(create_only_does_not_replace_an_object)
{
    if (!under_test->create_only) {
        return;
    }
    enum hangar_rc rc = sink_store(
        fake, inst, &(struct sink_object){"p/object", "old", 3, 3, HANGAR_PUT_CREATE_ONLY}, NULL);
    testing_expect(fake, rc, HANGAR_OK, "create");
    rc = sink_store(fake, inst,
                    &(struct sink_object){"p/object", "newer", 5, 5, HANGAR_PUT_CREATE_ONLY}, NULL);
    testing_expect(fake, rc, HANGAR_EXISTS, "create again");
    fake_host_clear(fake);
    sink_must_have(fake, inst, "p/object", "old", 3);
    sink_suite_must_list("", 0, "p/object\n");
}
END_TEST

struct job {
    pthread_t thread;
    size_t number;
    enum hangar_rc rc;
    struct hangar_put *put[PUTS_PER_THREAD];
};

static void *create_same(void *arg)
{
    struct job *job = arg;
    char text[32];
    int size = snprintf(text, sizeof(text), "%zu", job->number);
    job->rc = sink_store(
        fake, inst, &(struct sink_object){"race", text, (size_t)size, 1, HANGAR_PUT_CREATE_ONLY},
        NULL);
    return NULL;
}

START_TEST(one_of_many_concurrent_creates_of_a_name_succeeds)
{
    struct job jobs[THREADS] = {{0}};
    size_t winners = 0;
    char text[32] = "";
    if (!under_test->create_only) {
        return;
    }
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i].number = i;
        ck_assert_int_eq(pthread_create(&jobs[i].thread, NULL, create_same, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(jobs[i].thread, NULL);
        if (!jobs[i].rc) {
            winners++;
            snprintf(text, sizeof(text), "%zu", i);
        } else {
            ck_assert_int_eq(jobs[i].rc, HANGAR_EXISTS);
        }
    }
    ck_assert_uint_eq(winners, 1);
    sink_must_have(fake, inst, "race", text, strlen(text));
}
END_TEST

static void object_name(char name[64], const struct job *job, size_t i)
{
    snprintf(name, 64, "p/b%zu/d%zu/object-%zu", job->number % 3, i, job->number);
}

static void *put_several(void *arg)
{
    struct job *job = arg;
    char name[64], text[64];
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    const struct hangar_sink *sink = sink_table(fake);
    for (size_t i = 0; i < PUTS_PER_THREAD; i++) {
        object_name(name, job, i);
        testing_expect(fake, sink->put_open(inst, name, 0, 0, &job->put[i]), HANGAR_OK, name);
    }
    for (size_t k = 0; k < 100; k++) {
        for (size_t i = 0; i < PUTS_PER_THREAD; i++) {
            int size = snprintf(text, sizeof(text), "%zu %zu %zu\n", job->number, i, k);
            testing_expect(fake, sink->put_write(job->put[i], text, (size_t)size), HANGAR_OK,
                           "put_write");
        }
    }
    for (size_t i = 0; i < PUTS_PER_THREAD; i++) {
        testing_expect(fake, sink->put_commit(job->put[i], &entry), HANGAR_OK, "put_commit");
    }
    return NULL;
}

START_TEST(concurrent_puts_do_not_mix_their_bytes)
{
    struct job jobs[THREADS] = {{0}};
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i].number = i;
        ck_assert_int_eq(pthread_create(&jobs[i].thread, NULL, put_several, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(jobs[i].thread, NULL);
    }
    for (size_t n = 0; n < THREADS * PUTS_PER_THREAD; n++) {
        const struct job *job = &jobs[n / PUTS_PER_THREAD];
        struct hg_str expected = {0};
        for (size_t k = 0; k < 100; k++) {
            hg_str_addf(&expected, "%zu %zu %zu\n", job->number, n % PUTS_PER_THREAD, k);
        }
        char name[64];
        object_name(name, job, n % PUTS_PER_THREAD);
        sink_must_have(fake, inst, name, expected.data, expected.len);
        hg_str_free(&expected);
    }
}
END_TEST

/* Puts and removes objects in the same folders, which are made and removed all the time. */
static void *come_and_go(void *arg)
{
    struct job *job = arg;
    char name[64];
    for (size_t i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "x/y/z/object-%zu", job->number);
        testing_expect(fake,
                       sink_store(fake, inst, &(struct sink_object){name, "text", 4, 4, 0}, NULL),
                       HANGAR_OK, name);
        testing_expect(fake, sink_table(fake)->remove(inst, name), HANGAR_OK, name);
    }
    return NULL;
}

START_TEST(puts_and_removes_of_neighbours_do_not_collide)
{
    struct job jobs[4] = {{0}};
    for (size_t i = 0; i < 4; i++) {
        jobs[i].number = i;
        ck_assert_int_eq(pthread_create(&jobs[i].thread, NULL, come_and_go, &jobs[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(jobs[i].thread, NULL);
    }
    sink_suite_must_list("", 0, "");
    sink_suite_must_list("", '/', "");
}
END_TEST

START_TEST(a_missing_object_is_not_found)
{
    sink_must_lack(fake, inst, "nothing");
    sink_must_lack(fake, inst, "no/such/object");
    sink_must_store(fake, inst, "p/object", "text");
    sink_must_lack(fake, inst, "p");
    sink_must_lack(fake, inst, "p/object/below");
    sink_must_lack(fake, inst, "p/objec");
    testing_expect(fake, sink_table(fake)->remove(inst, "no/such/object"), HANGAR_OK, "remove");
    testing_expect(fake, sink_table(fake)->remove(inst, "p"), HANGAR_OK, "remove");
    sink_must_have(fake, inst, "p/object", "text", 4);
}
END_TEST

START_TEST(remove_removes_one_object_only)
{
    sink_must_store(fake, inst, "p/a/one", "1");
    sink_must_store(fake, inst, "p/a/one.more", "2");
    sink_must_store(fake, inst, "p/one", "3");
    testing_expect(fake, sink_table(fake)->remove(inst, "p/a/one"), HANGAR_OK, "remove");
    sink_must_lack(fake, inst, "p/a/one");
    sink_suite_must_list("", 0, "p/a/one.more\np/one\n");
    testing_expect(fake, sink_table(fake)->remove(inst, "p/a/one.more"), HANGAR_OK, "remove");
    sink_suite_must_list("p/", '/', "p/one\n");
}
END_TEST

START_TEST(lists_are_in_byte_order_with_prefix_and_delimiter)
{
    static const char *const names[] = {"a/b",   "a-b", "a.b",   "a0",    "a/c/d",
                                        "a/c=d", "B",   "a/b.c", "ab/x/y"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        sink_must_store(fake, inst, names[i], names[i]);
    }
    sink_suite_must_list("", 0, "B\na-b\na.b\na/b\na/b.c\na/c/d\na/c=d\na0\nab/x/y\n");
    sink_suite_must_list("", '/', "B\na-b\na.b\na/\na0\nab/\n");
    sink_suite_must_list("a", 0, "a-b\na.b\na/b\na/b.c\na/c/d\na/c=d\na0\nab/x/y\n");
    sink_suite_must_list("a/", '/', "a/b\na/b.c\na/c/\na/c=d\n");
    sink_suite_must_list("a/c", '/', "a/c/\na/c=d\n");
    sink_suite_must_list("a/c/", '/', "a/c/d\n");
    sink_suite_must_list("a/b", 0, "a/b\na/b.c\n");
    sink_suite_must_list("ab/x/y", '/', "ab/x/y\n");
    sink_suite_must_list("ab/x/yz", 0, "");
    sink_suite_must_list("c", '/', "");
    sink_suite_must_list("a/b/", '/', "");
}
END_TEST

START_TEST(a_long_list_comes_in_pages)
{
    size_t many = under_test->many, count;
    struct hg_str all = {0}, folders = {0};
    for (size_t i = 0; i < many;
         i++) { /* unordered; each number once, as 7 does not divide `many` */
        char name[64];
        snprintf(name, sizeof(name), "p/%04zu/object", i * 7 % many);
        sink_must_store(fake, inst, name, "");
    }
    for (size_t i = 0; i < many; i++) {
        hg_str_addf(&all, "p/%04zu/object\n", i);
        hg_str_addf(&folders, "p/%04zu/\n", i);
    }
    sink_suite_must_list("", 0, all.data);
    sink_suite_must_list("p/", '/', folders.data);
    struct hangar_page *page = fake_page_new("p/", 0);
    testing_expect(fake, sink_table(fake)->list(inst, page), HANGAR_OK, "list");
    ck_assert_uint_le(fake_page_count(page), 1000);
    ck_assert_str_ne(page->cursor, "");
    fake_page_free(page);
    char *names = sink_list(fake, inst, "p/00", 0, &count);
    ck_assert_uint_eq(count, 100);
    free(names);
    hg_str_free(&all);
    hg_str_free(&folders);
}
END_TEST

START_TEST(names_that_leave_the_store_are_refused)
{
    static const char *const names[] = {"../x", "/etc/x", "a/../../x", "a//b",  "a/",
                                        "",     ".",      "..",        "a/./b", "a b",
                                        "a\nb", "a*",     "ä",         "a\\b",  "..\\..\\x"};
    struct hangar_put *put = NULL;
    struct hangar_get *get = NULL;
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    const struct hangar_sink *sink = sink_table(fake);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fake_host_clear(fake);
        testing_expect(fake, sink->put_open(inst, names[i], 0, 0, &put), HANGAR_CONFIG, names[i]);
        testing_expect(fake, sink->get_open(inst, names[i], 0, &get), HANGAR_CONFIG, names[i]);
        testing_expect(fake, sink->stat(inst, names[i], &entry), HANGAR_CONFIG, names[i]);
        testing_expect(fake, sink->remove(inst, names[i]), HANGAR_CONFIG, names[i]);
    }
    fake_host_clear(fake);
    sink_suite_must_list("", 0, "");
}
END_TEST

START_TEST(a_name_may_have_500_bytes)
{
    char name[502];
    memset(name, 'n', sizeof(name));
    for (size_t i = 100; i < 500; i += 100) {
        name[i] = '/';
    }
    name[500] = '\0';
    sink_must_store(fake, inst, name, "text");
    sink_must_have(fake, inst, name, "text", 4);
    name[500] = 'n';
    name[501] = '\0';
    struct hangar_put *put = NULL;
    ck_assert_int_eq(sink_table(fake)->put_open(inst, name, 0, 0, &put), HANGAR_CONFIG);
}
END_TEST

START_TEST(two_instances_share_a_store)
{
    void *other;
    struct fake_host *second = sink_open(under_test, &other);
    sink_must_store(fake, inst, "p/one", "1");
    sink_must_store(second, other, "p/two", "2");
    sink_must_have(second, other, "p/one", "1", 1);
    sink_must_have(fake, inst, "p/two", "2", 1);
    fake_host_close(second);
    sink_must_have(fake, inst, "p/two", "2", 1);
}
END_TEST

START_TEST(a_probe_leaves_nothing_and_reports_capabilities)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    sink_must_store(fake, inst, "p/object", "text");
    testing_expect(fake, sink_table(fake)->probe(inst, attrs), HANGAR_OK, "probe");
    ck_assert_str_eq(fake_attr(attrs, "create_only"), under_test->create_only ? "yes" : "no");
    sink_suite_must_list("", 0, "p/object\n");
    fake_attrs_free(attrs);
}
END_TEST

void sink_suite_add(Suite *suite, const char *title, const struct sink_under_test *which)
{
    under_test = which;
    TCase *tcase = tcase_create(title);
    tcase_set_timeout(tcase, 200); /* a slow disk takes that long to sync thousands */
    tcase_add_checked_fixture(tcase, sink_suite_set_up, sink_suite_tear_down);
    tcase_add_test(tcase, a_stored_object_is_read_back_unchanged);
    tcase_add_test(tcase, reading_starts_at_the_offset);
    tcase_add_test(tcase, nothing_is_visible_before_commit);
    tcase_add_test(tcase, abort_leaves_nothing);
    tcase_add_test(tcase, commit_replaces_and_abort_does_not);
    tcase_add_test(tcase, create_only_does_not_replace_an_object);
    tcase_add_test(tcase, one_of_many_concurrent_creates_of_a_name_succeeds);
    tcase_add_test(tcase, concurrent_puts_do_not_mix_their_bytes);
    tcase_add_test(tcase, puts_and_removes_of_neighbours_do_not_collide);
    tcase_add_test(tcase, a_missing_object_is_not_found);
    tcase_add_test(tcase, remove_removes_one_object_only);
    tcase_add_test(tcase, lists_are_in_byte_order_with_prefix_and_delimiter);
    tcase_add_test(tcase, a_long_list_comes_in_pages);
    tcase_add_test(tcase, names_that_leave_the_store_are_refused);
    tcase_add_test(tcase, a_name_may_have_500_bytes);
    tcase_add_test(tcase, two_instances_share_a_store);
    tcase_add_test(tcase, a_probe_leaves_nothing_and_reports_capabilities);
    suite_add_tcase(suite, tcase);
}
