/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_restore: restores into real servers: what happens with data that is
 * there, what is refused, memory, old types, files, TLS, RESTORE.txt.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "rdb_build.h"
#include "run.h"
#include "server.h"
#include "testing.h"

#define MANY ((size_t)1 << 20)

static const char *const no_arguments[] = {NULL};
static struct server source, target;
static struct run backup;

static void assert_ok(struct run *run)
{
    ck_assert_msg(run->complete, "failed (%d): %s", (int)run->rc, run_error(run));
}

static void assert_fails(struct run *run, enum hangar_rc rc, const char *text)
{
    ck_assert(!run->complete);
    ck_assert_msg(run->rc == rc, "came to %d: %s", (int)run->rc, run_error(run));
    ck_assert_msg(strstr(run_error(run), text) != NULL, "says: %s", run_error(run));
}

/* Two servers, and a backup of what the first has after `commands` ("" to fill it). */
static void set_up(const char *const *commands)
{
    server_start(&source, no_arguments);
    server_start(&target, no_arguments);
    if (commands[0] == NULL) {
        server_fill(&source, true);
    }
    for (; *commands != NULL; commands++) {
        server_do(&source, *commands);
    }
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    assert_ok(&backup);
}

static void tear_down(void)
{
    run_free(&backup);
    server_stop(&source);
    server_stop(&target);
}

/* Restores the backup into the target with this setting. */
static void restore(struct run *run, const char *setting, uint32_t flags)
{
    run_open(run, (const char *[]){target.socket_option, setting, NULL});
    run_restore(run, backup.data, backup.size, MANY, backup.attrs, flags);
}

static void assert_value(struct server *server, const char *command, const char *value)
{
    redisReply *reply = server_ask(server, command);
    ck_assert_msg(value ? reply->str && strcmp(reply->str, value) == 0
                        : reply->type == REDIS_REPLY_NIL,
                  "%s: %s", command, reply->str ? reply->str : "nil");
    freeReplyObject(reply);
}

static const char *const three_keys[] = {"SET mine backup", "RPUSH list backup",
                                         "SET only-in-backup backup", NULL};

static void put_data_into_target(void)
{
    server_do(&target, "SET mine target");
    server_do(&target, "RPUSH list target");
    server_do(&target, "SET only-in-target target");
}

START_TEST(a_target_with_data_is_refused_and_stays_as_it_was)
{
    struct run run;
    set_up(three_keys);
    put_data_into_target();
    char digest[64];
    strcpy(digest, server_digest(&target));
    restore(&run, "on_conflict=fail", 0);
    assert_fails(&run, HANGAR_EXISTS, "it is not empty (3 keys, 0 libraries");
    ck_assert_ptr_nonnull(strstr(run_error(&run), ".on_conflict=replace"));
    ck_assert_str_eq(server_digest(&target), digest);
    run_free(&run);
    server_do(&target, "FLUSHALL");
    server_do(&target, "SELECT 7");
    server_do(&target, "SET a b");
    server_do(&target, "SELECT 0");
    restore(&run, "on_conflict=fail", 0);
    assert_fails(&run, HANGAR_EXISTS, "it is not empty (1 keys");
    run_free(&run);
    tear_down();
}
END_TEST

START_TEST(replace_overwrites_and_keeps_the_rest)
{
    struct run run;
    set_up(three_keys);
    put_data_into_target();
    restore(&run, "on_conflict=replace", 0);
    assert_ok(&run);
    ck_assert_str_eq(fake_attr(run.report, "keys"), "3");
    assert_value(&target, "GET mine", "backup");
    assert_value(&target, "LINDEX list 0", "backup");
    assert_value(&target, "GET only-in-target", "target");
    assert_value(&target, "GET only-in-backup", "backup");
    run_free(&run);
    tear_down();
}
END_TEST

START_TEST(skip_existing_keeps_what_is_there_and_counts_it)
{
    struct run run;
    set_up(three_keys);
    put_data_into_target();
    restore(&run, "on_conflict=skip_existing", 0);
    assert_ok(&run);
    ck_assert_str_eq(fake_attr(run.report, "keys"), "1");
    ck_assert_str_eq(fake_attr(run.report, "skipped"), "2");
    assert_value(&target, "GET mine", "target");
    assert_value(&target, "LINDEX list 0", "target");
    assert_value(&target, "GET only-in-backup", "backup");
    run_free(&run);
    tear_down();
}
END_TEST

START_TEST(flush_leaves_the_backup_and_nothing_else)
{
    struct run run;
    set_up((const char *[]){NULL});
    put_data_into_target();
    redisReply *reply = redisCommand(target.link, "FUNCTION LOAD %s",
                                     "#!lua name=other\nredis.register_function('x', "
                                     "function() return 1 end)");
    ck_assert_int_ne(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    restore(&run, "on_conflict=flush", 0);
    assert_ok(&run);
    ck_assert_str_eq(server_digest(&source), server_digest(&target));
    ck_assert_str_eq(fake_attr(run.report, "functions"), "1");
    redisReply *libraries = server_ask(&target, "FUNCTION LIST");
    ck_assert_uint_eq(libraries->elements, 1);
    freeReplyObject(libraries);
    run_free(&run);
    tear_down();
}
END_TEST

START_TEST(libraries_follow_on_conflict_too)
{
    static const struct {
        const char *setting;
        enum hangar_rc rc;
        const char *restored;
    } cases[] = {{"on_conflict=fail", HANGAR_EXISTS, ""},
                 {"on_conflict=replace", HANGAR_OK, "1"},
                 {"on_conflict=skip_existing", HANGAR_OK, "0"}};
    set_up((const char *[]){NULL});
    for (size_t i = 0; i < 3; i++) {
        struct run run;
        server_do(&target, "FLUSHALL");
        server_do(&target, "FUNCTION FLUSH");
        redisReply *reply = redisCommand(target.link, "FUNCTION LOAD %s",
                                         "#!lua name=mylib\nredis.register_function('answer', "
                                         "function() return 7 end)");
        ck_assert_int_ne(reply->type, REDIS_REPLY_ERROR);
        freeReplyObject(reply);
        restore(&run, cases[i].setting, 0);
        ck_assert_msg(run.rc == cases[i].rc, "%s", run_error(&run));
        ck_assert_str_eq(fake_attr(run.report, "functions"), cases[i].restored);
        reply = server_ask(&target, "FCALL answer 0");
        ck_assert_int_eq(reply->integer, i == 1 ? 42 : 7);
        freeReplyObject(reply);
        run_free(&run);
    }
    tear_down();
}
END_TEST

START_TEST(a_dry_run_changes_nothing_and_tells_what_would_be)
{
    struct run run;
    set_up(three_keys);
    put_data_into_target();
    char digest[64];
    strcpy(digest, server_digest(&target));
    restore(&run, "on_conflict=flush", HANGAR_RESTORE_DRY_RUN);
    assert_ok(&run);
    ck_assert_str_eq(server_digest(&target), digest);
    ck_assert_ptr_nonnull(strstr(fake_text(run.plan), "delete all 3 keys"));
    ck_assert_ptr_nonnull(strstr(fake_text(run.plan), "restore 3 keys"));
    run_free(&run);
    tear_down();
}
END_TEST

START_TEST(what_this_version_cannot_do_is_refused)
{
    struct run run;
    set_up(three_keys);
    restore(&run, "on_conflict=skip_existing", HANGAR_RESTORE_COMPARE);
    assert_fails(&run, HANGAR_UNSUPPORTED, "cannot compare");
    run_free(&run);
    server_do(&target, "REPLICAOF 127.0.0.1 1");
    restore(&run, "on_conflict=flush", 0);
    assert_fails(&run, HANGAR_UNSUPPORTED, "it is a replica");
    run_free(&run);
    server_stop(&target);
    server_start(&target, (const char *[]){"--cluster-enabled", "yes", NULL});
    restore(&run, "on_conflict=fail", 0);
    assert_fails(&run, HANGAR_UNSUPPORTED, "a cluster");
    run_free(&run);
    tear_down();
}
END_TEST

START_TEST(fewer_databases_are_found_out_beforehand_or_at_the_key)
{
    struct run run;
    set_up((const char *[]){"SET a b", "SELECT 9", "SET c d", NULL});
    server_stop(&target);
    server_start(&target, (const char *[]){"--databases", "4", NULL});
    restore(&run, "on_conflict=fail", 0);
    assert_fails(&run, HANGAR_CONFIG, "keys in database 9, and the server has 4 databases");
    ck_assert_int_eq(server_keys(&target, 0), 0);
    run_free(&run);
    server_do(&target, "ACL SETUSER limited on >pw ~* +@all -config");
    run_open(&run, (const char *[]){target.socket_option, "username=limited", "password=pw", NULL});
    run_restore(&run, backup.data, backup.size, MANY, backup.attrs, 0);
    assert_fails(&run, HANGAR_IO, "refused SELECT: ERR DB index is out of range");
    run_free(&run);
    tear_down();
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
    set_up((const char *[]){NULL});
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
    tear_down();
}
END_TEST

START_TEST(keys_whose_time_is_over_are_counted_and_not_restored)
{
    struct run run;
    set_up((const char *[]){"DEBUG SET-ACTIVE-EXPIRE 0", "SET stays v", "SET gone v PXAT 1",
                            "RPUSH list v", "PEXPIRE list 20", "SET far v EX 10000", NULL});
    usleep(50000);
    server_do(&target, "SET gone of-the-target");
    restore(&run, "on_conflict=replace", 0);
    assert_ok(&run);
    ck_assert_str_eq(fake_attr(backup.attrs, "keys"), "4");
    ck_assert_str_eq(fake_attr(run.report, "keys"), "2");
    ck_assert_str_eq(fake_attr(run.report, "expired"), "2");
    ck_assert_int_eq(server_keys(&target, 0), 2); /* it took the place of the target's */
    run_free(&run);
    tear_down();
}
END_TEST

START_TEST(a_damaged_or_cut_rdb_never_restores_with_success)
{
    struct run run;
    set_up(three_keys);
    for (size_t size = 0; size < backup.size; size++) {
        server_do(&target, "FLUSHALL");
        run_open(&run, (const char *[]){target.socket_option, NULL});
        run_restore(&run, backup.data, size, MANY, NULL, 0);
        ck_assert_msg(run.rc == HANGAR_CORRUPT, "%zu bytes came to %d", size, (int)run.rc);
        run_free(&run);
    }
    backup.data[backup.size - 20] ^= 1;
    server_do(&target, "FLUSHALL");
    restore(&run, "on_conflict=fail", 0);
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
    tear_down();
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
    struct run run;
    server_start(&target, no_arguments);
    rdb_build_old_types(&rdb, 9);
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

START_TEST(an_rdb_of_a_newer_version_is_restored_where_its_types_are_known)
{
    static struct rdb_build rdb;
    struct run run;
    server_start(&target, no_arguments);
    rdb_build_old_types(&rdb, 12);
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

START_TEST(empty_collections_are_left_out_and_scripts_are_loaded)
{
    static struct rdb_build rdb;
    struct run run;
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

START_TEST(idle_times_and_frequencies_come_back_where_they_mean_something)
{
    static struct rdb_build rdb;
    struct run run;
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

/* ---- memory ---- */

/* Runs the driver as a process; gives its peak in KiB. */
static long drive(const char *what, const char *file, const char *setting, const char *more)
{
    const char *says = testing_path(testing_dir(), "says");
    int status = testing_shell("%s/redis_driver %s %s '%s' %s > %s 2>&1", REDIS_DRIVER_DIR, what,
                               file, setting, more, says);
    size_t size;
    char *text = (char *)testing_read_file(says, &size);
    ck_assert_msg(status == 0, "%s: %.*s", what, (int)size, text);
    const char *rss = strstr(text, "rss_kib ");
    ck_assert_ptr_nonnull(rss);
    long peak = atol(rss + 8);
    free(text);
    return peak;
}

START_TEST(values_of_any_size_take_bounded_memory)
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
        long peak = drive("backup", file, source.socket_option, "");
        ck_assert_msg(peak < REDIS_RSS_MOST, "backup %zu: %ld KiB", i, peak);
        peak = drive("restore", file, target.socket_option, "");
        ck_assert_msg(peak < REDIS_RSS_MOST, "restore %zu: %ld KiB", i, peak);
        ck_assert_str_eq(server_digest(&source), server_digest(&target));
        server_stop(&source);
        server_stop(&target);
        unlink(file);
    }
}
END_TEST

START_TEST(without_any_budget_collections_go_by_way_of_the_disk)
{
    struct run run;
    set_up((const char *[]){"CONFIG SET rdbcompression no", NULL});
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
    run_open(&run, (const char *[]){target.socket_option, NULL});
    fake_host_budget(run.fake, 0);
    run_restore(&run, backup.data, backup.size, 50001, backup.attrs, 0);
    assert_ok(&run);
    ck_assert_str_eq(server_digest(&source), server_digest(&target));
    run_free(&run);
    tear_down();
}
END_TEST

START_TEST(a_value_over_the_server_limit_is_refused_by_name)
{
    struct run run;
    set_up((const char *[]){"SETRANGE big 3000000 x", "CONFIG SET rdbcompression no", NULL});
    server_do(&target, "CONFIG SET proto-max-bulk-len 1048576");
    restore(&run, "on_conflict=fail", 0);
    assert_fails(&run, HANGAR_IO, "cannot restore key big (string, type 0)");
    ck_assert_ptr_nonnull(strstr(run_error(&run), "raise proto-max-bulk-len"));
    run_free(&run);
    tear_down();
}
END_TEST

START_TEST(a_hundred_megabytes_never_lock_both_sides)
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
    tear_down();
}
END_TEST

/* ---- files ---- */

/* Restores with method file into `dir`, with a server at a port where none is. */
static void restore_file(struct run *run, const char *dir, const char *setting)
{
    char option[300];
    snprintf(option, sizeof(option), "data_dir=%s", dir);
    run_open(run,
             (const char *[]){"host=127.0.0.1", "port=1", "method=file", option, setting, NULL});
    run_restore(run, backup.data, backup.size, 1000, backup.attrs, 0);
}

START_TEST(a_file_is_put_where_a_stopped_server_finds_it)
{
    struct run run;
    struct stat folder, file;
    set_up((const char *[]){NULL});
    char digest[64], dir[200];
    strcpy(digest, server_digest(&source));
    snprintf(dir, sizeof(dir), "%s", testing_dir());
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(dir, 65534, 65534), 0);
    }
    restore_file(&run, dir, "on_conflict=fail");
    assert_ok(&run);
    ck_assert_int_eq(stat(dir, &folder), 0);
    ck_assert_int_eq(stat(testing_path(dir, "dump.rdb"), &file), 0);
    ck_assert_int_eq(file.st_mode & 07777, 0660);
    ck_assert_uint_eq(file.st_uid, folder.st_uid);
    ck_assert_uint_eq(file.st_gid, folder.st_gid);
    ck_assert_int_eq(testing_shell("test $(ls -A %s | wc -l) = 1", dir), 0);
    run_free(&run);
    restore_file(&run, dir, "on_conflict=fail"); /* there is one now */
    assert_fails(&run, HANGAR_EXISTS, "it has a dump.rdb");
    run_free(&run);
    restore_file(&run, dir, "on_conflict=replace");
    assert_ok(&run);
    run_free(&run);
    server_stop(&target);
    server_start(&target, (const char *[]){"--dir", dir, NULL});
    ck_assert_str_eq(server_digest(&target), digest);
    tear_down();
}
END_TEST

START_TEST(a_file_is_refused_where_it_would_be_lost_or_hidden)
{
    struct run run;
    set_up(three_keys);
    char dir[200], option[300];
    snprintf(dir, sizeof(dir), "%s", testing_dir());
    snprintf(option, sizeof(option), "data_dir=%s", dir);
    run_open(&run, (const char *[]){target.socket_option, "method=file", option, NULL});
    run_restore(&run, backup.data, backup.size, MANY, NULL, 0);
    assert_fails(&run, HANGAR_EXISTS, "a server is running at socket");
    run_free(&run);
    restore_file(&run, "/nonexistent/folder", "on_conflict=fail");
    assert_fails(&run, HANGAR_CONFIG, "cannot open data_dir /nonexistent/folder: No such file");
    run_free(&run);
    ck_assert_int_eq(testing_shell("mkdir %s/appendonlydir", dir), 0);
    restore_file(&run, dir, "on_conflict=flush");
    assert_fails(&run, HANGAR_EXISTS,
                 "would read the append-only data there (appendonlydir) instead of the RDB");
    run_free(&run);
    ck_assert_int_eq(testing_shell("rmdir %s/appendonlydir; touch %s/appendonly.aof", dir, dir), 0);
    restore_file(&run, dir, "on_conflict=flush");
    assert_fails(&run, HANGAR_EXISTS, "append-only data there (appendonly.aof)");
    run_free(&run);
    ck_assert_int_eq(testing_shell("rm %s/appendonly.aof; test -z \"$(ls -A %s)\"", dir, dir), 0);
    backup.size--; /* cut short: nothing may be left behind */
    restore_file(&run, dir, "on_conflict=fail");
    assert_fails(&run, HANGAR_CORRUPT, "its end is missing");
    ck_assert_int_eq(testing_shell("test -z \"$(ls -A %s)\"", dir), 0);
    run_free(&run);
    tear_down();
}
END_TEST

START_TEST(the_lines_of_restore_txt_give_the_same_data)
{
    set_up((const char *[]){NULL});
    const char *dir = testing_dir();
    testing_write_file(testing_path(dir, "dump.rdb.stored"), backup.data, backup.size);
    struct hangar_object_info info = {.struct_size = sizeof(info),
                                      .name = "dump.rdb",
                                      .attrs = backup.attrs,
                                      .decode = "cat dump.rdb.stored"};
    struct hangar_text *lines = fake_text_new();
    ck_assert_int_eq(fake_host_plugin(backup.fake)
                         ->source->restore_commands(backup.inst, backup.facts, &info, 1, lines),
                     HANGAR_OK);
    int port = target.port; /* free again */
    server_stop(&target);
    testing_write_file(testing_path(dir, "restore.sh"), fake_text(lines), strlen(fake_text(lines)));
    int status = testing_shell("cd %s && REDIS_PORT=%d sh -eu restore.sh > log 2>&1", dir, port);
    ck_assert_msg(status == 0, "%s", fake_text(lines));
    redisContext *link = NULL;
    redisReply *reply = NULL;
    for (int wait = 0; wait < 1000 && (reply == NULL || reply->type == REDIS_REPLY_ERROR); wait++) {
        usleep(10000);
        link = redisConnect("127.0.0.1", port);
        freeReplyObject(reply);
        reply = link->err ? NULL : redisCommand(link, "EVAL %s 0", "return redis.call('dbsize')");
        if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
            redisFree(link);
        }
    }
    ck_assert_ptr_nonnull(reply);
    ck_assert_int_eq(reply->integer, server_keys(&source, 0));
    freeReplyObject(reply);
    freeReplyObject(redisCommand(link, "SHUTDOWN NOSAVE"));
    redisFree(link);
    fake_text_free(lines);
    tear_down();
}
END_TEST

/* ---- TLS ---- */

START_TEST(tls_works_and_a_wrong_name_or_ca_is_refused)
{
    const char *dir = testing_dir();
    char port[32], ca[300], wrong_ca[300], cert[300], key[300];
    ck_assert_int_eq(
        testing_shell(
            "cd %s && for n in ca other; do openssl req -x509 -newkey rsa:2048 -nodes "
            "-days 2 -subj /CN=$n -keyout $n.key -out $n.crt 2>log; done && "
            "openssl req -newkey rsa:2048 -nodes -subj /CN=redis -keyout s.key -out s.csr "
            "2>log && printf 'subjectAltName=DNS:db.example,IP:127.0.0.1\\n' > ext && "
            "openssl x509 -req -in s.csr -CA ca.crt -CAkey ca.key -CAcreateserial "
            "-days 2 -extfile ext -out s.crt 2>log",
            dir),
        0);
    char tls_port[16];
    server_start(&source, no_arguments);
    snprintf(tls_port, sizeof(tls_port), "%d", source.port);
    server_stop(&source); /* its port is free for TLS */
    server_start(&source, (const char *[]){"--tls-port", tls_port, "--tls-cert-file",
                                           testing_path(dir, "s.crt"), "--tls-key-file",
                                           testing_path(dir, "s.key"), "--tls-ca-cert-file",
                                           testing_path(dir, "ca.crt"), NULL});
    server_do(&source, "SETRANGE big 5000000 x");
    server_do(&source, "CONFIG SET rdbcompression no");
    snprintf(port, sizeof(port), "port=%s", tls_port);
    snprintf(ca, sizeof(ca), "tls_ca_file=%s/ca.crt", dir);
    snprintf(wrong_ca, sizeof(wrong_ca), "tls_ca_file=%s/other.crt", dir);
    snprintf(cert, sizeof(cert), "tls_cert=%s/s.crt", dir);
    snprintf(key, sizeof(key), "tls_key=%s/s.key", dir);
    const struct {
        const char *ca, *more, *with;
        enum hangar_rc rc;
        const char *says;
    } cases[] = {
        {ca, cert, key, HANGAR_OK, ""},
        {ca, "tls_server_name=db.example", NULL, HANGAR_IO, ""}, /* wants our certificate */
        {wrong_ca, cert, key, HANGAR_IO, "the certificate of the server is not accepted"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run run;
        run_open(&run, (const char *[]){"host=127.0.0.1", port, "tls=true", cases[i].ca,
                                        cases[i].more, cases[i].with, NULL});
        run_backup(&run, 70000);
        ck_assert_msg(run.rc == cases[i].rc && strstr(run_error(&run), cases[i].says),
                      "case %zu: %d %s", i, (int)run.rc, run_error(&run));
        run_free(&run);
    }
    server_do(&source, "CONFIG SET tls-auth-clients no");
    static const struct {
        const char *name, *verify;
        bool right_ca;
        enum hangar_rc rc;
    } names[] = {{"tls_server_name=db.example", "tls_verify=true", true, HANGAR_OK},
                 {"tls_server_name=127.0.0.1", "tls_verify=true", true, HANGAR_OK},
                 {"tls_server_name=db2.example", "tls_verify=true", true, HANGAR_IO},
                 {"tls_server_name=127.0.0.2", "tls_verify=true", true, HANGAR_IO},
                 {"tls_server_name=db2.example", "tls_verify=false", false, HANGAR_OK}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct run run;
        run_open(&run, (const char *[]){"host=127.0.0.1", port, "tls=true", names[i].name,
                                        names[i].verify, names[i].right_ca ? ca : wrong_ca, NULL});
        run_backup(&run, 70000);
        ck_assert_msg(run.rc == names[i].rc, "name %zu: %d %s", i, (int)run.rc, run_error(&run));
        run_free(&run);
    }
    struct run run, restored;
    run_open(&run, (const char *[]){source.socket_option, NULL});
    run_backup(&run, MANY);
    assert_ok(&run);
    char digest[64];
    strcpy(digest, server_digest(&source));
    run_open(&restored,
             (const char *[]){"host=127.0.0.1", port, "tls=true", ca, "on_conflict=flush", NULL});
    run_restore(&restored, run.data, run.size, MANY, NULL, 0);
    assert_ok(&restored);
    ck_assert_str_eq(server_digest(&source), digest);
    run_free(&run);
    run_free(&restored);
    server_stop(&source);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis restore");
    TCase *tests = tcase_create("restore");
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, a_target_with_data_is_refused_and_stays_as_it_was);
    tcase_add_test(tests, replace_overwrites_and_keeps_the_rest);
    tcase_add_test(tests, skip_existing_keeps_what_is_there_and_counts_it);
    tcase_add_test(tests, flush_leaves_the_backup_and_nothing_else);
    tcase_add_test(tests, libraries_follow_on_conflict_too);
    tcase_add_test(tests, a_dry_run_changes_nothing_and_tells_what_would_be);
    tcase_add_test(tests, what_this_version_cannot_do_is_refused);
    tcase_add_test(tests, fewer_databases_are_found_out_beforehand_or_at_the_key);
    tcase_add_test(tests, a_user_with_the_documented_rights_can_restore);
    tcase_add_test(tests, keys_whose_time_is_over_are_counted_and_not_restored);
    tcase_add_test(tests, a_damaged_or_cut_rdb_never_restores_with_success);
    tcase_add_test(tests, types_of_old_servers_are_restored);
    tcase_add_test(tests, an_rdb_of_a_newer_version_is_restored_where_its_types_are_known);
    tcase_add_test(tests, empty_collections_are_left_out_and_scripts_are_loaded);
    tcase_add_test(tests, idle_times_and_frequencies_come_back_where_they_mean_something);
    tcase_add_test(tests, values_of_any_size_take_bounded_memory);
    tcase_add_test(tests, without_any_budget_collections_go_by_way_of_the_disk);
    tcase_add_test(tests, a_value_over_the_server_limit_is_refused_by_name);
    tcase_add_test(tests, a_hundred_megabytes_never_lock_both_sides);
    tcase_add_test(tests, a_file_is_put_where_a_stopped_server_finds_it);
    tcase_add_test(tests, a_file_is_refused_where_it_would_be_lost_or_hidden);
    tcase_add_test(tests, the_lines_of_restore_txt_give_the_same_data);
    tcase_add_test(tests, tls_works_and_a_wrong_name_or_ca_is_refused);
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
