/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_drill: the comparison of a restored target with the backup, for all encodings and any
 * difference; throw-away servers; inspect.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "rdb_build.h"
#include "rdb/digest.h"
#include "run_asserts.h"
#include "server.h"
#include "testing.h"

#define MANY ((size_t)1 << 20)

static const char *const no_arguments[] = {NULL};
static struct server source, target;
static struct run backup;

static void make_source_backup(void)
{
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    assert_ok(&backup);
}

static void set_up_drill(bool small)
{
    server_start(&source, no_arguments);
    server_start(&target, no_arguments);
    server_fill(&source, small);
    make_source_backup();
}

static void tear_down_drill(void)
{
    run_free(&backup);
    server_stop(&source);
    server_stop(&target);
}

/* The attributes of the backup that belong to these bytes. */
static const struct hangar_attrs *backup_attrs_of(const void *data)
{
    return data == backup.data ? backup.attrs : NULL;
}

/* Restores these bytes and compares.  The command `meanwhile` (may be NULL) runs on the target
 * between the two. */
static void restore_and_compare(struct run *run, const void *data, size_t size,
                                const char *meanwhile)
{
    struct hangar_object_info info = {
        .struct_size = sizeof(info), .name = "dump.rdb", .attrs = backup_attrs_of(data)};
    struct hangar_restore how = {.struct_size = sizeof(how),
                                 .flags = HANGAR_RESTORE_COMPARE,
                                 .facts = run->facts,
                                 .objects = &info,
                                 .object_count = 1,
                                 .plan = run->plan};
    const struct hangar_source *fn = fake_host_plugin(run->fake)->source;
    struct hangar_object *object = NULL;
    testing_expect(run->fake, fn->restore_prepare(run->inst, &how), HANGAR_OK, "prepare");
    testing_expect(run->fake, fn->restore_open(run->inst, &info, &object), HANGAR_OK, "open");
    for (size_t at = 0; at < size; at += 1009) {
        testing_expect(run->fake,
                       fn->restore_write(object, (const unsigned char *)data + at,
                                         size - at < 1009 ? size - at : 1009),
                       HANGAR_OK, "write");
    }
    testing_expect(run->fake, fn->restore_close(object, 1), HANGAR_OK, "close");
    if (meanwhile) {
        server_do(&target, meanwhile);
    }
    run->rc = fn->restore_phase_end(run->inst, 0);
    enum hangar_rc ended = fn->restore_end(run->inst, run->rc == HANGAR_OK ? run->report : NULL);
    run->rc = run->rc == HANGAR_OK ? ended : run->rc;
}

static uint64_t redis_drill_reported(struct run *run, const char *name)
{
    return strtoull(fake_attr(run->report, name), NULL, 10);
}

START_TEST(all_types_and_encodings_compare_as_equal)
{
    struct run run;
    set_up_drill(_i == 0);
    run_open(&run, (const char *[]){target.socket_option, NULL});
    restore_and_compare(&run, backup.data, backup.size, NULL);
    ck_assert_msg(run.rc == HANGAR_OK, "%s", run_error(&run));
    ck_assert_str_eq(server_digest(&source), server_digest(&target));
    uint64_t near = redis_drill_reported(&run, "uncompared_keys");
    ck_assert_uint_gt(redis_drill_reported(&run, "compared_keys"), 0);
    ck_assert_uint_eq(redis_drill_reported(&run, "compared_keys") + near,
                      redis_drill_reported(&run, "keys") + redis_drill_reported(&run, "expired"));
    ck_assert_uint_eq(redis_drill_reported(&run, "compared_values"),
                      redis_drill_reported(&run, "compared_keys"));
    ck_assert_str_eq(fake_attr(run.report, "compared_streams"), "whole");
    ck_assert_str_eq(fake_attr(run.report, "backup_digest"), "same");
    run_free(&run);
    tear_down_drill();
}
END_TEST

/* Zipmaps, ziplists, intsets, scores as text: the target stores them in other encodings. */
START_TEST(encodings_of_old_and_new_servers_compare_as_equal)
{
    static const unsigned versions[] = {6, 9};
    server_start(&source, no_arguments);
    server_start(&target, no_arguments);
    make_source_backup();
    struct rdb_build rdb;
    rdb_build_old_types(&rdb, versions[_i]);
    struct run run;
    run_open(&run, (const char *[]){target.socket_option, NULL});
    restore_and_compare(&run, rdb.data, rdb.size, NULL);
    ck_assert_msg(run.rc == HANGAR_OK, "%s", run_error(&run));
    ck_assert_uint_ge(redis_drill_reported(&run, "compared_values"), 10);
    ck_assert_str_eq(fake_attr(run.report, "uncompared_values"), "");
    ck_assert_str_eq(fake_attr(run.report, "backup_digest"), "unknown"); /* an old backup */
    run_free(&run);
    tear_down_drill();
}
END_TEST

static const char *const known[] = {
    "SET string value",
    "SET number 123456",
    "SET stays value PXAT 4102444800000",
    "RPUSH list a b c",
    "SADD numbers 1 2 3",
    "SADD words a b c",
    "HSET hash f v g w",
    "ZADD zset 1.5 a 2 b -3 c",
    "XADD stream 1-1 f v",
    "XGROUP CREATE stream group 0",
};

/* Each changes one thing; most of them do not change the number of keys or elements. */
static const char *const changes[] = {
    "SET string valuf",
    "SET number 123457",
    "DEL string",
    "SET another value",
    "RENAME string strinh",
    "MOVE string 3",
    "PEXPIREAT stays 4102444801000",
    "PERSIST stays",
    "PEXPIREAT string 4102444800000",
    "LSET list 1 x",
    "LMOVE list list LEFT RIGHT",
    "SMOVE numbers words 3",
    "SREM words a",
    "HSET hash f w g v",
    "ZADD zset 1.25 a",
    "ZINCRBY zset 1 b",
    "XADD stream 1-2 f v",
    "XGROUP SETID stream group 1-1",
    "FUNCTION FLUSH",
};

START_TEST(any_difference_is_detected)
{
    server_start(&source, no_arguments);
    server_start(&target, no_arguments);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        server_do(&source, known[i]);
    }
    freeReplyObject(redisCommand(source.link, "FUNCTION LOAD %s",
                                 "#!lua name=lib\nredis.register_function('f', function() end)"));
    make_source_backup();
    struct run run;
    run_open(&run, (const char *[]){target.socket_option, NULL});
    restore_and_compare(&run, backup.data, backup.size, changes[_i]);
    ck_assert_msg(run.rc == HANGAR_CORRUPT, "%s was not detected", changes[_i]);
    ck_assert_ptr_nonnull(strstr(run_error(&run), "backup"));
    run_free(&run);
    tear_down_drill();
}
END_TEST

/* The bytes of another valid backup, with the attributes of the first. */
START_TEST(a_backup_changed_after_it_was_made_is_detected)
{
    struct run run, forged;
    server_start(&source, no_arguments);
    server_start(&target, no_arguments);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        server_do(&source, known[i]);
    }
    freeReplyObject(redisCommand(source.link, "FUNCTION LOAD %s",
                                 "#!lua name=lib\nredis.register_function('f', function() end)"));
    make_source_backup();
    server_do(&source, changes[_i]);
    run_open(&forged, (const char *[]){source.socket_option, NULL});
    run_backup(&forged, MANY);
    run_open(&run, (const char *[]){target.socket_option, NULL});
    run_restore(&run, forged.data, forged.size, MANY, backup.attrs, HANGAR_RESTORE_COMPARE);
    ck_assert_msg(run.rc == HANGAR_CORRUPT, "%s was not detected", changes[_i]);
    ck_assert_ptr_nonnull(
        strstr(run_error(&run), "has changed since the backup was made: the digest digest."));
    run_free(&run);
    run_free(&forged);
    tear_down_drill();
}
END_TEST

START_TEST(the_digest_of_a_backup_does_not_depend_on_encodings)
{
    static const char *const names[] = {"digest.string", "digest.list",      "digest.set",
                                        "digest.hash",   "digest.zset",      "digest.stream",
                                        "digest",        "digest.functions", "digest.expiring"};
    set_up_drill(true);
    struct run first = backup;
    static const char *const settings[] = {"hash-max-listpack-entries", "set-max-intset-entries",
                                           "zset-max-listpack-entries"};
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        server_do(&source, "CONFIG SET %s 0", settings[i]);
    }
    server_do(&source, "CONFIG SET rdbcompression no");
    server_do(&source, "DEBUG RELOAD");
    make_source_backup();
    ck_assert_uint_ne(first.size, backup.size);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_str_ne(fake_attr(first.attrs, names[i]), "");
        ck_assert_msg(strcmp(fake_attr(first.attrs, names[i]), fake_attr(backup.attrs, names[i])) ==
                          0,
                      "%s", names[i]);
    }
    run_free(&first);
    tear_down_drill();
}
END_TEST

START_TEST(keys_that_may_have_expired_are_not_counted_as_compared)
{
    server_start(&source, no_arguments);
    server_start(&target, no_arguments);
    server_do(&source, "SET lasting x");
    server_do(&source, "SET near x EX 30");
    server_do(&source, "SET far x EX 1000000");
    make_source_backup();
    struct run run;
    run_open(&run, (const char *[]){target.socket_option, NULL});
    restore_and_compare(&run, backup.data, backup.size, "DEL near");
    ck_assert_msg(run.rc == HANGAR_OK, "%s", run_error(&run));
    ck_assert_uint_eq(redis_drill_reported(&run, "compared_keys"), 2);
    ck_assert_uint_eq(redis_drill_reported(&run, "uncompared_keys"), 1);
    run_free(&run);
    tear_down_drill();
}
END_TEST

START_TEST(a_target_with_other_data_cannot_be_compared)
{
    struct run run;
    set_up_drill(true);
    run_open(&run, (const char *[]){target.socket_option, "on_conflict=replace", NULL});
    run_restore(&run, backup.data, backup.size, MANY, backup.attrs, HANGAR_RESTORE_COMPARE);
    ck_assert_int_eq(run.rc, HANGAR_UNSUPPORTED);
    ck_assert_int_eq(server_keys(&target, 0), 0);
    run_free(&run);
    tear_down_drill();
}
END_TEST

START_TEST(inspect_reports_the_same_as_a_backup)
{
    struct hangar_attrs *facts = fake_attrs_new();
    set_up_drill(true);
    struct run run;
    run_open(&run, (const char *[]){source.socket_option, NULL});
    const struct hangar_source *fn = fake_host_plugin(run.fake)->source;
    testing_expect(run.fake, fn->inspect(run.inst, facts), HANGAR_OK, "inspect");
    static const char *const names[] = {"keys", "functions", "string", "hash", "zset", "stream"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_str_eq(fake_attr(facts, names[i]), fake_attr(backup.facts, names[i]));
    }
    ck_assert_str_ne(fake_attr(facts, "keys"), "");
    ck_assert_str_ne(fake_attr(facts, "digest.hash"), "");
    ck_assert_str_eq(fake_attr(facts, "digest.hash"), fake_attr(backup.attrs, "digest.hash"));
    ck_assert_str_eq(fake_attr(facts, "db0.keys"), fake_attr(backup.attrs, "db0.keys"));
    fake_attrs_free(facts);
    run_free(&run);
    tear_down_drill();
}
END_TEST

/* ---- throw-away servers ---- */

static const char *make_passable_dir(void)
{
    const char *dir = testing_dir();
    chmod(getenv("TMPDIR"), 0711);
    return dir;
}

START_TEST(a_throw_away_server_loads_the_backup_and_is_removed)
{
    struct run run, scratch;
    struct hangar_attrs *overrides = fake_attrs_new();
    set_up_drill(true);
    const char *dir = make_passable_dir();
    run_open(&scratch, (const char *[]){target.socket_option, "password=secret", NULL});
    const struct hangar_source *fn = fake_host_plugin(scratch.fake)->source;
    testing_expect(scratch.fake, fn->scratch_start(scratch.inst, dir, backup.facts, overrides),
                   HANGAR_OK, "scratch_start");
    struct stat st;
    ck_assert_int_eq(stat(testing_path(dir, "run"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    ck_assert(geteuid() != 0 || st.st_uid != 0);
    ck_assert_str_eq(fake_attr(overrides, "password"), "");
    char socket[300];
    snprintf(socket, sizeof(socket), "socket=%s", fake_attr(overrides, "socket"));
    run_open(&run, (const char *[]){socket, NULL});
    run_restore(&run, backup.data, backup.size, MANY, backup.attrs, HANGAR_RESTORE_COMPARE);
    assert_ok(&run);
    ck_assert_int_eq(server_keys(&target, 0), 0);
    run_free(&run);
    fn->scratch_stop(scratch.inst);
    fn->scratch_stop(scratch.inst);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG),
                     0); /* the two servers of this test, and no third */
    run_open(&run, (const char *[]){socket, NULL});
    ck_assert_int_ne(run_check(&run), HANGAR_OK);
    run_free(&run);
    fake_attrs_free(overrides);
    run_free(&scratch);
    tear_down_drill();
}
END_TEST

START_TEST(a_server_that_cannot_start_is_reported_and_leaves_nothing)
{
    struct hangar_attrs *facts = fake_attrs_new(), *overrides = fake_attrs_new();
    const char *dir = make_passable_dir(), *bin = testing_dir();
    char program[300];
    snprintf(program, sizeof(program), "%s/redis-server", bin);
    static const char script[] = "#!/bin/sh\necho 'no such luck'\nexit 1\n";
    testing_write_file(program, script, strlen(script));
    chmod(program, 0755);
    chmod(bin, 0755);
    setenv("PATH", bin, 1);
    struct run scratch;
    run_open(&scratch, (const char *[]){"socket=/nowhere", NULL});
    const struct hangar_source *fn = fake_host_plugin(scratch.fake)->source;
    ck_assert_int_eq(fn->scratch_start(scratch.inst, dir, facts, overrides), HANGAR_IO);
    ck_assert_msg(strstr(run_error(&scratch), "no such luck"), "%s", run_error(&scratch));
    fn->scratch_stop(scratch.inst);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    fake_attrs_free(facts);
    fake_attrs_free(overrides);
    run_free(&scratch);
}
END_TEST

START_TEST(a_backup_of_a_newer_server_is_refused)
{
    struct run scratch;
    struct hangar_attrs *facts = fake_attrs_new(), *overrides = fake_attrs_new();
    run_open(&scratch, (const char *[]){"socket=/nowhere", NULL});
    fake_host_table(scratch.fake)->attr_set(facts, "server_version", "99.1.0");
    const struct hangar_source *fn = fake_host_plugin(scratch.fake)->source;
    ck_assert_int_eq(fn->scratch_start(scratch.inst, make_passable_dir(), facts, overrides),
                     HANGAR_UNSUPPORTED);
    fn->scratch_stop(scratch.inst);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    fake_attrs_free(facts);
    fake_attrs_free(overrides);
    run_free(&scratch);
}
END_TEST

START_TEST(a_throw_away_server_ends_with_the_process_that_started_it)
{
    int channel[2];
    ck_assert_int_eq(pipe(channel), 0);
    const char *dir = make_passable_dir();
    pid_t starter = fork();
    if (starter == 0) {
        struct run scratch;
        struct hangar_attrs *facts = fake_attrs_new(), *overrides = fake_attrs_new();
        run_open(&scratch, (const char *[]){"socket=/nowhere", NULL});
        const struct hangar_source *fn = fake_host_plugin(scratch.fake)->source;
        char up = fn->scratch_start(scratch.inst, dir, facts, overrides) == HANGAR_OK;
        if (write(channel[1], &up, 1) == 1) {
            pause();
        }
        _exit(1);
    }
    char up = 0;
    ck_assert_int_eq(read(channel[0], &up, 1), 1);
    ck_assert_int_eq(up, 1);
    kill(starter, SIGKILL);
    waitpid(starter, NULL, 0);
    char socket[300];
    snprintf(socket, sizeof(socket), "socket=%s/redis.sock", dir);
    struct run run;
    for (int tries = 0;; tries++) {
        run_open(&run, (const char *[]){socket, NULL});
        bool there = run_check(&run) == HANGAR_OK;
        run_free(&run);
        if (!there) {
            break;
        }
        ck_assert_int_lt(tries, 1000);
        usleep(20000);
    }
}
END_TEST

/* ---- the digest itself ---- */

START_TEST(damaged_packs_are_detected)
{
    /* random bytes as ziplists, listpacks and so on, in pieces of any size */
    static const unsigned types[] = {9, 10, 11, 12, 13, 14, 16, 17, 18, 20};
    unsigned seed = (unsigned)_i;
    struct rdb_digest *digest = rdb_digest_new(0, true);
    for (unsigned round = 0; round < 5000; round++) {
        unsigned char bytes[64];
        struct rdb_key key = {.type = types[round % 10], .expire_ms = -1};
        size_t size = 1 + (size_t)rand_r(&seed) % sizeof(bytes);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (unsigned char)rand_r(&seed);
        }
        struct rdb_string string = {.encoding = RDB_TEXT_RAW, .head = 1, .stored = size};
        rdb_digest_key(digest, &key);
        rdb_digest_string(digest, &string);
        rdb_digest_body(digest, false, bytes, 1);
        for (size_t at = 0, n; at < size; at += n) {
            n = 1 + (size_t)rand_r(&seed) % (size - at);
            rdb_digest_body(digest, true, bytes + at, n);
        }
        rdb_digest_end(digest, false);
    }
    ck_assert_uint_gt(rdb_digest_sums(digest)->damaged, 4000);
    rdb_digest_free(digest);
}
END_TEST

START_TEST(a_key_that_is_skipped_after_an_empty_collection_is_not_digested)
{
    static const unsigned char text[] = "\1x";
    struct rdb_digest *digest = rdb_digest_new(0, true);
    struct rdb_key empty = {.type = 1, .expire_ms = -1};
    struct rdb_string string = {.encoding = RDB_TEXT_RAW, .head = 1, .stored = 1, .plain = 1};
    rdb_digest_key(digest, &empty);
    rdb_digest_end(digest, true);
    /* the events of a key that the digest does not receive */
    rdb_digest_string(digest, &string);
    rdb_digest_body(digest, false, text, 1);
    rdb_digest_body(digest, true, text + 1, 1);
    rdb_digest_end(digest, false);
    ck_assert_uint_eq(rdb_digest_sums(digest)->sums[RDB_CLASS_LIST][0].count, 0);
    rdb_digest_free(digest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_drill");
    TCase *compare = tcase_create("compare"), *scratch = tcase_create("scratch");
    tcase_set_timeout(compare, 120);
    tcase_set_timeout(scratch, 120);
    tcase_add_loop_test(compare, all_types_and_encodings_compare_as_equal, 0, 2);
    tcase_add_loop_test(compare, encodings_of_old_and_new_servers_compare_as_equal, 0, 2);
    tcase_add_loop_test(compare, any_difference_is_detected, 0,
                        sizeof(changes) / sizeof(changes[0]));
    tcase_add_loop_test(compare, a_backup_changed_after_it_was_made_is_detected, 0,
                        sizeof(changes) / sizeof(changes[0]));
    tcase_add_test(compare, the_digest_of_a_backup_does_not_depend_on_encodings);
    tcase_add_test(compare, keys_that_may_have_expired_are_not_counted_as_compared);
    tcase_add_test(compare, a_target_with_other_data_cannot_be_compared);
    tcase_add_test(compare, inspect_reports_the_same_as_a_backup);
    tcase_add_loop_test(compare, damaged_packs_are_detected, 0, 4);
    tcase_add_test(compare, a_key_that_is_skipped_after_an_empty_collection_is_not_digested);
    tcase_add_test(scratch, a_throw_away_server_loads_the_backup_and_is_removed);
    tcase_add_test(scratch, a_server_that_cannot_start_is_reported_and_leaves_nothing);
    tcase_add_test(scratch, a_backup_of_a_newer_server_is_refused);
    tcase_add_test(scratch, a_throw_away_server_ends_with_the_process_that_started_it);
    suite_add_tcase(suite, compare);
    suite_add_tcase(suite, scratch);
    return testing_main(suite);
}
