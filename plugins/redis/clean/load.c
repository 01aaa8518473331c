/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * load: the spare databases, functions and memory of a clean restore while it loads the backup.
 */
#include <inttypes.h>
#include <string.h>
#include "clean/clean.h"
#include "clean/state.h"

#define FUNCTIONS_MOST                                                                             \
    (UINT64_C(8) << 20) /* bytes of all libraries; they are sent in one command */

enum hangar_rc rd_clean_db(struct rd_clean_restore *clean, uint64_t db, uint64_t *spare)
{
    struct redis *redis = clean->redis;
    struct rd_server server = {.known = false};
    struct rd_claim *claim = rd_spares_find(&clean->spares, db);
    enum hangar_rc rc = claim ? HANGAR_OK : rd_ask_server(&clean->spares.control, &server);
    uint64_t next = clean->spares.databases; /* from the last one on: the first are used most */
    while (rc == HANGAR_OK && !claim && next > 0) {
        if (rd_clean_may_be_spare(clean, &server, --next) && next != db) {
            rc = rd_spares_claim(&clean->spares, db, next, &claim);
        }
    }
    rd_server_fini(&server);
    uint64_t origin;
    if (rc == HANGAR_OK && (!claim || rd_spares_origin(&clean->spares, db, &origin))) {
        rc = redis->host->fail(redis->ctx, HANGAR_CONFIG, 0,
                               "cannot load database %" PRIu64 " beside the data of redis at %s: "
                               "the server has no empty database for it; hint: raise the option "
                               "databases of the server",
                               db, redis->place);
    }
    if (rc == HANGAR_OK) {
        *spare = claim->spare;
    }
    return rc;
}

void rd_clean_loaded(struct rd_clean_restore *clean, uint64_t db, uint64_t lasting,
                     uint64_t expiring)
{
    struct rd_claim *claim = rd_spares_find(&clean->spares, db);
    claim->lasting = lasting;
    claim->expiring = expiring;
}

enum hangar_rc rd_clean_function(struct rd_clean_restore *clean, const unsigned char *data,
                                 size_t size)
{
    struct redis *redis = clean->redis;
    enum hangar_rc rc = HANGAR_OK;
    if (rd_value_size(&clean->functions) + size <= FUNCTIONS_MOST) {
        rc = rd_value_add(&clean->functions, data, size, FUNCTIONS_MOST);
    }
    if (rc == HANGAR_OK &&
        (rd_value_size(&clean->functions) + size > FUNCTIONS_MOST || clean->functions.spool)) {
        rc = redis->host->fail(redis->ctx, HANGAR_NO_MEMORY, 0,
                               "cannot replace the functions of redis at %s in one step: the "
                               "libraries of the backup need more than %" PRIu64
                               " MiB or than limits.memory allows",
                               redis->place, FUNCTIONS_MOST >> 20);
    }
    return rc;
}

bool rd_clean_is_marker(const unsigned char *name, size_t size)
{
    return size == sizeof(RD_MARKER) - 1 && memcmp(name, RD_MARKER, size) == 0;
}

/* A server that reaches maxmemory refuses writes of its clients, or evicts their keys. */
enum hangar_rc rd_clean_watch(struct rd_clean_restore *clean, size_t size)
{
    struct redis *redis = clean->redis;
    struct rd_server server = {.known = false};
    clean->unwatched += size;
    if (clean->memory_most == 0 || clean->unwatched < clean->watch_each) {
        return HANGAR_OK;
    }
    clean->unwatched = 0;
    enum hangar_rc rc = rd_ask_server(&clean->spares.control, &server);
    const uint64_t most = server.memory_most - RD_FIVE_PERCENT(server.memory_most);
    if (rc == HANGAR_OK && server.memory_most > 0 && server.used_memory > most) {
        rc =
            redis->host->fail(redis->ctx, HANGAR_NO_SPACE, 0,
                              "redis at %s uses %.1f MiB of its maxmemory of %.1f MiB, and only "
                              "part of the backup is loaded: the restore stops to protect the "
                              "data in use; hint: raise maxmemory",
                              redis->place, RD_MIB(server.used_memory), RD_MIB(server.memory_most));
    }
    rd_server_fini(&server);
    return rc;
}
