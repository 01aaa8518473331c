/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * check: whether a server can be backed up, found out without starting a snapshot.
 */
#ifndef RD_BACKUP_CHECK_H
#define RD_BACKUP_CHECK_H

#include "wire/server_info.h"

/* The `check` of the source: connects, logs in, and reports the state of the server. */
enum hangar_rc redis_check(void *inst, struct hangar_attrs *facts);

/* Fails with HANGAR_AUTH when the ACL of the server refuses replication to the user.  Logs a
 * message, and succeeds, when the server does not answer the question. */
enum hangar_rc rd_check_rights(struct rd_client *client);

/* Warns about a state in which a backup is incomplete.  HANGAR_RETRY: a replica without a link to
 * its master, whose data is old. */
enum hangar_rc rd_check_state(struct redis *redis, const struct rd_server *server);

#endif
