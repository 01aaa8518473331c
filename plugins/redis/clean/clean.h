/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean: replaces all data of a running server in one step (--mode clean).  The
 * backup is loaded into spare databases beside the data in use (spares.h), compared,
 * and swapped in by one transaction, in which what was there goes away.  Until that
 * transaction the data in use is untouched; whatever fails before leaves it so.
 *
 *     rd_clean_prepare ──► rd_clean_begin ──► ( rd_clean_db | rd_clean_function )*
 *                                ──► rd_clean_loaded* ──► rd_clean_check ──► rd_clean_swap ──► rd_clean_drop
 */
#ifndef RD_CLEAN_H
#define RD_CLEAN_H

#include "redis.h"
#include "wire/resp.h"

struct rd_clean;

/* Looks whether it can work, and changes nothing.  `loader` is the connection on which the
 * keys will be sent.  *out may be set after a failure. */
enum hangar_rc rd_clean_prepare(struct rd_client *loader, const struct hangar_restore *how,
                                const struct rd_server *server, struct rd_clean **out);
void rd_clean_plan(const struct rd_clean *clean, const struct rd_server *server,
                   struct hangar_text *plan);

/* Before the first key: cleans what a restore that died has left. */
enum hangar_rc rd_clean_begin(struct rd_clean *clean);

/* The database into which keys of `db` are to be loaded. */
enum hangar_rc rd_clean_db(struct rd_clean *clean, uint64_t db, uint64_t *spare);

/* The keys of `db` are in: so many were taken. */
void rd_clean_loaded(struct rd_clean *clean, uint64_t db, uint64_t lasting, uint64_t expiring);

/* A piece of a library of functions, as it stands in the RDB with its opcode. */
enum hangar_rc rd_clean_function(struct rd_clean *clean, const unsigned char *data, size_t size);

/* Keys of this name are never loaded: it is the marker of a spare database. */
bool rd_clean_is_marker(const unsigned char *name, size_t size);

/* To be called now and then while loading: does the data in use still have room?  `size`
 * bytes more were sent. */
enum hangar_rc rd_clean_watch(struct rd_clean *clean, size_t size);

/* For comparing: is this database one that was loaded, and which one of the backup? */
bool rd_clean_origin(const struct rd_clean *clean, uint64_t spare, uint64_t *db);

/* Everything is in: tries what could go wrong with the swap.  `rdb_version` is for the
 * functions. */
enum hangar_rc rd_clean_check(struct rd_clean *clean, unsigned rdb_version);
enum hangar_rc rd_clean_swap(struct rd_clean *clean);

/* With all other connections closed: gives back what was claimed and not swapped. */
void rd_clean_drop(struct rd_clean *clean);

#endif
