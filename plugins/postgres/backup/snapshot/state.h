/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state: what the threads of one backup share.
 */
#ifndef PG_BACKUP_SNAPSHOT_STATE_H
#define PG_BACKUP_SNAPSHOT_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "backup/plan/globals.h"
#include "backup/snapshot/snapshot.h"
#include "text.h"

struct pg_backup {
    struct text absent; /* a safety backup: databases that do not exist */
    /* Guards the members from here to large_objects, the lead sessions, and the counts of
     * the tables.  It is held for queries on the catalog, never while rows are read or the
     * core is waited for. */
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a worker is free, an object is closed */
    struct pg_db *dbs;
    size_t db_count;
    uint32_t open_data; /* data objects handed out and not closed */
    bool failed;        /* an object was abandoned */
    struct pg_globals_plan globals;
    bool globals_given;
    uint32_t given, closed; /* objects */
    uint64_t rows, tables, large_objects;
    struct text warnings; /* what the client tools reported although they did not fail */
    /* set before begin returned */
    char server_version[128];
    int version;
    int least_server; /* the major version that takes the archive back; 0: that of the server */
};

/* Sets src->backup, with room for all databases of the options; NULL when memory runs
 * out.  pg_backup_free accepts what was made only in part. */
struct pg_backup *pg_backup_new(struct pg_source *src);
void pg_backup_free(struct pg_source *src);

#endif
