/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * compare: is what a server has now what was restored into it?  The backup is
 * summed up while it is sent (rdb_digest.h); then the server is asked for all its
 * data, as for a backup, and that is summed up alike.
 */
#ifndef RD_COMPARE_H
#define RD_COMPARE_H

#include "rdb_digest.h"
#include "redis.h"

struct rd_clean;
struct rd_client;
struct rd_compare;

/* `version` and `clock_offset_ms` are the target's. */
enum hangar_rc rd_compare_new(struct redis *redis, unsigned version, int64_t clock_offset_ms,
                              struct rd_compare **out);
void rd_compare_free(struct rd_compare *compare);

/* Only what was loaded into spare databases is compared, and not the functions. */
void rd_compare_spares(struct rd_compare *compare, const struct rd_clean *clean);

/* What the backup is to be summed up in. */
struct rdb_digest *rd_compare_backup(struct rd_compare *compare);

/* Reads the target and compares; HANGAR_CORRUPT when they differ. */
enum hangar_rc rd_compare_run(struct rd_compare *compare);

/* Says what was compared, and what was not. */
void rd_compare_report(const struct rd_compare *compare, struct hangar_attrs *report);

/* backup.c: is the user allowed to ask for the data? */
enum hangar_rc rd_backup_rights(struct rd_client *client);

/* backup.c: between prepare and begin: `events` get what the server sends. */
enum hangar_rc rd_backup_follow(struct redis *redis, const struct rdb_events *events, void *arg);

#endif
