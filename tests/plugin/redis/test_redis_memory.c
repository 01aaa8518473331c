/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_memory: the memory that backups and restores of large data use.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "restore_case.h"
#include "testing.h"

/* Runs the driver as a process; gives its peak in KiB. */
static long run_driver(const char *what, const char *file, const char *setting, const char *more)
{
    const char *output = testing_path(testing_dir(), "output");
    int status = testing_shell("%s/redis_driver %s %s '%s' %s > %s 2>&1", REDIS_DRIVER_DIR, what,
                               file, setting, more, output);
    size_t size;
    char *text = (char *)testing_read_file(output, &size);
    ck_assert_msg(status == 0, "%s: %.*s", what, (int)size, text);
    const char *rss = strstr(text, "rss_kib ");
    ck_assert_ptr_nonnull(rss);
    long peak = atol(rss + 8);
    free(text);
    return peak;
}

START_TEST(values_of_any_size_need_bounded_memory)
{
    static const struct {
        const char *compression, *script;
    } cases[] = {
        {"no", "redis.call('setrange', 'string', 209715199, 'x')"},
        {"yes", "redis.call('setrange', 'string', 209715199, 'x')"},
        {"no", "for i = 1, 200 do redis.call('hset', 'hash', i, string.rep('x', 1048576)) end"},
        {"no", "for i = 1, 20000 do redis.call('xadd', 'stream', i .. '-1', 'f', "
               "string.rep('x', 5000)) end"},
    };
    const char *file = testing_path(testing_dir(), "dump.rdb");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        server_start(&source, (const char *[]){"--rdbcompression", cases[i].compression, NULL});
        server_start(&target, no_arguments);
        redisReply *reply = redisCommand(source.link, "EVAL %s 0", cases[i].script);
        ck_assert_int_ne(reply->type, REDIS_REPLY_ERROR);
        freeReplyObject(reply);
        long peak = run_driver("backup", file, source.socket_option, "");
        ck_assert_msg(peak < REDIS_RSS_MOST, "backup %zu: %ld KiB", i, peak);
        peak = run_driver("restore", file, target.socket_option, "");
        ck_assert_msg(peak < REDIS_RSS_MOST, "restore %zu: %ld KiB", i, peak);
        ck_assert_str_eq(server_digest(&source), server_digest(&target));
        server_stop(&source);
        server_stop(&target);
        unlink(file);
    }
}
END_TEST

START_TEST(without_a_memory_budget_collections_are_spooled_to_disk)
{
    set_up_restore((const char *[]){"CONFIG SET rdbcompression no", NULL});
    redisReply *reply = redisCommand(source.link, "EVAL %s 0",
                                     "for i = 1, 60 do redis.call('hset', 'hash', i, "
                                     "string.rep('x', 100000 + i)) end "
                                     "for i = 1, 3000 do redis.call('zadd', 'zset', i / 7, "
                                     "string.rep('m', 1000) .. i) end");
    ck_assert_int_ne(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    run_free(&backup);
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    assert_ok(&backup);
    struct run run;
    run_open(&run, (const char *[]){target.socket_option, NULL});
    fake_host_budget(run.fake, 0);
    run_restore(&run, backup.data, backup.size, 50001, backup.attrs, 0);
    assert_ok(&run);
    ck_assert_str_eq(server_digest(&source), server_digest(&target));
    run_free(&run);
    tear_down_restore();
}
END_TEST

START_TEST(a_value_above_the_server_limit_is_refused_by_name)
{
    set_up_restore(
        (const char *[]){"SETRANGE big 3000000 x", "CONFIG SET rdbcompression no", NULL});
    server_do(&target, "CONFIG SET proto-max-bulk-len 1048576");
    struct run run;
    restore_backup(&run, "on_conflict=fail", 0);
    assert_fails(&run, HANGAR_IO, "cannot restore key big (string, type 0)");
    ck_assert_ptr_nonnull(strstr(run_error(&run), "raise proto-max-bulk-len"));
    run_free(&run);
    tear_down_restore();
}
END_TEST

START_TEST(a_hundred_megabytes_do_not_deadlock_the_two_sides)
{
    server_start(&source, (const char *[]){"--rdbcompression", "no", NULL});
    server_start(&target, no_arguments);
    redisReply *reply = redisCommand(
        source.link, "EVAL %s 0",
        "for i = 1, 100000 do redis.call('set', 'k' .. i, string.rep('x', i % 2000)) end "
        "for i = 1, 400 do redis.call('sadd', 'set' .. i, string.rep('y', 100000)) end");
    ck_assert_int_ne(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    assert_ok(&backup);
    struct run run;
    run_open(&run, (const char *[]){"host=127.0.0.1", target.port_option, NULL});
    run_restore(&run, backup.data, backup.size, MANY, backup.attrs, 0);
    assert_ok(&run);
    ck_assert_uint_gt(backup.size, (size_t)100 << 20);
    ck_assert_str_eq(server_digest(&source), server_digest(&target));
    run_free(&run);
    tear_down_restore();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis memory");
    TCase *tests = tcase_create("memory");
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, values_of_any_size_need_bounded_memory);
    tcase_add_test(tests, without_a_memory_budget_collections_are_spooled_to_disk);
    tcase_add_test(tests, a_value_above_the_server_limit_is_refused_by_name);
    tcase_add_test(tests, a_hundred_megabytes_do_not_deadlock_the_two_sides);
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
