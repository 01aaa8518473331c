/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * spares: empty databases of a server into which a restore loads beside the data
 * that is in use.  It claims them, tells whose a database is, and gives them back;
 * it knows nothing of RDBs.
 *
 * A claimed database holds the key RD_MARKER, whose value is the id of the run.  Every
 * connection of that run has the id in its name, so that a server can tell whether the
 * run still lives: a marker without a connection is a leftover, and ours to clean.
 * What has no marker is never flushed, nor is a database that a client has selected.
 */
#ifndef RD_SPARE_H
#define RD_SPARE_H

#include "wire/resp.h"

#define RD_MARKER "hangar:restore:unfinished"
#define RD_RUN_ID 32 /* hex digits */

/* A database of the backup, and the one it is loaded into. */
struct rd_claim {
    uint64_t db, spare;
    uint64_t lasting, expiring; /* keys that were loaded */
    bool foreign;               /* somebody else wrote into it */
};

struct rd_spares {
    struct redis *redis;
    char id[RD_RUN_ID + 1];
    struct rd_client control; /* never in the midst of a command when a call returns */
    uint64_t databases;       /* that the server has */
    char *clients;            /* CLIENT LIST of when `control` was opened */
    struct rd_claim *claims;
    size_t count;
    bool swapped; /* there is nothing to give back any more */
};

/* Whose a database with keys is. */
enum rd_owner {
    RD_OWNER_DATA,    /* it is in use */
    RD_OWNER_US,      /* this run claimed it */
    RD_OWNER_NOBODY,  /* a restore that died left it */
    RD_OWNER_ANOTHER, /* another restore that is under way */
};

/* Opens the control connection, and names `loader`, on which keys will be sent, as one
 * of the run, too; zero it before. */
enum hangar_rc rd_spares_open(struct rd_spares *spares, struct rd_client *loader);

/* A new control connection: a server may have ended the one that was idle. */
enum hangar_rc rd_spares_reopen(struct rd_spares *spares);

enum hangar_rc rd_spares_owner(struct rd_spares *spares, uint64_t db, enum rd_owner *owner);

/* A client of somebody else has selected the database. */
bool rd_spares_visited(const struct rd_spares *spares, uint64_t db);

/* The clients of others, one after the other; *at is NULL at first. */
struct rd_visitor {
    char address[64], name[64];
    uint64_t db;
};
bool rd_spares_next_visitor(const struct rd_spares *spares, const char **at,
                            struct rd_visitor *visitor);

/* Empties what a restore that died left in this database; *done false: it had to stay. */
enum hangar_rc rd_spares_clean(struct rd_spares *spares, uint64_t db, bool *done);

/* Claims `spare` for `db`; *claim is NULL when it is not empty after all. */
enum hangar_rc rd_spares_claim(struct rd_spares *spares, uint64_t db, uint64_t spare,
                               struct rd_claim **claim);

struct rd_claim *rd_spares_find(const struct rd_spares *spares, uint64_t db);

/* Is it one that we claimed?  Gives the database it stands for. */
bool rd_spares_origin(const struct rd_spares *spares, uint64_t spare, uint64_t *db);

/* Empties what was claimed, unless it was swapped, also when the run was cancelled.
 * Warns of what must stay.  Call it when all connections of the run are closed. */
void rd_spares_release(struct rd_spares *spares);

void rd_spares_fini(struct rd_spares *spares);

#endif
