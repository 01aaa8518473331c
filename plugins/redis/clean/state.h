/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state: the state of a clean restore, and what the files of this folder share.
 */
#ifndef RD_CLEAN_STATE_H
#define RD_CLEAN_STATE_H

#include "backup/attrs.h"
#include "clean/spares.h"
#include "wire/server_info.h"
#include "wire/value.h"

struct rd_clean_restore {
    struct redis *redis;
    const struct hangar_restore *how;
    char run_id[48]; /* of the server */
    struct rd_spares spares;
    bool has_functions;        /* the server supports them */
    struct rd_content content; /* of the backup */
    uint64_t leftovers;        /* databases with leftovers of a dead restore */
    struct rd_value functions; /* the libraries; with a footer: the payload of FUNCTION RESTORE */
    uint64_t memory_most;      /* maxmemory of the server in bytes; 0: no limit */
    uint64_t watch_each, unwatched; /* bytes between two checks of the memory; since the last */
    uint64_t *others;               /* databases with keys that the backup does not have */
    size_t other_count;
};

/* The part of a limit that a restore leaves free. */
#define RD_FIVE_PERCENT(number) ((number) / 20)

/* The number of spare databases; an empty backup needs one, too. */
static inline uint64_t rd_clean_dbs_needed(const struct rd_clean_restore *clean)
{
    return clean->content.db_count > 0 ? clean->content.db_count : 1;
}

/* precheck.c */
bool rd_clean_may_be_spare(const struct rd_clean_restore *clean, const struct rd_server *server,
                           uint64_t db);
/* Counts the databases with leftovers; with `empty_them`, empties them.  Fails when another restore
 * is running. */
enum hangar_rc rd_clean_find_leftovers(struct rd_clean_restore *clean,
                                       const struct rd_server *server, bool empty_them);
enum hangar_rc rd_clean_refuse_few_databases(struct rd_clean_restore *clean,
                                             const struct rd_server *server);
enum hangar_rc rd_clean_refuse_rights(struct rd_clean_restore *clean,
                                      const struct rd_server *server);
enum hangar_rc rd_clean_refuse_memory(const struct rd_clean_restore *clean,
                                      const struct rd_server *server);

#endif
