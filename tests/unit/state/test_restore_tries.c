/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_tries: the safety backups of failed restores are kept by the targets of the restore,
 * until one of these targets is restored, or for a week.
 */
#include "state/restore_tries.h"

#include "state_folder.h"

#define NOW INT64_C(1768528800000) /* 2026-01-16T02:00:00Z */
#define SHOP "database shop on db1"
#define AREA "database area on db1"

/* One or, unless b is NULL, two targets. */
static struct hg_try_targets tries_targets(const char *a, const char *b)
{
    struct hg_try_targets targets = {0};
    ck_assert(hg_try_targets_add(&targets, strdup(a)));
    if (b) {
        ck_assert(hg_try_targets_add(&targets, strdup(b)));
    }
    return targets;
}

/* Stores these tries of a restore into a and b: the ids are "1" to `count`. */
static void tries_store(const char *a, const char *b, int64_t now_ms, size_t count)
{
    struct hg_tries tries = {.count = count};
    struct hg_try_targets targets = tries_targets(a, b);
    for (size_t i = 0; i < count; i++) {
        snprintf(tries.items[i].id, sizeof(tries.items[i].id), "%zu", i + 1);
        snprintf(tries.items[i].sink, sizeof(tries.items[i].sink), "local");
    }
    ck_assert_int_eq(hg_tries_save(&state, "nightly", &targets, now_ms, &tries, NULL), HANGAR_OK);
    hg_try_targets_free(&targets);
}

static size_t tries_count(const char *a, const char *b, int64_t now_ms)
{
    struct hg_tries tries;
    struct hg_try_targets targets = tries_targets(a, b);
    hg_tries_load(&state, "nightly", &targets, now_ms, &tries);
    hg_try_targets_free(&targets);
    for (size_t i = 0; i < tries.count; i++) {
        char id[32];
        snprintf(id, sizeof(id), "%zu", i + 1);
        ck_assert_str_eq(tries.items[i].id, id);
        ck_assert_str_eq(tries.items[i].sink, "local");
    }
    return tries.count;
}

static void tries_forget(const char *a, const char *b)
{
    struct hg_try_targets targets = tries_targets(a, b);
    hg_tries_forget(&state, "nightly", &targets, NOW);
    hg_try_targets_free(&targets);
}

START_TEST(tries_are_those_of_exactly_these_targets)
{
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW), 0);
    tries_store(SHOP, NULL, NOW, 2);
    tries_store(SHOP, AREA, NOW, 3);
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW), 2);
    ck_assert_uint_eq(tries_count(SHOP, AREA, NOW), 3);
    ck_assert_uint_eq(tries_count(AREA, NULL, NOW), 0);
    ck_assert_uint_eq(tries_count(AREA, SHOP, NOW), 0);
}
END_TEST

START_TEST(a_save_replaces_the_tries_of_its_targets_alone)
{
    tries_store(SHOP, NULL, NOW, 2);
    tries_store(AREA, NULL, NOW, 1);
    tries_store(SHOP, NULL, NOW, HG_TRIES_MAX);
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW), HG_TRIES_MAX);
    ck_assert_uint_eq(tries_count(AREA, NULL, NOW), 1);
    tries_store(SHOP, NULL, NOW, 0);
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW), 0);
}
END_TEST

START_TEST(a_restore_of_one_target_forgets_all_tries_with_it)
{
    tries_store(SHOP, NULL, NOW, 1);
    tries_store(SHOP, AREA, NOW, 1);
    tries_store(AREA, NULL, NOW, 1);
    tries_forget(SHOP, NULL);
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW), 0);
    ck_assert_uint_eq(tries_count(SHOP, AREA, NOW), 0);
    ck_assert_uint_eq(tries_count(AREA, NULL, NOW), 1);
    tries_forget("database else on db1", AREA);
    ck_assert_uint_eq(tries_count(AREA, NULL, NOW), 0);
}
END_TEST

START_TEST(tries_end_after_a_week)
{
    tries_store(SHOP, NULL, NOW, 1);
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW + HG_TRIES_AGE_MS), 1);
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW + HG_TRIES_AGE_MS + 1), 0);
    /* those of the future are of a clock that was wrong */
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW - 1), 0);
    /* the next save removes them */
    tries_store(AREA, NULL, NOW + HG_TRIES_AGE_MS + 1, 1);
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW), 0);
}
END_TEST

START_TEST(a_damaged_file_has_no_tries)
{
    tries_store(SHOP, NULL, NOW, 1);
    folder_file("state/tries/nightly", "{\"restores\": [", 14, 0600);
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW), 0);
    tries_store(SHOP, NULL, NOW, 2);
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW), 2);
    folder_file("state/tries/nightly", "{\"restores\": [1, {\"targets\": 2}]}", 33, 0600);
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW), 0);
    tries_forget(SHOP, NULL);
}
END_TEST

START_TEST(a_save_that_fails_is_reported)
{
    const struct hg_tries tries = {.count = 0};
    struct hg_try_targets targets = tries_targets(SHOP, NULL);
    state_block();
    struct hg_error err = {0};
    ck_assert_int_ne(hg_tries_save(&state, "nightly", &targets, NOW, &tries, &err), HANGAR_OK);
    ck_assert_str_ne(err.text, "");
    hg_try_targets_free(&targets);
    ck_assert_uint_eq(tries_count(SHOP, NULL, NOW), 0);
    tries_forget(SHOP, NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        tries_are_those_of_exactly_these_targets,
        a_save_replaces_the_tries_of_its_targets_alone,
        a_restore_of_one_target_forgets_all_tries_with_it,
        tries_end_after_a_week,
        a_damaged_file_has_no_tries,
        a_save_that_fails_is_reported,
    };
    return SUITE_RUN("state/restore_tries", tests, state_setup, state_teardown);
}
