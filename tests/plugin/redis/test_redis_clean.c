/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_clean: --mode clean on real servers.  Afterwards the target has either the data of the
 * backup or exactly the data of before; it changes in one step; and no data of other clients is
 * flushed.  test_redis_clean_refused.c has the restores that are refused, tests/e2e/clean_redis.sh
 * those that are killed.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clean_case.h"
#include "rdb_build.h"
#include "testing.h"

#define MARKER "hangar:restore:unfinished"
#define DEAD_RUN "0123456789abcdef0123456789abcdef"

START_TEST(all_existing_data_is_replaced_by_the_backup)
{
    struct run run;
    set_up_clean(no_arguments);
    restore_clean(&run, _i == 0 ? 0 : HANGAR_RESTORE_COMPARE);
    assert_replaced(&run);
    ck_assert_str_eq(fake_attr(run.report, "keys"), fake_attr(backup.attrs, "keys"));
    ck_assert_str_eq(fake_attr(run.report, "functions"), "1");
    ck_assert_int_eq(server_keys(&target, 3), 0); /* the backup does not have it */
    ck_assert(_i == 0 || atoi(fake_attr(run.report, "compared_keys")) > 50);
    run_free(&run);
    restore_clean(&run, 0); /* the spare databases are free again */
    assert_replaced(&run);
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(expiries_equal_those_of_the_backup)
{
    struct run run;
    set_up_clean(no_arguments);
    restore_clean(&run, 0);
    assert_replaced(&run);
    for (int i = 0; i < 2; i++) {
        redisReply *ours = redisCommand(source.link, "PEXPIRETIME %s", i ? "near" : "expiring 3");
        redisReply *theirs = redisCommand(target.link, "PEXPIRETIME %s", i ? "near" : "expiring 3");
        ck_assert_int_gt(ours->integer, 0);
        ck_assert_int_eq(ours->integer, theirs->integer);
        freeReplyObject(ours);
        freeReplyObject(theirs);
    }
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(an_empty_backup_empties_the_server_and_its_functions)
{
    set_up_clean(no_arguments);
    run_free(&backup);
    server_do(&source, "FUNCTION FLUSH");
    if (_i == 0) {
        server_do(&source, "FLUSHALL");
    }
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    struct run run;
    restore_clean(&run, 0);
    assert_ok(&run);
    ck_assert_str_eq(server_digest(&source), server_digest(&target));
    ck_assert_int_eq(target_answer(), -1);
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(a_dry_run_prints_plan_and_clients_and_changes_nothing)
{
    set_up_clean(no_arguments);
    server_do(&target, "CLIENT SETNAME shop-worker");
    struct run run;
    restore_clean(&run, HANGAR_RESTORE_DRY_RUN);
    assert_ok(&run);
    assert_contains(fake_text(run.plan), "beside the data of redis");
    assert_contains(fake_text(run.plan), "into 4 of its empty databases");
    assert_contains(fake_text(run.plan), "deletes all 3 keys and 1 libraries of functions");
    assert_contains(fake_text(run.plan), "1 clients are connected and stay connected:");
    assert_contains(fake_text(run.plan), "\"shop-worker\" (database 0)");
    ck_assert_str_eq(server_digest(&target), before);
    ck_assert_int_eq(run.target_empty, 0);
    run_free(&run);
    server_do(&target, "FLUSHALL");
    restore_clean(&run, HANGAR_RESTORE_DRY_RUN);
    ck_assert_int_eq(run.target_empty, 0); /* it has functions */
    run_free(&run);
    server_do(&target, "FUNCTION FLUSH");
    restore_clean(&run, HANGAR_RESTORE_DRY_RUN);
    ck_assert_int_eq(run.target_empty, 1);
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(a_truncated_backup_does_not_change_the_target)
{
    struct run run;
    set_up_clean(no_arguments);
    size_t whole = backup.size;
    for (size_t i = 0; i <= 60; i++) {
        backup.size = i < 60 ? whole * i / 60 : whole - 1;
        restore_clean(&run, 0);
        assert_untouched(&run, HANGAR_CORRUPT, "");
        run_free(&run);
    }
    backup.size = whole;
    backup.data[whole - 20] ^= 1;
    restore_clean(&run, 0);
    ck_assert(!run.complete);
    ck_assert_str_eq(server_digest(&target), before);
    run_free(&run);
    tear_down_clean();
}
END_TEST

/* ---- cancelling ---- */

START_TEST(a_cancelled_restore_removes_the_loaded_keys)
{
    set_up_clean(no_arguments);
    struct hangar_object_info info = {
        .struct_size = sizeof(info), .name = "dump.rdb", .attrs = backup.attrs};
    struct run run;
    run_open(&run, (const char *[]){target.socket_option, NULL});
    struct hangar_restore how = {.struct_size = sizeof(how),
                                 .flags = HANGAR_RESTORE_CLEAN,
                                 .facts = run.facts,
                                 .objects = &info,
                                 .object_count = 1,
                                 .plan = run.plan};
    const struct hangar_source *fn = fake_host_plugin(run.fake)->source;
    struct hangar_object *object = NULL;
    testing_expect(run.fake, fn->restore_prepare(run.inst, &how), HANGAR_OK, "prepare");
    testing_expect(run.fake, fn->restore_open(run.inst, &info, &object), HANGAR_OK, "open");
    testing_expect(run.fake, fn->restore_write(object, backup.data, backup.size * 3 / 4), HANGAR_OK,
                   "write");
    ck_assert_str_ne(server_digest(&target), before); /* some keys were loaded */
    fake_host_cancel(run.fake);
    fn->restore_close(object, 0);
    fn->restore_end(run.inst, NULL);
    ck_assert_str_eq(server_digest(&target), before);
    run_free(&run);
    tear_down_clean();
}
END_TEST

/* ---- leftovers and other clients ---- */

START_TEST(only_leftovers_of_a_dead_restore_are_emptied)
{
    set_up_clean(no_arguments);
    server_do(&target, "SELECT 14");
    server_do(&target, "SET " MARKER " " DEAD_RUN);
    server_do(&target, "SET loaded-by-the-dead v");
    server_do(&target, "SELECT 13"); /* not an id of a run */
    server_do(&target, "SET " MARKER " something");
    server_do(&target, "SELECT 12");
    server_do(&target, "HSET " MARKER " f v");
    server_do(&target, "SELECT 0");
    note_target();
    struct run run;
    restore_clean(&run, HANGAR_RESTORE_DRY_RUN);
    ck_assert(run.complete);
    assert_contains(fake_text(run.plan), "empty 1 databases");
    ck_assert_str_eq(server_digest(&target), before);
    run_free(&run);
    size_t whole = backup.size;
    backup.size -= 5; /* it fails: the leftovers are removed, the data stays */
    restore_clean(&run, 0);
    ck_assert_int_eq(run.rc, HANGAR_CORRUPT);
    assert_contains(fake_host_log(run.fake), "emptied database 14");
    ck_assert_int_eq(server_keys(&target, 14), 0);
    ck_assert_int_eq(server_keys(&target, 13), 1);
    ck_assert_int_eq(server_keys(&target, 12), 1);
    ck_assert_int_eq(server_keys(&target, 0), 2);
    backup.size = whole;
    run_free(&run);
    restore_clean(&run, 0);
    assert_replaced(&run);
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(a_leftover_that_a_client_has_selected_is_not_emptied)
{
    set_up_clean(no_arguments);
    server_do(&target, "SELECT 14");
    server_do(&target, "SET " MARKER " " DEAD_RUN);
    size_t whole = backup.size;
    backup.size -= 5;
    struct run run;
    restore_clean(&run, 0);
    ck_assert_int_eq(run.rc, HANGAR_CORRUPT);
    assert_contains(fake_host_log(run.fake), "a client has selected it");
    ck_assert_int_eq(server_keys(&target, 14), 1);
    backup.size = whole;
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(a_second_restore_at_the_same_time_is_refused)
{
    set_up_clean(no_arguments);
    struct server other = target;
    other.link = redisConnectUnix(target.socket_option + 7);
    server_do(&other, "CLIENT SETNAME hangar-restore-" DEAD_RUN); /* its run is alive */
    server_do(&target, "SELECT 14");
    server_do(&target, "SET " MARKER " " DEAD_RUN);
    server_do(&target, "SELECT 0");
    note_target();
    struct run run;
    restore_clean(&run, 0);
    assert_untouched(&run, HANGAR_EXISTS, "another restore into redis");
    run_free(&run);
    redisFree(other.link);
    tear_down_clean();
}
END_TEST

/* Restores up to the end, runs `commands` on the target, and ends the restore. */
static void restore_with_commands(struct run *run, const char *const *commands)
{
    static struct hangar_object_info info;
    static struct hangar_restore how;
    info = (struct hangar_object_info){
        .struct_size = sizeof(info), .name = "dump.rdb", .attrs = backup.attrs};
    run_open(run, (const char *[]){target.socket_option, NULL});
    how = (struct hangar_restore){.struct_size = sizeof(how),
                                  .flags = HANGAR_RESTORE_CLEAN,
                                  .facts = run->facts,
                                  .objects = &info,
                                  .object_count = 1,
                                  .plan = run->plan};
    const struct hangar_source *fn = fake_host_plugin(run->fake)->source;
    struct hangar_object *object = NULL;
    testing_expect(run->fake, fn->restore_prepare(run->inst, &how), HANGAR_OK, "prepare");
    testing_expect(run->fake, fn->restore_open(run->inst, &info, &object), HANGAR_OK, "open");
    testing_expect(run->fake, fn->restore_write(object, backup.data, backup.size), HANGAR_OK,
                   "write");
    testing_expect(run->fake, fn->restore_close(object, 1), HANGAR_OK, "close");
    testing_expect(run->fake, fn->restore_phase_end(run->inst, 0), HANGAR_OK, "phase end");
    for (; *commands; commands++) {
        server_do(&target, *commands);
    }
    run->rc = fn->restore_end(run->inst, run->report);
    run->complete = run->rc == HANGAR_OK;
}

START_TEST(keys_of_another_client_in_a_spare_database_are_never_flushed)
{
    struct run run;
    set_up_clean(no_arguments);
    /* 14 is claimed first, because the backup has 15 */
    restore_with_commands(&run, (const char *[]){"SELECT 14", "SET theirs v", "SELECT 0", NULL});
    ck_assert_int_eq(run.rc, HANGAR_IO);
    assert_contains(run_error(&run), "another client writes to it");
    assert_contains(fake_host_log(run.fake), "it holds keys of another client");
    redisReply *reply = server_ask(&target, "SELECT 14");
    freeReplyObject(reply);
    reply = server_ask(&target, "GET theirs");
    ck_assert_str_eq(reply->str, "v");
    freeReplyObject(reply);
    reply = server_ask(&target, "GET " MARKER); /* it is not a leftover of hangar */
    ck_assert_int_eq(reply->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
    server_do(&target, "FLUSHDB");
    server_do(&target, "SELECT 0");
    ck_assert_str_eq(server_digest(&target), before); /* the other spare databases are empty */
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(a_spare_database_emptied_by_another_client_is_not_swapped_in)
{
    struct run run;
    set_up_clean(no_arguments);
    restore_with_commands(&run, (const char *[]){"SELECT 14", "FLUSHDB", "SELECT 0", NULL});
    assert_untouched(&run, HANGAR_IO, "of redis at socket");
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(an_idle_connection_closed_by_the_server_does_not_fail_the_restore)
{
    struct run run;
    set_up_clean(no_arguments);
    restore_with_commands(&run, (const char *[]){"CLIENT KILL TYPE normal SKIPME yes", NULL});
    assert_replaced(&run);
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(writes_during_the_load_are_deleted_with_the_old_data)
{
    struct run run;
    set_up_clean(no_arguments);
    restore_with_commands(
        &run, (const char *[]){"SET mine newer", "SELECT 7", "SET new db", "SELECT 0", NULL});
    assert_replaced(&run);
    run_free(&run);
    tear_down_clean();
}
END_TEST

/* ---- connected clients ---- */

START_TEST(connected_clients_continue_with_the_new_data)
{
    set_up_clean(no_arguments);
    struct server watcher = target, waiter = target;
    watcher.link = redisConnectUnix(target.socket_option + 7);
    waiter.link = redisConnectUnix(target.socket_option + 7);
    server_do(&watcher, "WATCH mine");
    server_do(&watcher, "MULTI");
    server_do(&watcher, "SET mine from-the-old");
    redisAppendCommand(waiter.link, "BLPOP queue 0");
    int done = 0;
    while (!done) {
        redisBufferWrite(waiter.link, &done);
    }
    run_free(&backup);
    server_do(&source, "RPUSH queue restored");
    server_do(&source, "RPUSH queue second");
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    struct run run;
    restore_clean(&run, 0);
    assert_ok(&run);
    redisReply *reply = server_ask(&watcher, "EXEC");
    ck_assert_int_eq(reply->type, REDIS_REPLY_NIL); /* it watched a key that was deleted */
    freeReplyObject(reply);
    void *popped = NULL;
    ck_assert_int_eq(redisGetReply(waiter.link, &popped), REDIS_OK);
    ck_assert_str_eq(((redisReply *)popped)->element[1]->str, "restored");
    freeReplyObject(popped);
    server_do(&source, "LPOP queue");
    ck_assert_str_eq(server_digest(&source), server_digest(&target));
    redisFree(watcher.link);
    redisFree(waiter.link);
    run_free(&run);
    tear_down_clean();
}
END_TEST

struct reader {
    struct server link;
    pthread_t thread;
    bool stop;
    long reads, mixed;
};

/* Reads two keys of different databases and a function in one step: all are old or all are new. */
static void *read_on(void *arg)
{
    struct reader *reader = arg;
    while (!__atomic_load_n(&reader->stop, __ATOMIC_RELAXED)) {
        redisReply *reply = redisCommand(
            reader->link.link, "EVAL %s 0",
            "redis.call('select', 0) local a = redis.call('get', 'state') redis.call('select', 3) "
            "local b = redis.call('get', 'state') redis.call('select', 0) return {a, b}");
        reader->reads++;
        reader->mixed += !reply->element[0]->str || !reply->element[1]->str ||
                         strcmp(reply->element[0]->str, reply->element[1]->str) != 0;
        freeReplyObject(reply);
    }
    return NULL;
}

START_TEST(a_reader_sees_either_the_old_or_the_new_data)
{
    struct reader reader = {.stop = false};
    set_up_clean(no_arguments);
    for (int db = 0; db <= 3; db += 3) {
        server_do(&target, "SELECT %d", db);
        server_do(&target, "SET state old");
        server_do(&source, "SELECT %d", db);
        server_do(&source, "SET state new");
    }
    server_do(&target, "SELECT 0");
    server_do(&source, "SELECT 0");
    run_free(&backup);
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    reader.link.link = redisConnectUnix(target.socket_option + 7);
    ck_assert_int_eq(pthread_create(&reader.thread, NULL, read_on, &reader), 0);
    for (int i = 0; i < 20; i++) {
        struct run run;
        restore_clean(&run, 0);
        assert_replaced(&run);
        run_free(&run);
        redisReply *reply = /* written in one step, as they are read */
            redisCommand(target.link, "EVAL %s 0",
                         "redis.call('select', 0) redis.call('set', 'state', 'old') "
                         "redis.call('select', 3) redis.call('set', 'state', 'old')");
        freeReplyObject(reply);
    }
    __atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
    pthread_join(reader.thread, NULL);
    ck_assert_int_gt(reader.reads, 20);
    ck_assert_int_eq(reader.mixed, 0);
    redisFree(reader.link.link);
    tear_down_clean();
}
END_TEST

/* ---- functions ---- */

START_TEST(refused_functions_fail_the_restore_without_a_change)
{
    static struct rdb_build rdb;
    set_up_clean(no_arguments);
    rdb_start(&rdb, 10);
    rdb_byte(&rdb, 245);
    rdb_string(&rdb, "#!lua name=good\nredis.register_function('f', function() return 1 end)");
    rdb_byte(&rdb, 245);
    rdb_string(&rdb, _i == 0 ? "#!lua name=bad\nthis is not Lua"
                             : "#!lua name=bad\nredis.register_function('f', function() end)");
    rdb_key(&rdb, 0, "key");
    rdb_string(&rdb, "value");
    rdb_finish(&rdb, 1);
    struct run run;
    run_open(&run, (const char *[]){target.socket_option, NULL});
    run_restore(&run, rdb.data, rdb.size, 7, NULL, HANGAR_RESTORE_CLEAN);
    assert_untouched(&run, HANGAR_IO, "refused the functions of the backup");
    redisReply *reply = server_ask(&target, "FUNCTION LIST");
    ck_assert_uint_eq(reply->elements, 1);
    freeReplyObject(reply);
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(several_function_libraries_are_replaced_in_one_step)
{
    static struct rdb_build rdb;
    set_up_clean(no_arguments);
    rdb_start(&rdb, 10);
    for (int i = 0; i < 3; i++) {
        char code[100];
        snprintf(code, sizeof(code),
                 "#!lua name=lib%d\nredis.register_function('f%d', function() return %d end)", i, i,
                 i);
        rdb_byte(&rdb, 245);
        rdb_string(&rdb, code);
    }
    rdb_finish(&rdb, 1);
    struct run run;
    run_open(&run, (const char *[]){target.socket_option, NULL});
    run_restore(&run, rdb.data, rdb.size, 7, NULL, HANGAR_RESTORE_CLEAN);
    assert_ok(&run);
    redisReply *reply = server_ask(&target, "FUNCTION LIST");
    ck_assert_uint_eq(reply->elements, 3);
    freeReplyObject(reply);
    ck_assert_int_eq(target_answer(), -1);
    run_free(&run);
    tear_down_clean();
}
END_TEST

/* ---- backups made during a restore, and files ---- */

START_TEST(a_marker_in_the_backup_is_not_restored)
{
    set_up_clean(no_arguments);
    server_do(&source, "SELECT 9");
    server_do(&source, "SET " MARKER " " DEAD_RUN);
    server_do(&source, "SET loaded v");
    server_do(&source, "SELECT 0");
    run_free(&backup);
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    struct run run;
    restore_clean(&run, HANGAR_RESTORE_COMPARE);
    assert_ok(&run);
    assert_contains(fake_host_log(run.fake), "a restore was running when the backup was made");
    ck_assert_int_eq(server_keys(&target, 9), 1);
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(a_file_is_replaced_in_one_step_and_the_old_one_stays)
{
    char dir[200], option[300];
    set_up_clean(no_arguments);
    snprintf(dir, sizeof(dir), "%s", testing_dir());
    snprintf(option, sizeof(option), "data_dir=%s", dir);
    const char *const settings[] = {"host=127.0.0.1", "port=1", "method=file", option, NULL};
    testing_write_file(testing_path(dir, "dump.rdb"), "old", 3);
    size_t whole = backup.size, size;
    backup.size -= 3;
    struct run run;
    restore_clean_with(&run, settings, 0);
    ck_assert_int_eq(run.rc, HANGAR_CORRUPT);
    ck_assert_int_eq(testing_shell("test $(ls -A %s) = dump.rdb", dir), 0);
    run_free(&run);
    backup.size = whole;
    restore_clean_with(&run, settings, 0);
    assert_ok(&run);
    ck_assert_int_eq(run.target_empty, 1); /* the old file stays */
    unsigned char *data = testing_read_file(testing_path(dir, "dump.rdb"), &size);
    ck_assert(size == whole && memcmp(data, backup.data, size) == 0);
    free(data);
    data = testing_read_file(fake_attr(run.report, "old_file"), &size);
    ck_assert(size == 3 && memcmp(data, "old", 3) == 0);
    free(data);
    ck_assert_int_eq(testing_shell("test $(ls -A %s | wc -l) = 2", dir), 0);
    run_free(&run);
    tear_down_clean();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis clean");
    TCase *cases = tcase_create("clean");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, all_existing_data_is_replaced_by_the_backup, 0, 2);
    tcase_add_test(cases, expiries_equal_those_of_the_backup);
    tcase_add_loop_test(cases, an_empty_backup_empties_the_server_and_its_functions, 0, 2);
    tcase_add_test(cases, a_dry_run_prints_plan_and_clients_and_changes_nothing);
    tcase_add_test(cases, a_truncated_backup_does_not_change_the_target);
    tcase_add_test(cases, a_cancelled_restore_removes_the_loaded_keys);
    tcase_add_test(cases, only_leftovers_of_a_dead_restore_are_emptied);
    tcase_add_test(cases, a_leftover_that_a_client_has_selected_is_not_emptied);
    tcase_add_test(cases, a_second_restore_at_the_same_time_is_refused);
    tcase_add_test(cases, keys_of_another_client_in_a_spare_database_are_never_flushed);
    tcase_add_test(cases, a_spare_database_emptied_by_another_client_is_not_swapped_in);
    tcase_add_test(cases, an_idle_connection_closed_by_the_server_does_not_fail_the_restore);
    tcase_add_test(cases, writes_during_the_load_are_deleted_with_the_old_data);
    tcase_add_test(cases, connected_clients_continue_with_the_new_data);
    tcase_add_test(cases, a_reader_sees_either_the_old_or_the_new_data);
    tcase_add_loop_test(cases, refused_functions_fail_the_restore_without_a_change, 0, 2);
    tcase_add_test(cases, several_function_libraries_are_replaced_in_one_step);
    tcase_add_test(cases, a_marker_in_the_backup_is_not_restored);
    tcase_add_test(cases, a_file_is_replaced_in_one_step_and_the_old_one_stays);
    suite_add_tcase(suite, cases);
    return testing_main(suite);
}
