/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * compare: whether a server has the data that was restored into it.  The sender digests the backup
 * (rdb/digest.h); then all data of the server is read as for a backup, and digested in the same
 * way.
 */
#ifndef RD_RESTORE_COMPARE_H
#define RD_RESTORE_COMPARE_H

#include "instance.h"
#include "rdb/digest.h"

struct rd_clean_restore;
struct rd_comparison;

/* `version` and `clock_offset_ms` are those of the target; `attrs` are those of the object in the
 * backup, or NULL. */
enum hangar_rc rd_compare_new(struct redis *redis, unsigned version, int64_t clock_offset_ms,
                              const struct hangar_attrs *attrs, struct rd_comparison **out);
void rd_compare_free(struct rd_comparison *compare);

/* Compares only the spare databases of a clean restore, and no functions. */
void rd_compare_spares(struct rd_comparison *compare, const struct rd_clean_restore *clean);

/* The digest that must receive the events of the backup. */
struct rdb_digest *rd_compare_backup(struct rd_comparison *compare);

/* Compares the digest of the backup with the one that the manifest records, if it does, then with
 * the data of the target; HANGAR_CORRUPT when they differ.  With `whole` false a part of the backup
 * was left out, and the manifest cannot be compared. */
enum hangar_rc rd_compare_run(struct rd_comparison *compare, bool whole);

/* Reports what was compared, and what was not. */
void rd_compare_report(const struct rd_comparison *compare, struct hangar_attrs *report);

#endif
