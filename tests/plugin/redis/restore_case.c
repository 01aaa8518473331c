/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_case: see restore_case.h.
 */
#include "restore_case.h"

#include <check.h>
#include <string.h>

struct server source, target;
struct run backup;
const char *const no_arguments[] = {NULL};
const char *const three_keys[] = {"SET mine backup", "RPUSH list backup",
                                  "SET only-in-backup backup", NULL};

void set_up_restore(const char *const *commands)
{
    server_start(&source, no_arguments);
    server_start(&target, no_arguments);
    if (!commands[0]) {
        server_fill(&source, true);
    }
    for (; *commands; commands++) {
        server_do(&source, *commands);
    }
    run_open(&backup, (const char *[]){source.socket_option, NULL});
    run_backup(&backup, MANY);
    assert_ok(&backup);
}

void tear_down_restore(void)
{
    run_free(&backup);
    server_stop(&source);
    server_stop(&target);
}

void restore_backup(struct run *run, const char *setting, uint32_t flags)
{
    run_open(run, (const char *[]){target.socket_option, setting, NULL});
    run_restore(run, backup.data, backup.size, MANY, backup.attrs, flags);
}

void assert_value(struct server *server, const char *command, const char *value)
{
    redisReply *reply = server_ask(server, command);
    ck_assert_msg(value ? reply->str && strcmp(reply->str, value) == 0
                        : reply->type == REDIS_REPLY_NIL,
                  "%s: %s", command, reply->str ? reply->str : "nil");
    freeReplyObject(reply);
}
