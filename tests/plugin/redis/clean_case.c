/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean_case: see clean_case.h.
 */
#include "clean_case.h"

#include <stdio.h>
#include <string.h>
#include "testing.h"

struct server source, target;
struct run backup;
char before[64];
const char *const no_arguments[] = {NULL};

void note_target(void)
{
    snprintf(before, sizeof(before), "%s", server_digest(&target));
}

void set_up_clean(const char *const *arguments)
{
    server_start(&source, no_arguments);
    server_start(&target, arguments);
    server_fill(&source, true);
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    assert_ok(&backup);
    server_do(&target, "SET mine target");
    server_do(&target, "RPUSH list target");
    server_do(&target, "SELECT 3");
    server_do(&target, "SET only-in-target v EX 10000");
    server_do(&target, "SELECT 0");
    redisReply *reply = redisCommand(target.link, "FUNCTION LOAD %s",
                                     "#!lua name=mylib\nredis.register_function('answer', "
                                     "function() return 7 end)");
    ck_assert_int_ne(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    note_target();
}

void tear_down_clean(void)
{
    run_free(&backup);
    server_stop(&source);
    server_stop(&target);
}

void restore_clean_with(struct run *run, const char *const *settings, uint32_t flags)
{
    run_open(run, settings);
    run_restore(run, backup.data, backup.size, 1000, backup.attrs, HANGAR_RESTORE_CLEAN | flags);
}

void restore_clean(struct run *run, uint32_t flags)
{
    restore_clean_with(run, (const char *[]){target.socket_option, NULL}, flags);
}

long long target_answer(void)
{
    redisReply *reply = server_ask(&target, "FCALL answer 0");
    long long number = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
    freeReplyObject(reply);
    return number;
}

void assert_replaced(struct run *run)
{
    assert_ok(run);
    ck_assert_str_eq(server_digest(&source), server_digest(&target));
    ck_assert_int_eq(target_answer(), 42);
}

void assert_untouched(struct run *run, enum hangar_rc rc, const char *text)
{
    assert_fails(run, rc, text);
    ck_assert_str_eq(server_digest(&target), before);
    ck_assert_int_eq(target_answer(), 7);
}

void assert_contains(const char *all, const char *part)
{
    ck_assert_msg(strstr(all, part), "no \"%s\" in: %s", part, all);
}
