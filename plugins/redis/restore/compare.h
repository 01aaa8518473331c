/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * compare: is what a server has now what was restored into it?  The backup is
 * summed up while it is sent (rdb/digest.h); then the server is asked for all its
 * data, as for a backup, and that is summed up alike.
 */
#ifndef RD_COMPARE_H
#define RD_COMPARE_H

#include "rdb/digest.h"
#include "redis.h"

struct rd_clean;
struct rd_client;
struct rd_compare;

/* The attributes of a backup's object that say what it is, or was, when it was made:
 * RD_DIGEST is how they are summed up, and beside it is one for each total. */
#define RD_DIGEST "digest"
#define RD_DIGEST_KIND "xxh128-1"
void rd_digest_attrs(const struct redis *redis, const struct rdb_digest *digest,
                     struct hangar_attrs *attrs);

/* `version` and `clock_offset_ms` are the target's; `attrs` are those of the backup's object,
 * or NULL. */
enum hangar_rc rd_compare_new(struct redis *redis, unsigned version, int64_t clock_offset_ms,
                              const struct hangar_attrs *attrs, struct rd_compare **out);
void rd_compare_free(struct rd_compare *compare);

/* Only what was loaded into spare databases is compared, and not the functions. */
void rd_compare_spares(struct rd_compare *compare, const struct rd_clean *clean);

/* What the backup is to be summed up in. */
struct rdb_digest *rd_compare_backup(struct rd_compare *compare);

/* Compares what was summed up with what was when the backup was made, where that is known,
 * then reads the target and compares that; HANGAR_CORRUPT when they differ.  Not `whole`: some
 * of the backup was left out, so that the former cannot be. */
enum hangar_rc rd_compare_run(struct rd_compare *compare, bool whole);

/* Says what was compared, and what was not. */
void rd_compare_report(const struct rd_compare *compare, struct hangar_attrs *report);

/* backup.c: is the user allowed to ask for the data? */
enum hangar_rc rd_backup_rights(struct rd_client *client);

/* backup.c: between prepare and begin: `events` get what the server sends. */
enum hangar_rc rd_backup_follow(struct redis *redis, const struct rdb_events *events, void *arg);

#endif
