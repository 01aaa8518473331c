/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * attrs: what a backup records about its data: attributes of the object dump.rdb, and facts of
 * the source.  A restore reads the attributes back.  It is independent of the source of the data.
 */
#ifndef RD_BACKUP_ATTRS_H
#define RD_BACKUP_ATTRS_H

#include "instance.h"
#include "rdb/counts.h"
#include "rdb/digest.h"

/* The attribute RD_DIGEST_ATTR names the kind of the digests; each total of the digest has an
 * attribute of its own beside it (rd_digest_attr_name). */
#define RD_DIGEST_ATTR "digest"
#define RD_DIGEST_KIND "xxh128-1"
#define RD_DIGEST_NAME_BYTES 48

/* The name of the attribute that holds total `which`: "digest.string", ... */
void rd_digest_attr_name(int which, char out[RD_DIGEST_NAME_BYTES]);

/* Records the attributes of the object.  `digest` is NULL when none was computed. */
void rd_attrs_of_object(const struct redis *redis, const struct rdb_counts *counts,
                        const struct rdb_digest *digest, struct hangar_attrs *attrs);

/* Records the facts of the source that the counts contain. */
void rd_facts_of_counts(const struct redis *redis, const struct rdb_counts *counts,
                        struct hangar_attrs *facts);

/* The content of a backup, as its attributes record it; a number that they lack is 0. */
struct rd_content {
    uint64_t keys, functions, highest_db;
    uint64_t used_memory;          /* bytes, of the server that was backed up */
    uint64_t dbs[RDB_DBS_COUNTED]; /* the first databases with keys, in ascending order */
    size_t db_count;
};

void rd_read_content(const struct redis *redis, const struct hangar_restore *how,
                     struct rd_content *out);

/* True when the backup may have keys in this database. */
bool rd_content_has_db(const struct rd_content *content, uint64_t db);

#endif
