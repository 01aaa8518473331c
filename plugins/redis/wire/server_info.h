/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * server_info: what a server reports about itself by INFO and CONFIG GET.
 */
#ifndef RD_WIRE_SERVER_INFO_H
#define RD_WIRE_SERVER_INFO_H

#include "wire/resp.h"

/* The reply to INFO; a field that the server did not report is 0. */
struct rd_server {
    bool known; /* the user may use INFO */
    char version[32];
    unsigned version_number; /* 70015 for 7.0.15 */
    bool replica, link_down, loading, saving, cluster;
    char master[128];
    char run_id[48]; /* changes with each start of the server */
    uint64_t keys, expiring, libraries, used_memory;
    uint64_t memory_most;   /* maxmemory in bytes; 0: no limit */
    uint64_t system_memory; /* bytes of its machine */
    bool evicts_lru, evicts_lfu;
    int64_t clock_offset_ms; /* the server's clock minus that of this machine */
    char *text;              /* the whole reply; rd_server_fini frees it */
};

#define RD_MIB(bytes) ((double)(bytes) / (1024.0 * 1024.0)) /* for messages */

/* Sends INFO.  HANGAR_OK with `known` false when the user may not use INFO.  `server` must be
 * zero, or the result of an earlier call. */
enum hangar_rc rd_ask_server(struct rd_client *client, struct rd_server *server);
void rd_server_fini(struct rd_server *server);

/* Sends INFO until the server has loaded its data and, with `for_save`, has finished a save that
 * is running.  After 10 min a server that still loads is a failure (HANGAR_RETRY); one that still
 * saves is not. */
enum hangar_rc rd_wait_until_ready(struct rd_client *client, bool for_save,
                                   struct rd_server *server);

/* Records that the server is still loading its data; returns HANGAR_RETRY. */
enum hangar_rc rd_still_loading(struct redis *redis);

/* The numbers of keys and of expiring keys of one database; 0 when it is empty. */
void rd_server_db(const struct rd_server *server, uint64_t db, uint64_t *keys, uint64_t *expiring);

/* Iterates over the databases that have keys; *at is NULL at first. */
bool rd_server_next_db(const struct rd_server *server, const char **at, uint64_t *db,
                       uint64_t *keys, uint64_t *expiring);

/* Reads a number with CONFIG GET; `fallback` when the user may not use it. */
enum hangar_rc rd_ask_config(struct rd_client *client, const char *name, int64_t fallback,
                             int64_t *value);

#endif
