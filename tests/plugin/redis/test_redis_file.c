/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_file: restores as a file, and the commands of RESTORE.txt.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "restore_case.h"
#include "testing.h"

/* Restores with method file into `dir`, with a server at a port where none is. */
static void restore_file(struct run *run, const char *dir, const char *setting)
{
    char option[300];
    snprintf(option, sizeof(option), "data_dir=%s", dir);
    run_open(run,
             (const char *[]){"host=127.0.0.1", "port=1", "method=file", option, setting, NULL});
    run_restore(run, backup.data, backup.size, 1000, backup.attrs, 0);
}

START_TEST(a_stopped_server_loads_the_restored_file)
{
    struct stat folder, file;
    set_up_restore((const char *[]){NULL});
    char digest[64], dir[200];
    strcpy(digest, server_digest(&source));
    snprintf(dir, sizeof(dir), "%s", testing_dir());
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(dir, 65534, 65534), 0);
    }
    struct run run;
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
    tear_down_restore();
}
END_TEST

START_TEST(a_file_that_the_server_would_not_load_is_refused)
{
    set_up_restore(three_keys);
    char dir[200], option[300];
    snprintf(dir, sizeof(dir), "%s", testing_dir());
    snprintf(option, sizeof(option), "data_dir=%s", dir);
    struct run run;
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
    tear_down_restore();
}
END_TEST

START_TEST(the_commands_of_restore_txt_restore_the_same_data)
{
    set_up_restore((const char *[]){NULL});
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
    for (int wait = 0; wait < 1000 && (!reply || reply->type == REDIS_REPLY_ERROR); wait++) {
        usleep(10000);
        link = redisConnect("127.0.0.1", port);
        freeReplyObject(reply);
        reply = link->err ? NULL : redisCommand(link, "EVAL %s 0", "return redis.call('dbsize')");
        if (!reply || reply->type == REDIS_REPLY_ERROR) {
            redisFree(link);
        }
    }
    ck_assert_ptr_nonnull(reply);
    ck_assert_int_eq(reply->integer, server_keys(&source, 0));
    freeReplyObject(reply);
    freeReplyObject(redisCommand(link, "SHUTDOWN NOSAVE"));
    redisFree(link);
    fake_text_free(lines);
    tear_down_restore();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis file");
    TCase *tests = tcase_create("file");
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, a_stopped_server_loads_the_restored_file);
    tcase_add_test(tests, a_file_that_the_server_would_not_load_is_refused);
    tcase_add_test(tests, the_commands_of_restore_txt_restore_the_same_data);
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
