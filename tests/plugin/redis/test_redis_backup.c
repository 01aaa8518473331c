/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_backup: backups of real servers, which are restored into other real servers and
 * compared by DEBUG DIGEST; and failures that must fail the backup.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "rdb/walk.h"
#include "run.h"
#include "run_asserts.h"
#include "server.h"
#include "testing.h"

#define MANY ((size_t)1 << 20)

static const char *const no_arguments[] = {NULL};

/* Backs up one server, restores into another, and compares. */
static void redis_round_trip(struct server *source, struct server *target, const char *snapshot,
                             size_t step)
{
    char option[32];
    snprintf(option, sizeof(option), "snapshot=%s", snapshot);
    struct run backup, restore;
    run_open(&backup, (const char *[]){source->socket_option, option, NULL});
    run_backup(&backup, step);
    assert_ok(&backup);
    ck_assert_str_eq(fake_attr(backup.facts, "crc"), "verified");
    ck_assert_str_eq(fake_attr(backup.facts, "way"), "psync");
    ck_assert_str_eq(fake_attr(backup.facts, "snapshot"), snapshot);
    ck_assert_int_eq((int)strlen(fake_attr(backup.point, "replid")), 40);
    run_open(&restore, (const char *[]){"host=127.0.0.1", target->port_option, NULL});
    run_restore(&restore, backup.data, backup.size, step, backup.attrs, 0);
    assert_ok(&restore);
    ck_assert_str_eq(server_digest(source), server_digest(target));
    run_free(&backup);
    run_free(&restore);
}

static void compare_functions(struct server *source, struct server *target)
{
    redisReply *from = server_ask(source, "FUNCTION DUMP"),
               *to = server_ask(target, "FUNCTION DUMP");
    ck_assert_int_gt((int)from->len, 20);
    ck_assert_int_eq((int)from->len, (int)to->len);
    ck_assert_mem_eq(from->str, to->str, from->len);
    freeReplyObject(from);
    freeReplyObject(to);
}

START_TEST(all_data_is_restored_from_a_snapshot_on_disk)
{
    struct server source, target;
    server_start(&source, no_arguments);
    server_start(&target, no_arguments);
    server_fill(&source, false);
    redis_round_trip(&source, &target, "disk", MANY);
    compare_functions(&source, &target);
    for (int db = 0; db < 16; db++) {
        ck_assert_int_eq(server_keys(&source, db), server_keys(&target, db));
    }
    server_stop(&source);
    server_stop(&target);
}
END_TEST

START_TEST(all_data_is_restored_from_a_diskless_snapshot)
{
    struct server source, target;
    server_start(&source, (const char *[]){"--repl-diskless-sync-delay", "0", NULL});
    server_start(&target, no_arguments);
    server_fill(&source, false);
    redis_round_trip(&source, &target, "diskless", MANY);
    compare_functions(&source, &target);
    server_stop(&source);
    server_stop(&target);
}
END_TEST

START_TEST(buffers_of_any_size_yield_the_same_data)
{
    static const size_t steps[] = {1, 2, 39, 40, 41, 4096};
    struct server source, target;
    server_start(&source, (const char *[]){"--repl-diskless-sync-delay", "0", NULL});
    server_start(&target, no_arguments);
    server_fill(&source, true);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        server_do(&target, "FLUSHALL");
        server_do(&target, "FUNCTION FLUSH");
        redis_round_trip(&source, &target, i % 2 ? "disk" : "diskless", steps[i]);
    }
    server_stop(&source);
    server_stop(&target);
}
END_TEST

START_TEST(an_empty_server_can_be_backed_up)
{
    struct server source, target;
    server_start(&source, no_arguments);
    server_start(&target, no_arguments);
    redis_round_trip(&source, &target, "disk", MANY);
    server_stop(&source);
    server_stop(&target);
}
END_TEST

START_TEST(large_values_are_restored)
{
    struct server source, target;
    server_start(&source, no_arguments);
    server_start(&target, no_arguments);
    server_do(&source, "SETRANGE zeros 3000000 x");
    server_do(&source, "CONFIG SET rdbcompression no");
    server_do(&source, "SETRANGE plain 2000000 x");
    redisReply *reply = redisCommand(
        source.link, "EVAL %s 0",
        "for i = 1, 40 do redis.call('hset', 'big hash', i, string.rep('x', 100000 + i)) "
        "redis.call('rpush', 'big list', string.rep(tostring(i), 100000)) "
        "redis.call('set', 'string ' .. i, string.rep('y', 131040 + i)) end "
        "redis.call('set', string.rep('long name', 20000), 'v')");
    ck_assert_int_ne(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redis_round_trip(&source, &target, "disk", 70001);
    server_stop(&source);
    server_stop(&target);
}
END_TEST

START_TEST(counts_equal_those_of_the_server)
{
    struct server source;
    server_start(&source, no_arguments);
    server_fill(&source, true);
    struct run run;
    run_open(&run, (const char *[]){source.socket_option, NULL});
    run_backup(&run, MANY);
    assert_ok(&run);
    long long all = 0;
    for (int db = 0; db < 16; db++) {
        char name[32], number[32];
        long long keys = server_keys(&source, db);
        snprintf(name, sizeof(name), "db%d.keys", db);
        snprintf(number, sizeof(number), "%lld", keys);
        ck_assert_str_eq(fake_attr(run.attrs, name), keys ? number : "");
        all += keys;
    }
    ck_assert_int_gt(all, 100);
    ck_assert_int_eq(atoll(fake_attr(run.attrs, "keys")), all);
    ck_assert_int_eq(atoll(fake_attr(run.facts, "keys")), all);
    ck_assert_int_eq(atoll(fake_attr(run.facts, "stream")), 2 * 4);
    ck_assert_str_eq(fake_attr(run.attrs, "functions"), "1");
    ck_assert_str_eq(fake_attr(run.attrs, "highest_db"), "15");
    ck_assert_str_eq(fake_attr(run.attrs, "db5.expiring"), "8");
    ck_assert_str_eq(fake_attr(run.facts, "rdb_version"), "10");
    ck_assert_str_ne(fake_attr(run.facts, "server_version"), "");
    ck_assert_str_ne(fake_attr(run.facts, "biggest_key"), "");
    run_free(&run);
    server_stop(&source);
}
END_TEST

START_TEST(truncations_and_flipped_bits_of_a_real_rdb_are_detected)
{
    struct server source;
    server_start(&source, no_arguments);
    server_fill(&source, true);
    server_do(&source, "SELECT 0");
    struct run run;
    run_open(&run, (const char *[]){source.socket_option, NULL});
    run_backup(&run, MANY);
    assert_ok(&run);
    server_stop(&source);
    for (size_t size = 0; size < run.size; size++) {
        struct rdb_walk *walk = rdb_walk_new(NULL, NULL, 64, UINT64_MAX);
        size_t used;
        ck_assert_int_eq(rdb_walk_feed(walk, run.data, size, &used), HANGAR_OK);
        ck_assert(!rdb_walk_done(walk));
        rdb_walk_free(walk);
    }
    for (size_t at = 0; at < run.size; at++) {
        unsigned char flipped = (unsigned char)(1u << at % 8);
        run.data[at] ^= flipped;
        struct rdb_walk *walk = rdb_walk_new(NULL, NULL, 64, run.size);
        size_t used;
        rdb_walk_feed(walk, run.data, run.size, &used);
        ck_assert_msg(!rdb_walk_done(walk) || used < run.size, "bit %zu of byte %zu", at % 8, at);
        rdb_walk_free(walk);
        run.data[at] ^= flipped;
    }
    run_free(&run);
}
END_TEST

/* ---- servers that fail during the transfer ---- */

struct interruption {
    struct server *server;
    struct run *run;
    int done;
};

static void kill_replicas(void *arg, const void *data, size_t size)
{
    (void)data, (void)size;
    struct interruption *it = arg;
    if (it->done++ == 0) {
        server_do(it->server, "CLIENT KILL TYPE replica");
    }
}

static void stop_server(void *arg, const void *data, size_t size)
{
    (void)data, (void)size;
    struct interruption *it = arg;
    if (it->done++ == 0) {
        kill(it->server->pid, SIGSTOP);
    }
}

static void kill_server(void *arg, const void *data, size_t size)
{
    (void)data, (void)size;
    struct interruption *it = arg;
    if (it->done++ == 0) {
        kill(it->server->pid, SIGKILL);
    }
}

static void *cancel_backup_soon(void *arg)
{
    struct interruption *it = arg;
    usleep(200000);
    fake_host_cancel(it->run->fake);
    return NULL;
}

static void stop_and_cancel(void *arg, const void *data, size_t size)
{
    (void)data, (void)size;
    struct interruption *it = arg;
    if (it->done++ == 0) {
        kill(it->server->pid, SIGSTOP);
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, cancel_backup_soon, it), 0);
        pthread_detach(thread);
    }
}

/* Makes a backup that does not fit into the buffers of a socket, and interrupts it after its first
 * bytes. */
static void redis_backup_interrupted(void (*sink)(void *arg, const void *data, size_t size),
                                     const char *timeout, enum hangar_rc rc, const char *text)
{
    struct server source;
    server_start(&source, (const char *[]){"--rdbcompression", "no", NULL});
    server_do(&source, "SETRANGE big 60000000 x");
    struct run run;
    run_open(&run, (const char *[]){source.socket_option, timeout, NULL});
    struct interruption it = {.server = &source, .run = &run};
    run_begin(&run);
    ck_assert_msg(run.rc == HANGAR_OK, "%s", run_error(&run));
    run_read(&run, 65536, sink, &it);
    ck_assert_int_gt(it.done, 0);
    assert_fails(&run, rc, text);
    usleep(it.done > 0 && rc == HANGAR_CANCELLED ? 300000 : 0); /* until its thread has ended */
    run_free(&run);
    server_stop(&source);
}

START_TEST(a_killed_connection_fails_the_backup)
{
    redis_backup_interrupted(kill_replicas, "timeout=60s", HANGAR_IO, "");
}
END_TEST

START_TEST(a_killed_server_fails_the_backup)
{
    redis_backup_interrupted(kill_server, "timeout=60s", HANGAR_IO, "");
}
END_TEST

START_TEST(a_stalled_server_fails_the_backup_after_the_timeout)
{
    redis_backup_interrupted(stop_server, "timeout=3s", HANGAR_IO,
                             "sent and received nothing for 3 s");
}
END_TEST

START_TEST(a_cancellation_ends_a_wait)
{
    redis_backup_interrupted(stop_and_cancel, "timeout=60s", HANGAR_CANCELLED, "cancelled");
}
END_TEST

/* ---- writes during the backup ---- */

struct writer {
    char socket_path[220];
    volatile sig_atomic_t stop;
    long transfers;
};

/* Moves amounts between accounts.  The sum is constant. */
static void *redis_backup_transfer(void *arg)
{
    struct writer *writer = arg;
    redisContext *link = redisConnectUnix(writer->socket_path);
    while (!writer->stop) {
        long n = writer->transfers++;
        redisReply *reply =
            redisCommand(link, "EVAL %s 0 %d %d %d",
                         "redis.call('incrby', 'account ' .. ARGV[1], ARGV[3]) "
                         "redis.call('decrby', 'account ' .. ARGV[2], ARGV[3])",
                         (int)(n * 7919 % 1000), (int)(n * 104729 % 1000), (int)(n % 100));
        freeReplyObject(reply);
    }
    redisFree(link);
    return NULL;
}

START_TEST(a_backup_during_writes_is_consistent)
{
    struct server source, target;
    server_start(&source, (const char *[]){"--repl-diskless-sync-delay", "0", NULL});
    server_start(&target, no_arguments);
    server_do(&source, "DEBUG POPULATE 100000 filler 50");
    struct writer writer = {.stop = 0};
    strcpy(writer.socket_path, source.socket_option + 7);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, redis_backup_transfer, &writer), 0);
    while (server_keys(&source, 0) < 101000) {
        usleep(1000);
    }
    for (int round = 0; round < 4; round++) {
        struct run backup, restore;
        run_open(&backup,
                 (const char *[]){source.socket_option,
                                  round % 2 ? "snapshot=disk" : "snapshot=diskless", NULL});
        run_backup(&backup, MANY);
        assert_ok(&backup);
        run_open(&restore, (const char *[]){target.socket_option, "on_conflict=flush", NULL});
        run_restore(&restore, backup.data, backup.size, MANY, backup.attrs, 0);
        assert_ok(&restore);
        redisReply *sum = redisCommand(
            target.link, "EVAL %s 0",
            "local sum = 0 for i = 0, 999 do sum = sum + redis.call('get', 'account ' .. i) end "
            "return tostring(sum)");
        ck_assert_str_eq(sum->str, "0");
        freeReplyObject(sum);
        run_free(&backup);
        run_free(&restore);
    }
    writer.stop = 1;
    pthread_join(thread, NULL);
    server_stop(&source);
    server_stop(&target);
}
END_TEST

/* ---- rights ---- */

START_TEST(a_wrong_password_is_reported_and_not_printed)
{
    struct server source;
    struct run run;
    server_start(&source, (const char *[]){"--requirepass", "right-canary", NULL});
    run_open(&run, (const char *[]){source.socket_option, "password=wrong-canary", NULL});
    run_backup(&run, MANY);
    assert_fails(&run, HANGAR_AUTH, "WRONGPASS");
    ck_assert_ptr_null(strstr(run_error(&run), "canary"));
    ck_assert_ptr_null(strstr(fake_host_log(run.fake), "canary"));
    run_free(&run);
    run_open(&run, (const char *[]){source.socket_option, NULL});
    run_backup(&run, MANY);
    assert_fails(&run, HANGAR_AUTH, "NOAUTH");
    run_free(&run);
    run_open(&run, (const char *[]){source.socket_option, "password=right-canary", NULL});
    run_backup(&run, MANY);
    assert_ok(&run);
    ck_assert_ptr_null(strstr(fake_host_log(run.fake), "canary"));
    run_free(&run);
    server_stop(&source);
}
END_TEST

START_TEST(the_documented_rights_suffice_and_missing_ones_are_reported)
{
    struct server source;
    server_start(&source, no_arguments);
    server_do(&source, "ACL SETUSER backup on >pw -@all +psync +replconf +ping +info");
    server_do(&source, "ACL SETUSER curious on >pw -@all +replconf +ping +info +acl");
    struct run run;
    run_open(&run, (const char *[]){source.socket_option, "username=backup", "password=pw", NULL});
    ck_assert_int_eq(run_check(&run), HANGAR_OK);
    run_backup(&run, MANY);
    assert_ok(&run);
    run_free(&run);
    run_open(&run, (const char *[]){source.socket_option, "username=curious", "password=pw", NULL});
    run_backup(&run, MANY);
    assert_fails(&run, HANGAR_AUTH, "NOPERM");
    run_free(&run);
    run_open(&run, (const char *[]){source.socket_option, "username=curious", "password=pw", NULL});
    run_check(&run);
    assert_fails(&run, HANGAR_AUTH, "would refuse PSYNC to the user curious");
    run_free(&run);
    server_stop(&source);
}
END_TEST

START_TEST(check_reports_the_server)
{
    struct server source, replica;
    server_start(&source, no_arguments);
    server_start(&replica, no_arguments);
    server_do(&source, "SET a b");
    struct run run;
    run_open(&run, (const char *[]){source.socket_option, NULL});
    ck_assert_int_eq(run_check(&run), HANGAR_OK);
    ck_assert_str_eq(fake_attr(run.facts, "role"), "master");
    ck_assert_str_eq(fake_attr(run.facts, "keys"), "1");
    ck_assert_int_eq(strncmp(fake_attr(run.facts, "server"), "redis ", 6), 0);
    run_free(&run);
    server_do(&replica, "REPLICAOF 127.0.0.1 1");
    run_open(&run, (const char *[]){replica.socket_option, NULL});
    ck_assert_int_eq(run_check(&run), HANGAR_RETRY);
    assert_fails(&run, HANGAR_RETRY, "without a link to its master 127.0.0.1: its data is out of");
    ck_assert_str_eq(fake_attr(run.facts, "role"), "replica");
    run_backup(&run, MANY);
    assert_fails(&run, HANGAR_RETRY, "without a link to its master");
    run_free(&run);
    server_stop(&source);
    server_stop(&replica);
}
END_TEST

START_TEST(a_server_that_cannot_be_reached_is_reported)
{
    struct run run;
    run_open(&run, (const char *[]){"host=127.0.0.1", "port=1", NULL});
    run_check(&run);
    assert_fails(&run, HANGAR_IO, "cannot connect to redis at 127.0.0.1:1: Connection refused");
    run_free(&run);
    run_open(&run, (const char *[]){"socket=/nonexistent/socket", NULL});
    run_backup(&run, MANY);
    assert_fails(&run, HANGAR_IO, "cannot connect to redis at socket /nonexistent/socket: No such");
    run_free(&run);
}
END_TEST

START_TEST(inconsistent_options_are_refused)
{
    static const struct {
        const char *settings[3];
        const char *error;
    } cases[] = {
        {{"username=u", NULL}, "username needs a password"},
        {{"tls=true", "socket=/tmp/s", NULL}, "tls needs TCP"},
        {{"tls_cert=/tmp/c", NULL}, "tls_cert and tls_key must both be set"},
        {{"method=file", NULL}, "method file needs data_dir"},
        {{"host=", NULL}, "host must not be empty"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run run;
        run_open(&run, cases[i].settings);
        ck_assert_int_eq(run.rc, HANGAR_CONFIG);
        ck_assert_msg(strstr(run_error(&run), cases[i].error), "%s", run_error(&run));
        run_free(&run);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis backup");
    TCase *tests = tcase_create("backup");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, all_data_is_restored_from_a_snapshot_on_disk);
    tcase_add_test(tests, all_data_is_restored_from_a_diskless_snapshot);
    tcase_add_test(tests, buffers_of_any_size_yield_the_same_data);
    tcase_add_test(tests, an_empty_server_can_be_backed_up);
    tcase_add_test(tests, large_values_are_restored);
    tcase_add_test(tests, counts_equal_those_of_the_server);
    tcase_add_test(tests, truncations_and_flipped_bits_of_a_real_rdb_are_detected);
    tcase_add_test(tests, a_killed_connection_fails_the_backup);
    tcase_add_test(tests, a_killed_server_fails_the_backup);
    tcase_add_test(tests, a_stalled_server_fails_the_backup_after_the_timeout);
    tcase_add_test(tests, a_cancellation_ends_a_wait);
    tcase_add_test(tests, a_backup_during_writes_is_consistent);
    tcase_add_test(tests, a_wrong_password_is_reported_and_not_printed);
    tcase_add_test(tests, the_documented_rights_suffice_and_missing_ones_are_reported);
    tcase_add_test(tests, check_reports_the_server);
    tcase_add_test(tests, a_server_that_cannot_be_reached_is_reported);
    tcase_add_test(tests, inconsistent_options_are_refused);
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
