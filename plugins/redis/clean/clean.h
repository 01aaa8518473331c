/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean: replaces all data of a running server in one step (--mode clean).  The restore loads the
 * backup into spare databases beside the data in use (spares.h), compares it, and swaps it in with
 * one transaction that also deletes the old data.  Before that transaction the data in use is
 * never changed; a failure leaves it as it was.
 *
 *     rd_clean_prepare ──► rd_clean_begin ──► ( rd_clean_db | rd_clean_function )*
 *             ──► rd_clean_loaded* ──► rd_clean_check ──► rd_clean_swap ──► rd_clean_drop
 */
#ifndef RD_CLEAN_CLEAN_H
#define RD_CLEAN_CLEAN_H

#include "wire/server_info.h"

struct rd_clean_restore;
struct rd_content;

/* Refuses a restore that cannot succeed; changes nothing.  `loader` is the connection on which the
 * keys will be sent.  *out may be set after a failure. */
enum hangar_rc rd_clean_prepare(struct rd_client *loader, const struct hangar_restore *how,
                                const struct rd_content *content, const struct rd_server *server,
                                struct rd_clean_restore **out);
void rd_clean_plan(const struct rd_clean_restore *clean, const struct rd_server *server,
                   struct hangar_text *plan);

/* Before the first key: empties databases that hold leftovers of a dead restore. */
enum hangar_rc rd_clean_begin(struct rd_clean_restore *clean);

/* Gets the spare database into which the keys of `db` are loaded; claims one at the first call. */
enum hangar_rc rd_clean_db(struct rd_clean_restore *clean, uint64_t db, uint64_t *spare);

/* All keys of `db` are loaded: the server accepted so many without and with an expiry. */
void rd_clean_loaded(struct rd_clean_restore *clean, uint64_t db, uint64_t lasting,
                     uint64_t expiring);

/* Adds a piece of a library of functions, as the RDB stores it, with its opcode. */
enum hangar_rc rd_clean_function(struct rd_clean_restore *clean, const unsigned char *data,
                                 size_t size);

/* True for the name of the key that marks a spare database; such a key is never loaded. */
bool rd_clean_is_marker(const unsigned char *name, size_t size);

/* Called during the load, after `size` more bytes were sent.  Fails before the load takes the
 * memory that the data in use needs. */
enum hangar_rc rd_clean_watch(struct rd_clean_restore *clean, size_t size);

/* True when `spare` is a database of this restore; *db is the database of the backup. */
bool rd_clean_origin(const struct rd_clean_restore *clean, uint64_t spare, uint64_t *db);

/* Everything is loaded: tests that the server accepts the functions.  `rdb_version` is the version
 * in the footer of their payload. */
enum hangar_rc rd_clean_check(struct rd_clean_restore *clean, unsigned rdb_version);
enum hangar_rc rd_clean_swap(struct rd_clean_restore *clean);

/* Empties the spare databases unless they were swapped in.  All other connections of the restore
 * must be closed. */
void rd_clean_drop(struct rd_clean_restore *clean);

#endif
