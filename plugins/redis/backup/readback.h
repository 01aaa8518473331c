/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * readback: reads all data of a server as a backup does, and stores none of it.
 */
#ifndef RD_BACKUP_READBACK_H
#define RD_BACKUP_READBACK_H

#include "instance.h"
#include "rdb/walk.h"

/* Reads the data.  `events` receive it; NULL: the digest of a backup is computed.  `facts`, when
 * not NULL, receive what a backup records: recovery point, attributes and facts. */
enum hangar_rc rd_read_back(struct redis *redis, const struct rdb_events *events, void *arg,
                            struct hangar_attrs *facts);

/* The `inspect` of the source. */
enum hangar_rc redis_inspect(void *inst, struct hangar_attrs *facts);

#endif
