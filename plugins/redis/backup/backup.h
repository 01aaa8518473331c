/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: the backup callbacks of the source.  They ask a server for its data as a replica does,
 * check the RDB that arrives, and pass it to the core as one object.
 *
 *     redis_prepare ──► redis_begin ──► redis_next ──► redis_read* ──► redis_close ──► redis_end
 *
 * redis_end is called in any case, and frees everything.
 */
#ifndef RD_BACKUP_BACKUP_H
#define RD_BACKUP_BACKUP_H

#include "instance.h"
#include "rdb/walk.h"

enum hangar_rc redis_prepare(void *inst);
/* `point` may be NULL. */
enum hangar_rc redis_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point);
enum hangar_rc redis_next(void *inst, struct hangar_object_info *info, struct hangar_object **out);
enum hangar_rc redis_read(struct hangar_object *object, void *buffer, size_t size, size_t *got);
enum hangar_rc redis_close(struct hangar_object *object, struct hangar_attrs *attrs);
enum hangar_rc redis_end(void *inst, struct hangar_attrs *facts);

/* Between prepare and begin: `events` receive the data instead of the digest of the backup. */
enum hangar_rc rd_backup_follow(struct redis *redis, const struct rdb_events *events, void *arg);

#endif
