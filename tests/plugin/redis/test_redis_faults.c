/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_faults: replies of other versions of the server, and connections that end anywhere,
 * with a fake server.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "fake_redis.h"
#include "rdb_build.h"
#include "run.h"
#include "run_asserts.h"
#include "testing.h"

#define MANY ((size_t)1 << 20)
#define REPLID "0123456789abcdef0123456789abcdef01234567"
#define FULLRESYNC "+FULLRESYNC " REPLID " 4711\r\n"
#define INFO_7 "$37\r\nredis_version:7.0.15\r\nrole:master\r\n\r\n\r\n"

static struct fake_redis fake;
static struct rdb_build rdb;
static char transfer[70000]; /* the answer to PSYNC */
static size_t transfer_size;

/* Builds the transfer of a server: `before`, then the RDB of old types, framed by its size. */
static void build_transfer(const char *before)
{
    rdb_build_old_types(&rdb, 9);
    transfer_size = (size_t)sprintf(transfer, "%s$%zu\r\n", before, rdb.size);
    memcpy(transfer + transfer_size, rdb.data, rdb.size);
    transfer_size += rdb.size;
}

/* A backup of a server with these rules. */
static void back_up_fake(struct run *run, const struct fake_rule *rules, size_t piece)
{
    fake_redis_start(&fake, rules, piece);
    run_open(run, (const char *[]){fake.socket_option, "timeout=5s", NULL});
    run_backup(run, MANY);
    fake_redis_stop(&fake);
}

START_TEST(keepalives_may_arrive_anywhere_before_the_rdb)
{
    for (size_t piece = 1; piece < 60; piece += 29) {
        struct run run;
        build_transfer("\n\n" FULLRESYNC "\n\n\n");
        back_up_fake(&run,
                     (const struct fake_rule[]){{"INFO", INFO_7, 0, 0, 0},
                                                {"PSYNC", transfer, transfer_size, 0, 0},
                                                {NULL, NULL, 0, 0, 0}},
                     piece);
        assert_ok(&run);
        ck_assert_uint_eq(run.size, rdb.size);
        ck_assert_mem_eq(run.data, rdb.data, rdb.size);
        ck_assert_str_eq(fake_attr(run.point, "replid"), REPLID);
        ck_assert_str_eq(fake_attr(run.point, "offset"), "4711");
        run_free(&run);
    }
}
END_TEST

START_TEST(a_transfer_that_ends_at_any_byte_fails_the_backup)
{
    build_transfer("\n" FULLRESYNC "\n");
    size_t whole = transfer_size;
    for (size_t size = 1; size < whole; size++) {
        struct run run;
        back_up_fake(&run,
                     (const struct fake_rule[]){
                         {"INFO", INFO_7, 0, 0, 0},
                         {"PSYNC", transfer, size, 0, size % 2 ? FAKE_CLOSE : FAKE_RESET},
                         {NULL, NULL, 0, 0, 0}},
                     0);
        ck_assert_msg(!run.complete && run.rc == HANGAR_IO, "%zu of %zu bytes: result %d", size,
                      whole, (int)run.rc);
        ck_assert_str_ne(run_error(&run), "");
        run_free(&run);
    }
}
END_TEST

START_TEST(a_connection_may_end_after_the_rdb)
{
    for (int then = FAKE_CLOSE; then <= FAKE_RESET; then++) {
        struct run run;
        build_transfer(FULLRESYNC);
        back_up_fake(&run,
                     (const struct fake_rule[]){{"INFO", INFO_7, 0, 0, 0},
                                                {"PSYNC", transfer, transfer_size, 0, FAKE_CLOSE},
                                                {NULL, NULL, 0, 0, 0}},
                     7);
        assert_ok(&run);
        run_free(&run);
    }
}
END_TEST

START_TEST(a_server_without_psync_is_backed_up_with_sync)
{
    struct run run;
    build_transfer("\n");
    back_up_fake(&run,
                 (const struct fake_rule[]){{"INFO", INFO_7, 0, 0, 0},
                                            {"PSYNC", "-ERR unknown command 'PSYNC'\r\n", 0, 0, 0},
                                            {"SYNC", transfer, transfer_size, 0, 0},
                                            {NULL, NULL, 0, 0, 0}},
                 0);
    assert_ok(&run);
    ck_assert_str_eq(fake_attr(run.facts, "way"), "sync");
    ck_assert_str_eq(fake_attr(run.point, "way"), "sync");
    ck_assert_str_eq(fake_attr(run.point, "offset"), "");
    ck_assert_mem_eq(run.data, rdb.data, rdb.size);
    run_free(&run);
    back_up_fake(&run,
                 (const struct fake_rule[]){{"INFO", INFO_7, 0, 0, 0},
                                            {"PSYNC", "-ERR unknown command 'PSYNC'\r\n", 0, 0, 0},
                                            {"SYNC", "-NOPERM no 'sync'\r\n", 0, 0, 0},
                                            {NULL, NULL, 0, 0, 0}},
                 0);
    assert_fails(&run, HANGAR_AUTH, "refused SYNC: NOPERM");
    run_free(&run);
}
END_TEST

START_TEST(a_server_without_rdb_only_is_backed_up_with_a_warning)
{
    build_transfer(FULLRESYNC);
    /* an ordinary replica receives commands after the RDB */
    memcpy(transfer + transfer_size, "*1\r\n$4\r\nPING\r\n", 14);
    struct run run;
    back_up_fake(
        &run,
        (const struct fake_rule[]){
            {"INFO", INFO_7, 0, 0, 0},
            {"REPLCONF rdb-only", "-ERR Unrecognized REPLCONF option: rdb-only\r\n", 0, 0, 0},
            {"PSYNC", transfer, transfer_size + 14, 0, 0},
            {NULL, NULL, 0, 0, 0}},
        0);
    assert_ok(&run);
    ck_assert_uint_eq(run.size, rdb.size);
    ck_assert_ptr_nonnull(strstr(fake_host_log(run.fake), "warn: redis at socket"));
    ck_assert_ptr_nonnull(strstr(fake_host_log(run.fake), "client-output-buffer-limit"));
    run_free(&run);
}
END_TEST

START_TEST(each_refusal_has_its_result_code)
{
    static const struct {
        const char *answer;
        enum hangar_rc rc;
    } cases[] = {
        {"-NOMASTERLINK Can't SYNC while not connected with my master\r\n", HANGAR_RETRY},
        {"-LOADING Redis is loading the dataset in memory\r\n", HANGAR_RETRY},
        {"-NOPERM this user has no permissions\r\n", HANGAR_AUTH},
        {"-ERR Command disallowed\r\n", HANGAR_IO},
        {"+WHAT\r\n", HANGAR_IO},
        {"+CONTINUE\r\n", HANGAR_IO},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run run;
        back_up_fake(&run,
                     (const struct fake_rule[]){{"INFO", INFO_7, 0, 0, 0},
                                                {"PSYNC", cases[i].answer, 0, 0, 0},
                                                {NULL, NULL, 0, 0, 0}},
                     0);
        ck_assert_msg(run.rc == cases[i].rc, "%s: result %d", cases[i].answer, (int)run.rc);
        run_free(&run);
    }
}
END_TEST

START_TEST(a_failed_save_of_the_server_is_reported)
{
    struct run run;
    back_up_fake(&run,
                 (const struct fake_rule[]){
                     {"INFO", INFO_7, 0, 0, 0},
                     {"PSYNC", FULLRESYNC "\n\n-ERR BGSAVE failed\x1b[31m, replication aborted\r\n",
                      0, 0, 0},
                     {NULL, NULL, 0, 0, 0}},
                 0);
    assert_fails(&run, HANGAR_IO, "refused PSYNC: ERR BGSAVE failed\\x1b[31m");
    run_free(&run);
}
END_TEST

START_TEST(a_backup_waits_while_the_server_loads_or_saves)
{
    struct run run;
    build_transfer(FULLRESYNC);
    back_up_fake(
        &run,
        (const struct fake_rule[]){
            {"INFO", "$30\r\nredis_version:7.0.0\r\nloading:1\r\n", 0, 1, 0},
            {"INFO", "$45\r\nredis_version:7.0.0\r\nrdb_bgsave_in_progress:1\r\n", 0, 2, 0},
            {"INFO", INFO_7, 0, 0, 0},
            {"PSYNC", transfer, transfer_size, 0, 0},
            {NULL, NULL, 0, 0, 0}},
        0);
    assert_ok(&run);
    ck_assert_int_eq(fake_redis_heard(&fake, "INFO"), 4);
    ck_assert_int_eq(fake_redis_heard(&fake, "REPLCONF rdb-only 1"), 1);
    ck_assert_int_eq(fake_redis_heard(&fake, "REPLCONF capa"),
                     0); /* the snapshot is written to disk */
    run_free(&run);
}
END_TEST

START_TEST(a_missing_checksum_is_reported_as_unverified)
{
    rdb_start(&rdb, 9);
    rdb_key(&rdb, 0, "k");
    rdb_string(&rdb, "v");
    rdb_finish(&rdb, 0);
    transfer_size = (size_t)sprintf(transfer, FULLRESYNC "$%zu\r\n", rdb.size);
    memcpy(transfer + transfer_size, rdb.data, rdb.size);
    struct run run;
    back_up_fake(&run,
                 (const struct fake_rule[]){{"INFO", INFO_7, 0, 0, 0},
                                            {"PSYNC", transfer, transfer_size + rdb.size, 0, 0},
                                            {NULL, NULL, 0, 0, 0}},
                 0);
    assert_ok(&run);
    ck_assert_str_eq(fake_attr(run.facts, "crc"), "unverified");
    ck_assert_ptr_nonnull(strstr(fake_host_log(run.fake), "has no checksum"));
    run_free(&run);
}
END_TEST

START_TEST(an_empty_backup_of_a_server_with_keys_is_reported)
{
    rdb_start(&rdb, 9);
    rdb_finish(&rdb, 1);
    transfer_size = (size_t)sprintf(transfer, FULLRESYNC "$%zu\r\n", rdb.size);
    memcpy(transfer + transfer_size, rdb.data, rdb.size);
    static const char info[] = "$47\r\nredis_version:7.0.15\r\ndb0:keys=12,expires=3,x=4\r\n";
    struct run run;
    back_up_fake(&run,
                 (const struct fake_rule[]){{"INFO", info, 0, 0, 0},
                                            {"PSYNC", transfer, transfer_size + rdb.size, 0, 0},
                                            {NULL, NULL, 0, 0, 0}},
                 0);
    assert_ok(&run);
    ck_assert_ptr_nonnull(
        strstr(fake_host_log(run.fake), "has no keys, but the server reported 12 keys"));
    run_free(&run);
}
END_TEST

START_TEST(a_huge_reply_is_refused_before_its_memory_is_allocated)
{
    static const char *const answers[] = {"*134217728\r\n", "*1000000\r\n*1000000\r\n*1000000\r\n",
                                          "*2147483647\r\n:1\r\n"};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct run run;
        back_up_fake(
            &run, (const struct fake_rule[]){{"INFO", answers[i], 0, 0, 0}, {NULL, NULL, 0, 0, 0}},
            0);
        assert_fails(&run, HANGAR_IO, "sent an invalid reply: too large");
        run_free(&run);
    }
}
END_TEST

START_TEST(a_server_that_is_not_redis_is_reported)
{
    static const char *const answers[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "*x\r\n", "$-5\r\n"};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct run run;
        back_up_fake(&run,
                     (const struct fake_rule[]){{"INFO", answers[i], 0, 0, FAKE_CLOSE},
                                                {NULL, NULL, 0, 0, 0}},
                     0);
        assert_fails(&run, HANGAR_IO, "redis at socket");
        run_free(&run);
    }
}
END_TEST

/* ---- restores ---- */

/* Restores a string and a string with an expiry into a server with these rules. */
static void restore_into_fake(struct run *run, const struct fake_rule *rules, const char *setting)
{
    rdb_start(&rdb, 9);
    rdb_key(&rdb, 0, "one");
    rdb_string(&rdb, "value");
    rdb_byte(&rdb, 252);
    rdb_bytes(&rdb, "\0\0\0\0\0\2\0\0", 8); /* 2039 */
    rdb_key(&rdb, 0, "expires");
    rdb_string(&rdb, "value");
    rdb_byte(&rdb, 252);
    rdb_bytes(&rdb, "\0\0\0\0\0\2\0\0", 8);
    rdb_key(&rdb, 2, "set");
    rdb_length(&rdb, 1);
    rdb_string(&rdb, "member");
    rdb_finish(&rdb, 1);
    fake_redis_start(&fake, rules, 0);
    run_open(run, (const char *[]){fake.socket_option, "timeout=500ms", setting, NULL});
    run_restore(run, rdb.data, rdb.size, 10, NULL, 0);
    fake_redis_stop(&fake);
}

#define INFO_EMPTY "$35\r\nredis_version:7.0.15\r\nrole:master\r\n\r\n"
#define INFO_AFTER "$46\r\nredis_version:7.0.15\r\ndb0:keys=3,expires=2,x=4\r\n"

START_TEST(a_new_server_receives_modern_commands)
{
    struct run run;
    restore_into_fake(&run,
                      (const struct fake_rule[]){{"INFO", INFO_EMPTY, 0, 1, 0},
                                                 {"INFO", INFO_AFTER, 0, 0, 0},
                                                 {NULL, NULL, 0, 0, 0}},
                      "on_conflict=fail");
    assert_ok(&run);
    ck_assert_int_eq(fake_redis_heard(&fake, "SELECT 0"), 1);
    ck_assert_int_eq(fake_redis_heard(&fake, "SET one value NX"), 1);
    ck_assert_int_eq(fake_redis_heard(&fake, "SET expires value PXAT 2199023255552 NX"), 1);
    ck_assert_int_eq(fake_redis_heard(&fake, "RESTORE set 2199023255552 "), 1);
    ck_assert_ptr_nonnull(strstr(fake.heard, " ABSTTL\n"));
    ck_assert_str_eq(fake_attr(run.report, "keys"), "3");
    run_free(&run);
}
END_TEST

START_TEST(an_old_server_receives_commands_that_it_supports)
{
    struct run run;
    restore_into_fake(&run,
                      (const struct fake_rule[]){
                          {"INFO", "$34\r\nredis_version:4.0.9\r\nrole:master\r\n\r\n", 0, 1, 0},
                          {"INFO", INFO_AFTER, 0, 0, 0},
                          {NULL, NULL, 0, 0, 0}},
                      "on_conflict=replace");
    assert_ok(&run);
    ck_assert_int_eq(fake_redis_heard(&fake, "SET one value"), 1);
    ck_assert_int_eq(fake_redis_heard(&fake, "SET expires value PX "), 1);
    ck_assert_ptr_null(strstr(fake.heard, "PXAT"));
    ck_assert_ptr_null(strstr(fake.heard, "ABSTTL"));
    ck_assert_ptr_null(strstr(fake.heard, "NX"));
    ck_assert_ptr_nonnull(strstr(fake.heard, " REPLACE\n"));
    run_free(&run);
}
END_TEST

START_TEST(keys_refused_by_a_busy_server_are_sent_again)
{
    struct run run;
    restore_into_fake(&run,
                      (const struct fake_rule[]){{"INFO", INFO_EMPTY, 0, 1, 0},
                                                 {"INFO", INFO_AFTER, 0, 0, 0},
                                                 {"SET one", "-BUSY Redis is busy\r\n", 0, 2, 0},
                                                 {"RESTORE", "-LOADING wait\r\n", 0, 1, 0},
                                                 {NULL, NULL, 0, 0, 0}},
                      "on_conflict=fail");
    assert_ok(&run);
    ck_assert_int_eq(fake_redis_heard(&fake, "SET one"), 3);
    ck_assert_int_eq(fake_redis_heard(&fake, "SET expires"), 1);
    ck_assert_int_eq(fake_redis_heard(&fake, "RESTORE"), 2);
    ck_assert_str_eq(fake_attr(run.report, "keys"), "3");
    run_free(&run);
}
END_TEST

START_TEST(a_server_that_stays_busy_fails_the_restore)
{
    struct run run;
    restore_into_fake(&run,
                      (const struct fake_rule[]){{"INFO", INFO_EMPTY, 0, 1, 0},
                                                 {"INFO", INFO_AFTER, 0, 0, 0},
                                                 {"SET one", "-BUSY Redis is busy\r\n", 0, 0, 0},
                                                 {NULL, NULL, 0, 0, 0}},
                      "on_conflict=fail");
    assert_fails(&run, HANGAR_RETRY, "BUSY Redis is busy");
    run_free(&run);
}
END_TEST

START_TEST(every_refused_key_fails_the_restore_with_its_name)
{
    static const struct {
        const char *command, *answer;
        enum hangar_rc rc;
        const char *error;
    } cases[] = {
        {"SET expires", "-OOM command not allowed\r\n", HANGAR_NO_SPACE,
         "cannot restore key expires (string, type 0) of database 0"},
        {"RESTORE set", "-ERR Bad data format\r\n", HANGAR_UNSUPPORTED,
         "cannot restore key set (set, type 2)"},
        {"RESTORE set", "-BUSYKEY Target key name already exists.\r\n", HANGAR_EXISTS, "key set"},
        {"SET one", "$-1\r\n", HANGAR_EXISTS, "key one"},
        {"SET one", "-READONLY You can't write\r\n", HANGAR_IO, "READONLY"},
        {"SET one", "-NOPERM no\r\n", HANGAR_AUTH, "NOPERM"},
        {"SELECT", "-ERR DB index is out of range\r\n", HANGAR_IO, "refused SELECT"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run run;
        restore_into_fake(&run,
                          (const struct fake_rule[]){{"INFO", INFO_EMPTY, 0, 1, 0},
                                                     {"INFO", INFO_AFTER, 0, 0, 0},
                                                     {cases[i].command, cases[i].answer, 0, 0, 0},
                                                     {NULL, NULL, 0, 0, 0}},
                          "on_conflict=fail");
        assert_fails(&run, cases[i].rc, cases[i].error);
        run_free(&run);
    }
}
END_TEST

START_TEST(missing_keys_at_the_end_fail_the_restore)
{
    struct run run;
    restore_into_fake(
        &run,
        (const struct fake_rule[]){
            {"INFO", INFO_EMPTY, 0, 1, 0},
            {"INFO", "$46\r\nredis_version:7.0.15\r\ndb0:keys=2,expires=2,x=4\r\n", 0, 0, 0},
            {NULL, NULL, 0, 0, 0}},
        "on_conflict=fail");
    assert_fails(&run, HANGAR_IO,
                 "has 0 keys without and 2 with an expiry, but the server accepted 1 and 2");
    run_free(&run);
}
END_TEST

START_TEST(a_lost_connection_fails_the_restore)
{
    struct run run;
    restore_into_fake(&run,
                      (const struct fake_rule[]){{"INFO", INFO_EMPTY, 0, 1, 0},
                                                 {"INFO", INFO_AFTER, 0, 0, 0},
                                                 {"SET expires", "+OK\r\n", 0, 0, FAKE_CLOSE},
                                                 {NULL, NULL, 0, 0, 0}},
                      "on_conflict=fail");
    assert_fails(&run, HANGAR_IO, "");
    run_free(&run);
}
END_TEST

START_TEST(a_stalled_target_fails_the_restore_after_the_timeout)
{
    struct run run;
    restore_into_fake(&run,
                      (const struct fake_rule[]){{"INFO", INFO_EMPTY, 0, 1, 0},
                                                 {"SET expires", "", 0, 0, 0},
                                                 {NULL, NULL, 0, 0, 0}},
                      "on_conflict=fail");
    assert_fails(&run, HANGAR_IO, "sent and received nothing for 1 s");
    run_free(&run);
}
END_TEST

static void *cancel_restore_soon(void *arg)
{
    usleep(100000);
    fake_host_cancel(arg);
    return NULL;
}

START_TEST(a_cancellation_ends_a_restore_that_waits)
{
    rdb_build_old_types(&rdb, 9);
    fake_redis_start(&fake,
                     (const struct fake_rule[]){{"INFO", INFO_EMPTY, 0, 1, 0},
                                                {"RESTORE set", "", 0, 0, 0},
                                                {NULL, NULL, 0, 0, 0}},
                     0);
    struct run run;
    run_open(&run, (const char *[]){fake.socket_option, NULL});
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_restore_soon, run.fake), 0);
    run_restore(&run, rdb.data, rdb.size, MANY, NULL, 0);
    pthread_join(thread, NULL);
    fake_redis_stop(&fake);
    assert_fails(&run, HANGAR_CANCELLED, "cancelled");
    run_free(&run);
}
END_TEST

START_TEST(a_large_value_waits_until_the_server_is_not_busy)
{
    static unsigned char data[300000];
    rdb_start(&rdb, 9);
    rdb_key(&rdb, 0, "large");
    rdb_length(&rdb, 200000);
    memcpy(data, rdb.data, rdb.size);
    memset(data + rdb.size, 'x', 200000);
    data[rdb.size + 200000] = 255;
    memset(data + rdb.size + 200001, 0, 8); /* no checksum */
    fake_redis_start(
        &fake,
        (const struct fake_rule[]){
            {"INFO", INFO_EMPTY, 0, 1, 0},
            {"INFO", "$46\r\nredis_version:7.0.15\r\ndb0:keys=1,expires=0,x=4\r\n", 0, 0, 0},
            {"PING", "-BUSY Redis is busy\r\n", 0, 2, 0},
            {NULL, NULL, 0, 0, 0}},
        0);
    struct run run;
    run_open(&run, (const char *[]){fake.socket_option, NULL});
    run_restore(&run, data, rdb.size + 200009, 4096, NULL, 0);
    fake_redis_stop(&fake);
    assert_ok(&run);
    ck_assert_int_eq(fake_redis_heard(&fake, "PING"), 3);
    ck_assert_int_eq(fake_redis_heard(&fake, "SET large xxx"), 1);
    run_free(&run);
}
END_TEST

START_TEST(a_target_of_the_wrong_kind_is_refused)
{
    static const struct {
        const char *info;
        enum hangar_rc rc;
        const char *error;
    } cases[] = {
        {"$51\r\nredis_version:7.0.15\r\nrole:slave\r\nmaster_host:db1\r\n\r\n", HANGAR_UNSUPPORTED,
         "it is a replica; hint: restore into its master, db1"},
        {"$41\r\nredis_version:7.0.15\r\ncluster_enabled:1\r\n\r\n", HANGAR_UNSUPPORTED,
         "node of a cluster"},
        {"-NOPERM no INFO\r\n", HANGAR_AUTH, "may not use INFO"},
        {"$46\r\nredis_version:7.0.15\r\ndb0:keys=1,expires=0,x=4\r\n", HANGAR_EXISTS,
         "it is not empty (1 keys, 0 libraries of functions)"},
        {"$45\r\nredis_version:7.0.15\r\nnumber_of_libraries:2\r\n\r\n", HANGAR_EXISTS,
         "it is not empty (0 keys, 2 libraries of functions)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run run;
        restore_into_fake(
            &run,
            (const struct fake_rule[]){{"INFO", cases[i].info, 0, 0, 0}, {NULL, NULL, 0, 0, 0}},
            "on_conflict=fail");
        assert_fails(&run, cases[i].rc, cases[i].error);
        ck_assert_int_eq(fake_redis_heard(&fake, "S"), 0); /* nothing was written */
        run_free(&run);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis faults");
    TCase *tests = tcase_create("faults");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, keepalives_may_arrive_anywhere_before_the_rdb);
    tcase_add_test(tests, a_transfer_that_ends_at_any_byte_fails_the_backup);
    tcase_add_test(tests, a_connection_may_end_after_the_rdb);
    tcase_add_test(tests, a_server_without_psync_is_backed_up_with_sync);
    tcase_add_test(tests, a_server_without_rdb_only_is_backed_up_with_a_warning);
    tcase_add_test(tests, each_refusal_has_its_result_code);
    tcase_add_test(tests, a_failed_save_of_the_server_is_reported);
    tcase_add_test(tests, a_backup_waits_while_the_server_loads_or_saves);
    tcase_add_test(tests, a_missing_checksum_is_reported_as_unverified);
    tcase_add_test(tests, an_empty_backup_of_a_server_with_keys_is_reported);
    tcase_add_test(tests, a_huge_reply_is_refused_before_its_memory_is_allocated);
    tcase_add_test(tests, a_server_that_is_not_redis_is_reported);
    tcase_add_test(tests, a_new_server_receives_modern_commands);
    tcase_add_test(tests, an_old_server_receives_commands_that_it_supports);
    tcase_add_test(tests, keys_refused_by_a_busy_server_are_sent_again);
    tcase_add_test(tests, a_server_that_stays_busy_fails_the_restore);
    tcase_add_test(tests, every_refused_key_fails_the_restore_with_its_name);
    tcase_add_test(tests, missing_keys_at_the_end_fail_the_restore);
    tcase_add_test(tests, a_lost_connection_fails_the_restore);
    tcase_add_test(tests, a_stalled_target_fails_the_restore_after_the_timeout);
    tcase_add_test(tests, a_cancellation_ends_a_restore_that_waits);
    tcase_add_test(tests, a_large_value_waits_until_the_server_is_not_busy);
    tcase_add_test(tests, a_target_of_the_wrong_kind_is_refused);
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
