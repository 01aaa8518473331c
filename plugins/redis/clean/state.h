/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state: what clean.c and swap.c share, and nobody else sees.
 */
#ifndef RD_CLEAN_STATE_H
#define RD_CLEAN_STATE_H

#include "clean/clean.h"
#include "clean/spares.h"
#include "wire/value.h"

#define RD_MIB(bytes) ((double)(bytes) / (1024.0 * 1024.0))

struct rd_clean {
    struct redis *redis;
    const struct hangar_restore *how;
    char run_id[48]; /* of the server */
    struct rd_spares spares;
    bool has_functions;        /* the server knows them */
    uint64_t dbs;              /* of the backup, as far as it tells */
    uint64_t last_db;          /* the last of those */
    uint64_t highest_db;       /* of the backup */
    uint64_t leftovers;        /* databases that a restore that died left */
    struct rd_value functions; /* the libraries; with a footer: the payload of FUNCTION RESTORE */
    uint64_t memory_most, watch_each, unwatched;
    uint64_t *others; /* databases with keys that the backup does not have */
    size_t other_count;
};

/* Another restore into this server is under way, in this database. */
enum hangar_rc rd_clean_refuse_another(const struct rd_clean *clean, uint64_t db);

#endif
