/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup_sizes: the size of a run, estimated from the last backup, for its progress.
 */
#include "state/backup_sizes.h"

#include "state_folder.h"

static const char *const names[] = {"db", "cache"};

/* Saves a backup whose sources have these bytes in two objects; 0 bytes: without that source. */
static void sizes_save(uint64_t db, uint64_t cache, bool partial)
{
    struct hg_manifest_object objects[2][2] = {
        {{.plain_bytes = db - db / 2}, {.plain_bytes = db / 2}},
        {{.plain_bytes = cache}, {.plain_bytes = 0}}};
    struct hg_manifest_source sources[2];
    struct hg_manifest m = {
        .pipeline = (char[]){"nightly"}, .partial = partial, .sources = sources};
    for (size_t i = 0; i < 2; i++) {
        if ((i == 0 ? db : cache) > 0) {
            sources[m.source_count++] = (struct hg_manifest_source){
                .name = (char *)(uintptr_t)names[i], .objects = objects[i], .count = 2};
        }
    }
    hg_sizes_save(&state, &m);
}

static void check_sizes(const char *pipeline, uint64_t db, uint64_t cache)
{
    uint64_t bytes[2] = {9, 9};
    hg_sizes_load(&state, pipeline, names, 2, bytes);
    ck_assert_uint_eq(bytes[0], db);
    ck_assert_uint_eq(bytes[1], cache);
}

START_TEST(before_the_first_backup_no_size_is_known)
{
    check_sizes("nightly", 0, 0);
}
END_TEST

START_TEST(the_sizes_are_those_of_the_last_backup)
{
    sizes_save(1001, 70, false);
    check_sizes("nightly", 1001, 70);
    check_sizes("weekly", 0, 0);
    sizes_save(30, 80, false);
    check_sizes("nightly", 30, 80);
    sizes_save(40, 0, false); /* the source has left the pipeline */
    check_sizes("nightly", 40, 0);
}
END_TEST

START_TEST(a_partial_backup_leaves_the_sizes_of_the_other_sources)
{
    sizes_save(1000, 70, false);
    sizes_save(0, 90, true);
    check_sizes("nightly", 1000, 90);
}
END_TEST

START_TEST(sizes_that_cannot_be_used_are_unknown)
{
    static const char *const texts[] = {"{", "[]", "{\"db\": -5, \"cache\": \"70\"}", ""};
    sizes_save(1000, 70, false);
    for (size_t i = 0; i < 4; i++) {
        folder_file("state/sizes/nightly", texts[i], strlen(texts[i]), 0600);
        check_sizes("nightly", 0, 0);
    }
}
END_TEST

START_TEST(sizes_that_cannot_be_saved_fail_nothing)
{
    state_block();
    sizes_save(1000, 70, false);
    check_sizes("nightly", 0, 0);
}
END_TEST

/* ---- the estimate ---- */

static struct hangar_progress_source running[2];

static void sizes_set(uint64_t db, bool db_done, uint64_t cache, bool cache_done)
{
    running[0] = (struct hangar_progress_source){.plain_bytes = db, .done = db_done};
    running[1] = (struct hangar_progress_source){.plain_bytes = cache, .done = cache_done};
}

START_TEST(a_size_that_is_not_known_makes_the_sum_unknown_until_its_source_has_ended)
{
    static const uint64_t none[2] = {0, 0}, one[2] = {100, 0};
    sizes_set(10, false, 5, false);
    ck_assert_uint_eq(hg_sizes_expect(none, running, 2), 0);
    ck_assert_uint_eq(hg_sizes_expect(one, running, 2), 0);
    ck_assert_uint_eq(running[0].expected_bytes, 100); /* each source has its own */
    ck_assert_uint_eq(running[1].expected_bytes, 0);
    sizes_set(10, false, 5, true);
    ck_assert_uint_eq(hg_sizes_expect(one, running, 2), 105);
    ck_assert_uint_eq(running[1].expected_bytes, 5);
    sizes_set(10, true, 5, true);
    ck_assert_uint_eq(hg_sizes_expect(none, running, 2), 15);
    ck_assert_uint_eq(hg_sizes_expect(none, running, 0), 0);
}
END_TEST

START_TEST(shrunk_and_grown_sources_correct_the_sum)
{
    static const uint64_t before[2] = {100, 50};
    sizes_set(0, false, 0, false);
    ck_assert_uint_eq(hg_sizes_expect(before, running, 2), 150);
    sizes_set(100, false, 50, false);
    ck_assert_uint_eq(hg_sizes_expect(before, running, 2), 150);
    sizes_set(30, true, 10, false); /* shrunk */
    ck_assert_uint_eq(hg_sizes_expect(before, running, 2), 80);
    ck_assert_uint_eq(running[0].expected_bytes, 30);
    sizes_set(180, false, 10, false); /* grown, and still running */
    ck_assert_uint_eq(hg_sizes_expect(before, running, 2), 230);
    ck_assert_uint_eq(running[0].expected_bytes, 100); /* exceeded: not printed */
    sizes_set(200, true, 60, true);
    ck_assert_uint_eq(hg_sizes_expect(before, running, 2), 260);
}
END_TEST

/* A source that grows by steps, beside one that ends early: the share never decreases, never
 * exceeds 1, and is 1 at the end. */
START_TEST(the_share_never_decreases)
{
    static const uint64_t before[2] = {100, 50};
    double last = 0;
    for (uint64_t step = 0; step <= 40; step++) {
        const uint64_t cache = step < 10 ? step : 10;
        sizes_set(step * 10, step == 40, cache, step >= 10);
        const uint64_t all = hg_sizes_expect(before, running, 2);
        const double share = (double)(step * 10 + cache) / (double)all;
        ck_assert_msg(share >= last && share <= 1, "step %d: %f after %f", (int)step, share, last);
        last = share;
    }
    ck_assert(last == 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        before_the_first_backup_no_size_is_known,
        the_sizes_are_those_of_the_last_backup,
        a_partial_backup_leaves_the_sizes_of_the_other_sources,
        sizes_that_cannot_be_used_are_unknown,
        sizes_that_cannot_be_saved_fail_nothing,
        a_size_that_is_not_known_makes_the_sum_unknown_until_its_source_has_ended,
        shrunk_and_grown_sources_correct_the_sum,
        the_share_never_decreases,
    };
    return SUITE_RUN("sizes", tests, state_setup, state_teardown);
}
