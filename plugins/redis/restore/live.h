/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * live: restores into a running server, key by key (method: live).
 *
 *     rd_live_prepare ──► rd_live_open ──► rd_live_write* ──► rd_live_complete
 *                     ──► rd_live_check ──► rd_live_end ──► rd_live_drop
 */
#ifndef RD_RESTORE_LIVE_H
#define RD_RESTORE_LIVE_H

#include "instance.h"

struct rd_live_restore;

/* Refuses what cannot succeed, and writes the plan.  *out may be set after a failure. */
enum hangar_rc rd_live_prepare(struct redis *redis, const struct hangar_restore *how,
                               struct rd_live_restore **out);
/* Before the first write.  With on_conflict: flush it deletes the data of the server. */
enum hangar_rc rd_live_open(struct rd_live_restore *live);
enum hangar_rc rd_live_write(struct rd_live_restore *live, const void *data, size_t size);
/* After the last byte. */
enum hangar_rc rd_live_complete(struct rd_live_restore *live);
/* The steps that may fail or need long: the comparison, the test of the functions. */
enum hangar_rc rd_live_check(struct rd_live_restore *live);
/* Fills the report.  In mode clean it swaps the data in. */
enum hangar_rc rd_live_end(struct rd_live_restore *live, struct hangar_attrs *report);
/* Warns that an unfinished restore leaves the keys that it has sent. */
void rd_live_warn_of_rest(const struct rd_live_restore *live);

void rd_live_drop(struct rd_live_restore *live);

#endif
