/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_clean_refused: what --mode clean checks before it loads anything: options, kind of
 * server, spare databases, rights, memory.
 */
#include <string.h>
#include "clean_case.h"
#include "testing.h"

/* ---- refused before the load ---- */

START_TEST(impossible_restores_are_refused_before_the_load)
{
    static const struct {
        const char *command, *setting;
        enum hangar_rc rc;
        const char *text;
    } cases[] = {
        {"PING", "on_conflict=flush", HANGAR_CONFIG, "cannot use --mode clean with on_conflict"},
        {"PING", "on_conflict=replace", HANGAR_CONFIG, "use only one of the two"},
        {"CONFIG SET maxmemory 2mb", "on_conflict=fail", HANGAR_NO_SPACE, "its maxmemory is 2.0"},
        {"REPLICAOF 127.0.0.1 1", "on_conflict=fail", HANGAR_UNSUPPORTED, "it is a replica"},
    };
    set_up_clean(no_arguments);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run run;
        server_do(&target, cases[i].command);
        restore_clean_with(&run, (const char *[]){target.socket_option, cases[i].setting, NULL}, 0);
        server_do(&target, "CONFIG SET maxmemory 0");
        server_do(&target, "REPLICAOF NO ONE");
        assert_untouched(&run, cases[i].rc, cases[i].text);
        run_free(&run);
    }
    server_stop(&target);
    server_start(&target, (const char *[]){"--cluster-enabled", "yes", NULL});
    struct run run;
    restore_clean(&run, 0);
    ck_assert_int_eq(run.rc, HANGAR_UNSUPPORTED);
    assert_contains(run_error(&run), "a node of a cluster");
    run_free(&run);
    tear_down_clean();
}
END_TEST

/* The backup has 4 databases. */
START_TEST(too_few_spare_databases_are_refused)
{
    set_up_clean((const char *[]){"--databases", "20", NULL});
    server_do(&target, "CLIENT SETNAME busy");
    for (int db = 6; db < 15; db++) {
        server_do(&target, "SELECT %d", db);
        server_do(&target, "SET in-use %d", db);
    }
    note_target(); /* 2, 4 and 16 to 19 are empty; this client has selected one of them */
    server_do(&target, "SELECT 16");
    struct run run;
    restore_clean(&run, 0);
    server_do(&target, "SELECT 0");
    assert_replaced(&run); /* it can use 2, 4, 17, 18 and 19 */
    run_free(&run);
    for (int db = 1; db < 18; db++) {
        server_do(&target, "SELECT %d", db);
        server_do(&target, "SET in-use %d", db);
    }
    server_do(&target, "SELECT 19");
    redisReply *reply = redisCommand(target.link, "FUNCTION LOAD REPLACE %s",
                                     "#!lua name=mylib\nredis.register_function('answer', "
                                     "function() return 7 end)");
    freeReplyObject(reply);
    note_target();
    restore_clean(&run, 0);
    assert_untouched(&run, HANGAR_CONFIG, "only 1 of its 20 databases are empty");
    assert_contains(run_error(&run), "raise the option databases");
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(a_server_with_one_database_is_refused)
{
    set_up_clean(no_arguments);
    run_free(&backup);
    server_do(&source, "FLUSHALL");
    server_do(&source, "SET a b");
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    server_stop(&target);
    server_start(&target, (const char *[]){"--databases", "1", NULL});
    server_do(&target, "SET mine target");
    note_target();
    struct run run;
    restore_clean(&run, 0);
    ck_assert_int_eq(run.rc, HANGAR_CONFIG);
    assert_contains(run_error(&run), "only 0 of its 1 databases are empty");
    ck_assert_str_eq(server_digest(&target), before);
    run_free(&run);
    tear_down_clean();
}
END_TEST

/* ---- rights ---- */

static const char rights[] = "+restore +set +get +del +dbsize +select +info +ping +multi +exec "
                             "+discard +watch +unwatch +swapdb +flushdb +client|setname "
                             "+client|list +function|dump +function|restore +function|flush "
                             "+script|load";

START_TEST(the_documented_rights_suffice_and_missing_ones_are_named)
{
    static const struct {
        const char *without, *text;
    } cases[] = {
        {"-swapdb", "+swapdb (NOPERM"},
        {"-flushdb", "+flushdb (NOPERM"},
        {"-dbsize -del", "+del +dbsize (NOPERM"},
        {"-function|dump -function|flush", "+function|dump +function|flush (NOPERM"},
        {"-restore -function|restore", "+restore +function|restore (NOPERM"},
        {"resetkeys ~app:*", "refused WATCH: NOPERM"},
        {"-client|list", "refused CLIENT LIST: NOPERM"},
        {"-client|setname", "refused CLIENT: NOPERM"},
        {"-watch", "refused WATCH: NOPERM"},
        {"-multi", "refused MULTI: NOPERM"},
    };
    struct run run;
    set_up_clean(no_arguments);
    const char *const settings[] = {target.socket_option, "username=restore", "password=pw", NULL};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        server_do(&target, "ACL SETUSER restore reset on >pw -@all ~* %s %s", rights,
                  cases[i].without);
        restore_clean_with(&run, settings, HANGAR_RESTORE_DRY_RUN);
        assert_untouched(&run, HANGAR_AUTH, cases[i].text);
        run_free(&run);
    }
    server_do(&target, "ACL SETUSER restore reset on >pw -@all ~* %s", rights);
    restore_clean_with(&run, settings, HANGAR_RESTORE_COMPARE | HANGAR_RESTORE_DRY_RUN);
    assert_ok(&run); /* ACL DRYRUN is not allowed, so it is tried */
    run_free(&run);
    server_do(&target, "ACL SETUSER restore +acl|whoami +acl|dryrun");
    restore_clean_with(&run, settings, HANGAR_RESTORE_COMPARE | HANGAR_RESTORE_DRY_RUN);
    assert_untouched(&run, HANGAR_AUTH, "would refuse PSYNC");
    run_free(&run);
    restore_clean_with(&run, settings, 0);
    assert_replaced(&run);
    run_free(&run);
    tear_down_clean();
}
END_TEST

START_TEST(a_renamed_command_is_reported_before_the_load)
{
    struct run run;
    set_up_clean((const char *[]){"--rename-command", "SWAPDB", "", NULL});
    restore_clean(&run, HANGAR_RESTORE_DRY_RUN);
    assert_untouched(&run, HANGAR_UNSUPPORTED, "lacks the rights +swapdb (ERR unknown command");
    run_free(&run);
    tear_down_clean();
}
END_TEST

/* ---- memory ---- */

START_TEST(a_restore_stops_before_it_exhausts_the_memory)
{
    static const char *const policies[] = {"noeviction", "allkeys-lru"};
    server_start(&source, (const char *[]){"--rdbcompression", "no", NULL});
    server_start(&target, (const char *[]){"--maxmemory-policy", policies[_i], NULL});
    redisReply *reply =
        redisCommand(source.link, "EVAL %s 0",
                     "for i = 1, 30000 do redis.call('set', 'k' .. i, string.rep('x', 1000)) end");
    freeReplyObject(reply);
    reply = redisCommand(target.link, "EVAL %s 0",
                         "for i = 1, 5000 do redis.call('set', 'k' .. i, string.rep('y', 1000)) "
                         "end redis.call('hset', 'h', 1, 2)");
    freeReplyObject(reply);
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    server_do(&target, "CONFIG SET maxmemory 30mb");
    note_target();
    struct run run;
    restore_clean(&run, 0);
    ck_assert_int_eq(run.rc, HANGAR_NO_SPACE);
    assert_contains(run_error(&run), "cannot load the backup beside the data");
    assert_contains(run_error(&run), "its maxmemory is 30.0 MiB");
    run_free(&run);
    /* a backup that does not record its memory */
    run_open(&run, (const char *[]){target.socket_option, NULL});
    run_restore(&run, backup.data, backup.size, 20000, NULL, HANGAR_RESTORE_CLEAN);
    ck_assert_int_eq(run.rc, HANGAR_NO_SPACE);
    assert_contains(run_error(&run), "to protect the data in use");
    ck_assert_str_eq(server_digest(&target), before);
    server_do(&target, "SET still writable");
    run_free(&run);
    tear_down_clean();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis clean refused");
    TCase *cases = tcase_create("clean");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, impossible_restores_are_refused_before_the_load);
    tcase_add_test(cases, too_few_spare_databases_are_refused);
    tcase_add_test(cases, a_server_with_one_database_is_refused);
    tcase_add_test(cases, the_documented_rights_suffice_and_missing_ones_are_named);
    tcase_add_test(cases, a_renamed_command_is_reported_before_the_load);
    tcase_add_loop_test(cases, a_restore_stops_before_it_exhausts_the_memory, 0, 2);
    suite_add_tcase(suite, cases);
    return testing_main(suite);
}
