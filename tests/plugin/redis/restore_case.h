/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_case: what the tests of restores share: two servers, and a backup of one of them.
 */
#ifndef TEST_PLUGIN_REDIS_RESTORE_CASE_H
#define TEST_PLUGIN_REDIS_RESTORE_CASE_H

#include "run.h"
#include "run_asserts.h"
#include "server.h"

#define MANY ((size_t)1 << 20)

extern struct server source, target;
extern struct run backup;
extern const char *const no_arguments[];
extern const char *const three_keys[]; /* commands for set_up_restore */

/* Starts both servers, runs `commands` on the source (none: fills it), and makes a backup of it. */
void set_up_restore(const char *const *commands);
void tear_down_restore(void);

/* Restores the backup into the target with this setting. */
void restore_backup(struct run *run, const char *setting, uint32_t flags);

/* The reply to `command` is `value`; NULL: nil. */
void assert_value(struct server *server, const char *command, const char *value);

#endif
