/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * spares: spare databases of a server, which are empty databases into which a restore loads the
 * backup beside the data in use.  It claims them, detects who owns a database, and releases them.
 * It is independent of RDBs.
 *
 * A claimed database holds the key RD_MARKER, whose value is the id of the run.  Every connection
 * of a run has that id in its name.  A marker whose run has no connection is a leftover, which the
 * next restore removes.  A database without a marker is never flushed, nor is one that a client
 * has selected.
 */
#ifndef RD_CLEAN_SPARES_H
#define RD_CLEAN_SPARES_H

#include "wire/resp.h"

#define RD_RUN_ID 32 /* hex digits */

/* A database of the backup, and the spare database into which it is loaded. */
struct rd_claim {
    uint64_t db, spare;
    uint64_t lasting, expiring; /* keys that were loaded */
    bool foreign;               /* another client wrote into the spare database */
};

struct rd_spares {
    struct redis *redis;
    char id[RD_RUN_ID + 1];
    struct rd_client control; /* has no command in flight when a function returns */
    uint64_t databases;       /* of the server */
    char *clients;            /* CLIENT LIST at the time when `control` was opened */
    struct rd_claim *claims;
    size_t count;
    bool swapped; /* the spare databases are in use: do not release them */
};

/* The owner of a database with keys. */
enum rd_owner {
    RD_OWNER_CLIENTS, /* it has no marker: it is in use */
    RD_OWNER_THIS_RUN,
    RD_OWNER_OTHER_RUN, /* another restore that is running */
    RD_OWNER_DEAD_RUN   /* a restore that died; its keys are leftovers */
};

/* Opens the control connection, and names `loader`, on which the keys are sent, as a connection of
 * this run.  `spares` must be zero before. */
enum hangar_rc rd_spares_open(struct rd_spares *spares, struct rd_client *loader);

/* Replaces the control connection, which a server may have closed while it was idle. */
enum hangar_rc rd_spares_reopen(struct rd_spares *spares);

enum hangar_rc rd_spares_owner(struct rd_spares *spares, uint64_t db, enum rd_owner *owner);

/* Records that another restore is running, and loads into `db`; returns HANGAR_EXISTS. */
enum hangar_rc rd_spares_refuse_other_run(const struct rd_spares *spares, uint64_t db);

/* True when a client that belongs to no restore has selected the database. */
bool rd_spares_selected(const struct rd_spares *spares, uint64_t db);

/* Iterates over the clients that belong to no restore; *at is NULL at first. */
struct rd_listed_client {
    char address[64], name[64];
    uint64_t db;
};
bool rd_spares_next_client(const struct rd_spares *spares, const char **at,
                           struct rd_listed_client *listed);

/* Empties a database of RD_OWNER_DEAD_RUN.  *done is false, with a warning, when a client has
 * selected it. */
enum hangar_rc rd_spares_empty_leftover(struct rd_spares *spares, uint64_t db, bool *done);

/* Claims `spare` for `db`; *claim is NULL when the database is not empty any more. */
enum hangar_rc rd_spares_claim(struct rd_spares *spares, uint64_t db, uint64_t spare,
                               struct rd_claim **claim);

/* The claim for a database of the backup; NULL when there is none. */
struct rd_claim *rd_spares_find(const struct rd_spares *spares, uint64_t db);

/* True when `spare` is claimed; *db is then the database of the backup. */
bool rd_spares_origin(const struct rd_spares *spares, uint64_t spare, uint64_t *db);

/* Empties the claimed databases unless they were swapped, also after a cancellation.  Warns about
 * each database that it cannot empty.  All other connections of the run must be closed. */
void rd_spares_release(struct rd_spares *spares);

void rd_spares_fini(struct rd_spares *spares);

#endif
