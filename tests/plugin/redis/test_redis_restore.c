/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_restore: restores into real servers: existing data, refusals, and types that only
 * other versions write.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "rdb_build.h"
#include "restore_case.h"
#include "testing.h"

static void put_data_into_target(void)
{
    server_do(&target, "SET mine target");
    server_do(&target, "RPUSH list target");
    server_do(&target, "SET only-in-target target");
}

START_TEST(a_target_with_data_is_refused_and_not_changed)
{
    set_up_restore(three_keys);
    put_data_into_target();
    char digest[64];
    strcpy(digest, server_digest(&target));
    struct run run;
    restore_backup(&run, "on_conflict=fail", 0);
    assert_fails(&run, HANGAR_EXISTS, "it is not empty (3 keys, 0 libraries");
    ck_assert_ptr_nonnull(strstr(run_error(&run), ".on_conflict=replace"));
    ck_assert_str_eq(server_digest(&target), digest);
    run_free(&run);
    server_do(&target, "FLUSHALL");
    server_do(&target, "SELECT 7");
    server_do(&target, "SET a b");
    server_do(&target, "SELECT 0");
    restore_backup(&run, "on_conflict=fail", 0);
    assert_fails(&run, HANGAR_EXISTS, "it is not empty (1 keys");
    run_free(&run);
    tear_down_restore();
}
END_TEST

START_TEST(replace_overwrites_the_same_names_and_keeps_the_others)
{
    set_up_restore(three_keys);
    put_data_into_target();
    struct run run;
    restore_backup(&run, "on_conflict=replace", 0);
    assert_ok(&run);
    ck_assert_str_eq(fake_attr(run.report, "keys"), "3");
    assert_value(&target, "GET mine", "backup");
    assert_value(&target, "LINDEX list 0", "backup");
    assert_value(&target, "GET only-in-target", "target");
    assert_value(&target, "GET only-in-backup", "backup");
    run_free(&run);
    tear_down_restore();
}
END_TEST

START_TEST(skip_existing_keeps_and_counts_existing_keys)
{
    set_up_restore(three_keys);
    put_data_into_target();
    struct run run;
    restore_backup(&run, "on_conflict=skip_existing", 0);
    assert_ok(&run);
    ck_assert_str_eq(fake_attr(run.report, "keys"), "1");
    ck_assert_str_eq(fake_attr(run.report, "skipped"), "2");
    assert_value(&target, "GET mine", "target");
    assert_value(&target, "LINDEX list 0", "target");
    assert_value(&target, "GET only-in-backup", "backup");
    run_free(&run);
    tear_down_restore();
}
END_TEST

START_TEST(flush_leaves_only_the_backup)
{
    set_up_restore((const char *[]){NULL});
    put_data_into_target();
    redisReply *reply = redisCommand(target.link, "FUNCTION LOAD %s",
                                     "#!lua name=other\nredis.register_function('x', "
                                     "function() return 1 end)");
    ck_assert_int_ne(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    struct run run;
    restore_backup(&run, "on_conflict=flush", 0);
    assert_ok(&run);
    ck_assert_str_eq(server_digest(&source), server_digest(&target));
    ck_assert_str_eq(fake_attr(run.report, "functions"), "1");
    redisReply *libraries = server_ask(&target, "FUNCTION LIST");
    ck_assert_uint_eq(libraries->elements, 1);
    freeReplyObject(libraries);
    run_free(&run);
    tear_down_restore();
}
END_TEST

START_TEST(on_conflict_applies_to_function_libraries)
{
    static const struct {
        const char *setting;
        enum hangar_rc rc;
        const char *restored;
    } cases[] = {{"on_conflict=fail", HANGAR_EXISTS, ""},
                 {"on_conflict=replace", HANGAR_OK, "1"},
                 {"on_conflict=skip_existing", HANGAR_OK, "0"}};
    set_up_restore((const char *[]){NULL});
    for (size_t i = 0; i < 3; i++) {
        server_do(&target, "FLUSHALL");
        server_do(&target, "FUNCTION FLUSH");
        redisReply *reply = redisCommand(target.link, "FUNCTION LOAD %s",
                                         "#!lua name=mylib\nredis.register_function('answer', "
                                         "function() return 7 end)");
        ck_assert_int_ne(reply->type, REDIS_REPLY_ERROR);
        freeReplyObject(reply);
        struct run run;
        restore_backup(&run, cases[i].setting, 0);
        ck_assert_msg(run.rc == cases[i].rc, "%s", run_error(&run));
        ck_assert_str_eq(fake_attr(run.report, "functions"), cases[i].restored);
        reply = server_ask(&target, "FCALL answer 0");
        ck_assert_int_eq(reply->integer, i == 1 ? 42 : 7);
        freeReplyObject(reply);
        run_free(&run);
    }
    tear_down_restore();
}
END_TEST

START_TEST(a_dry_run_prints_the_plan_and_changes_nothing)
{
    set_up_restore(three_keys);
    put_data_into_target();
    char digest[64];
    strcpy(digest, server_digest(&target));
    struct run run;
    restore_backup(&run, "on_conflict=flush", HANGAR_RESTORE_DRY_RUN);
    assert_ok(&run);
    ck_assert_str_eq(server_digest(&target), digest);
    ck_assert_ptr_nonnull(strstr(fake_text(run.plan), "delete all 3 keys"));
    ck_assert_ptr_nonnull(strstr(fake_text(run.plan), "restore 3 keys"));
    run_free(&run);
    tear_down_restore();
}
END_TEST

START_TEST(unsupported_targets_are_refused)
{
    struct run run;
    set_up_restore(three_keys);
    restore_backup(&run, "on_conflict=skip_existing", HANGAR_RESTORE_COMPARE);
    assert_fails(&run, HANGAR_UNSUPPORTED, "cannot compare");
    run_free(&run);
    server_do(&target, "REPLICAOF 127.0.0.1 1");
    restore_backup(&run, "on_conflict=flush", 0);
    assert_fails(&run, HANGAR_UNSUPPORTED, "it is a replica");
    run_free(&run);
    server_stop(&target);
    server_start(&target, (const char *[]){"--cluster-enabled", "yes", NULL});
    restore_backup(&run, "on_conflict=fail", 0);
    assert_fails(&run, HANGAR_UNSUPPORTED, "a cluster");
    run_free(&run);
    tear_down_restore();
}
END_TEST

START_TEST(a_missing_database_is_detected_at_the_start_or_at_its_first_key)
{
    set_up_restore((const char *[]){"SET a b", "SELECT 9", "SET c d", NULL});
    server_stop(&target);
    server_start(&target, (const char *[]){"--databases", "4", NULL});
    struct run run;
    restore_backup(&run, "on_conflict=fail", 0);
    assert_fails(&run, HANGAR_CONFIG, "keys in database 9, and the server has 4 databases");
    ck_assert_int_eq(server_keys(&target, 0), 0);
    run_free(&run);
    server_do(&target, "ACL SETUSER limited on >pw ~* +@all -config");
    run_open(&run, (const char *[]){target.socket_option, "username=limited", "password=pw", NULL});
    run_restore(&run, backup.data, backup.size, MANY, backup.attrs, 0);
    assert_fails(&run, HANGAR_IO, "refused SELECT: ERR DB index is out of range");
    run_free(&run);
    tear_down_restore();
}
END_TEST

START_TEST(a_user_with_the_documented_rights_can_restore)
{
    static const struct {
        const char *setting, *more;
    } cases[] = {{"on_conflict=fail", "+ping"},
                 {"on_conflict=skip_existing", "+ping"},
                 {"on_conflict=replace", "+del"},
                 {"on_conflict=flush", "+flushall +function|flush"}};
    set_up_restore((const char *[]){NULL});
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run run;
        server_do(&target,
                  "ACL SETUSER restore reset on >pw -@all +restore +set +select +info "
                  "+ping +function|restore +script|load ~* %s",
                  cases[i].more);
        run_open(&run, (const char *[]){target.socket_option, "username=restore", "password=pw",
                                        cases[i].setting, NULL});
        run_restore(&run, backup.data, backup.size, MANY, backup.attrs, 0);
        assert_ok(&run);
        ck_assert_str_eq(server_digest(&source), server_digest(&target));
        run_free(&run);
    }
    tear_down_restore();
}
END_TEST

START_TEST(expired_keys_are_counted_and_not_restored)
{
    set_up_restore((const char *[]){"DEBUG SET-ACTIVE-EXPIRE 0", "SET stays v", "SET gone v PXAT 1",
                                    "RPUSH list v", "PEXPIRE list 20", "SET far v EX 10000", NULL});
    usleep(50000);
    server_do(&target, "SET gone of-the-target");
    struct run run;
    restore_backup(&run, "on_conflict=replace", 0);
    assert_ok(&run);
    ck_assert_str_eq(fake_attr(backup.attrs, "keys"), "4");
    ck_assert_str_eq(fake_attr(run.report, "keys"), "2");
    ck_assert_str_eq(fake_attr(run.report, "expired"), "2");
    ck_assert_int_eq(server_keys(&target, 0), 2); /* it took the place of the target's */
    run_free(&run);
    tear_down_restore();
}
END_TEST

START_TEST(a_damaged_or_truncated_rdb_fails_the_restore)
{
    struct run run;
    set_up_restore(three_keys);
    for (size_t size = 0; size < backup.size; size++) {
        server_do(&target, "FLUSHALL");
        run_open(&run, (const char *[]){target.socket_option, NULL});
        run_restore(&run, backup.data, size, MANY, NULL, 0);
        ck_assert_msg(run.rc == HANGAR_CORRUPT, "%zu bytes: result %d", size, (int)run.rc);
        run_free(&run);
    }
    backup.data[backup.size - 20] ^= 1;
    server_do(&target, "FLUSHALL");
    restore_backup(&run, "on_conflict=fail", 0);
    ck_assert(!run.complete);
    run_free(&run);
    backup.data[backup.size - 20] ^= 1;
    unsigned char *longer = malloc(backup.size + 1);
    memcpy(longer, backup.data, backup.size);
    longer[backup.size] = 0;
    server_do(&target, "FLUSHALL");
    run_open(&run, (const char *[]){target.socket_option, NULL});
    run_restore(&run, longer, backup.size + 1, MANY, NULL, 0);
    assert_fails(&run, HANGAR_CORRUPT, "bytes after its end");
    free(longer);
    run_free(&run);
    tear_down_restore();
}
END_TEST

/* ---- types that no server of today writes ---- */

START_TEST(types_of_old_servers_are_restored)
{
    static struct rdb_build rdb;
    static const char *const answers[][2] = {
        {"GET plain", "text"},      {"LINDEX list 2", "ccc"}, {"HGET hash other", "thing"},
        {"ZSCORE scores m", "1.5"}, {"HGET zipmap gg", "ww"},
    };
    server_start(&target, no_arguments);
    rdb_build_old_types(&rdb, 9);
    struct run run;
    run_open(&run, (const char *[]){target.socket_option, NULL});
    run_restore(&run, rdb.data, rdb.size, 5, NULL, 0);
    assert_ok(&run);
    ck_assert_str_eq(fake_attr(run.report, "keys"), "12");
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        assert_value(&target, answers[i][0], answers[i][1]);
    }
    redisReply *reply = redisCommand(target.link, "EVAL %s 0",
                                     "local c = redis.call return table.concat({"
                                     "c('scard', 'set'), c('zcard', 'scores as text'),"
                                     "c('zscore', 'scores as text', 'minus inf'),"
                                     "c('lindex', 'ziplist list', 1), c('scard', 'intset'),"
                                     "c('sismember', 'intset', 9),"
                                     "c('zscore', 'ziplist zset', 'high'),"
                                     "c('hget', 'ziplist hash', 'field'),"
                                     "c('llen', 'quicklist'), c('ttl', 'quicklist') > 1000000 "
                                     "and 'expires' or 'no'}, ' ')");
    ck_assert_str_eq(reply->str, "2 3 -inf bb 3 1 2.5 value 3 expires");
    freeReplyObject(reply);
    run_free(&run);
    server_stop(&target);
}
END_TEST

START_TEST(an_rdb_of_a_newer_version_is_restored_if_its_types_are_known)
{
    static struct rdb_build rdb;
    server_start(&target, no_arguments);
    rdb_build_old_types(&rdb, 12);
    struct run run;
    run_open(&run, (const char *[]){target.socket_option, NULL});
    run_restore(&run, rdb.data, rdb.size, MANY, NULL, 0);
    assert_ok(&run);
    ck_assert_int_eq(server_keys(&target, 0), 12);
    run_free(&run);
    server_do(&target, "FLUSHALL");
    rdb_start(&rdb, 12); /* a type of 7.4: 7.0 cannot read it */
    rdb_key(&rdb, 25, "fields expire");
    rdb_bytes(&rdb, "\0\0\0\0\1\0\0\0\7\7\0\0\0\0\0\xff", 16);
    rdb_finish(&rdb, 1);
    run_open(&run, (const char *[]){target.socket_option, NULL});
    run_restore(&run, rdb.data, rdb.size, MANY, NULL, 0);
    assert_fails(&run, HANGAR_UNSUPPORTED,
                 "cannot restore key fields expire (hash, type 25) of database 0");
    ck_assert_ptr_nonnull(strstr(run_error(&run), "may be older than the server of the backup"));
    run_free(&run);
    server_stop(&target);
}
END_TEST

START_TEST(empty_collections_are_skipped_and_scripts_are_loaded)
{
    static struct rdb_build rdb;
    server_start(&target, no_arguments);
    rdb_start(&rdb, 9);
    rdb_byte(&rdb, 250);
    rdb_string(&rdb, "lua");
    rdb_string(&rdb, "return 'from the backup'");
    rdb_key(&rdb, 1, "empty");
    rdb_length(&rdb, 0);
    rdb_key(&rdb, 0, "full");
    rdb_string(&rdb, "v");
    rdb_finish(&rdb, 1);
    struct run run;
    run_open(&run, (const char *[]){target.socket_option, NULL});
    run_restore(&run, rdb.data, rdb.size, 3, NULL, 0);
    assert_ok(&run);
    ck_assert_str_eq(fake_attr(run.report, "keys"), "1");
    ck_assert_str_eq(fake_attr(run.report, "empty"), "1");
    ck_assert_str_eq(fake_attr(run.report, "scripts"), "1");
    redisReply *reply = server_ask(&target, "INFO memory");
    ck_assert_ptr_nonnull(strstr(reply->str, "number_of_cached_scripts:1"));
    freeReplyObject(reply);
    ck_assert_int_eq(server_keys(&target, 0), 1);
    run_free(&run);
    server_stop(&target);
}
END_TEST

START_TEST(idle_times_and_frequencies_are_restored_where_they_are_used)
{
    static struct rdb_build rdb;
    rdb_start(&rdb, 9);
    rdb_byte(&rdb, 248);
    rdb_length(&rdb, 5000);
    rdb_key(&rdb, 0, "idle");
    rdb_string(&rdb, "v");
    rdb_byte(&rdb, 249);
    rdb_byte(&rdb, 77);
    rdb_key(&rdb, 2, "used");
    rdb_length(&rdb, 1);
    rdb_string(&rdb, "m");
    rdb_finish(&rdb, 1);
    static const char *const policies[] = {"noeviction", "allkeys-lru", "allkeys-lfu"};
    for (int i = 0; i < 3; i++) {
        server_start(&target, (const char *[]){"--maxmemory-policy", policies[i], NULL});
        struct run run;
        run_open(&run, (const char *[]){target.socket_option, NULL});
        run_restore(&run, rdb.data, rdb.size, MANY, NULL, 0);
        assert_ok(&run);
        redisReply *idle = server_ask(&target, "OBJECT IDLETIME idle");
        redisReply *used = server_ask(&target, "OBJECT FREQ used");
        ck_assert(i == 2 ? idle->type == REDIS_REPLY_ERROR : (idle->integer >= 4999) == (i == 1));
        ck_assert(i == 2 ? used->integer == 77 : used->type == REDIS_REPLY_ERROR);
        freeReplyObject(idle);
        freeReplyObject(used);
        run_free(&run);
        server_stop(&target);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis restore");
    TCase *tests = tcase_create("restore");
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, a_target_with_data_is_refused_and_not_changed);
    tcase_add_test(tests, replace_overwrites_the_same_names_and_keeps_the_others);
    tcase_add_test(tests, skip_existing_keeps_and_counts_existing_keys);
    tcase_add_test(tests, flush_leaves_only_the_backup);
    tcase_add_test(tests, on_conflict_applies_to_function_libraries);
    tcase_add_test(tests, a_dry_run_prints_the_plan_and_changes_nothing);
    tcase_add_test(tests, unsupported_targets_are_refused);
    tcase_add_test(tests, a_missing_database_is_detected_at_the_start_or_at_its_first_key);
    tcase_add_test(tests, a_user_with_the_documented_rights_can_restore);
    tcase_add_test(tests, expired_keys_are_counted_and_not_restored);
    tcase_add_test(tests, a_damaged_or_truncated_rdb_fails_the_restore);
    tcase_add_test(tests, types_of_old_servers_are_restored);
    tcase_add_test(tests, an_rdb_of_a_newer_version_is_restored_if_its_types_are_known);
    tcase_add_test(tests, empty_collections_are_skipped_and_scripts_are_loaded);
    tcase_add_test(tests, idle_times_and_frequencies_are_restored_where_they_are_used);
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
