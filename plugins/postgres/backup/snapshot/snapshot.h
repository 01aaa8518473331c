/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * snapshot: one database at one moment: its locks, its snapshot, and the sessions and
 * the pg_dump that read in it.
 */
#ifndef PG_BACKUP_SNAPSHOT_SNAPSHOT_H
#define PG_BACKUP_SNAPSHOT_SNAPSHOT_H

#include "backup/plan/plan.h"
#include "backup/plan/tables.h"
#include "server/connection/connection.h"
#include "clock.h"

struct pg_child;

struct pg_db {
    struct pg_source *src;
    const char *name;
    char *folder; /* the name as the first part of object names */
    struct pg_conn *lead;
    struct pg_list tables;
    char snapshot[128];
    char lsn[64];                  /* of the snapshot: the position in the WAL */
    int64_t taken_ms;              /* and the time, by the clock of the server */
    bool many;                     /* so many tables that pg_dump cannot be given all names */
    struct pg_child *dump, *large; /* pg_dump; handed to their objects */
    struct pg_conn **workers;      /* the free ones are workers[0 .. worker_free) */
    size_t worker_count, worker_free;
    struct pg_plan plan;
    bool planned, dump_given, large_given, extras_given, tables_given;
    PGresult *props;        /* one row: a column for each property of the database */
    uint64_t rows, targets; /* totals so far */
    char encoding[64];
    struct text unseen; /* see unseen.h */
};

/* Connects the lead session and the workers, and locks all tables. */
enum hangar_rc pg_db_prepare(struct pg_db *db);

/* Takes the snapshot, and starts pg_dump and the workers in it. */
enum hangar_rc pg_db_begin(struct pg_db *db);

/* The time of the snapshot, as 2026-01-15T02:00:00.000Z. */
void pg_db_time(const struct pg_db *db, char out[CLOCK_ISO_SIZE]);

void pg_db_free(struct pg_db *db);

/* Names the session that waits for a lock of the lead session, as ": session ..."; "" for none. */
void pg_db_describe_waiter(struct pg_db *db, char *out, size_t size);

#endif
