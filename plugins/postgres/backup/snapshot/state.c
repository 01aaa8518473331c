/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state: makes and frees what the threads of a backup share.
 */
#include "backup/snapshot/state.h"

#include <stdlib.h>
#include "thread.h"

struct pg_backup *pg_backup_new(struct pg_source *src)
{
    struct pg_backup *backup = calloc(1, sizeof(*backup));
    if (!backup) {
        return NULL;
    }
    pthread_mutex_init(&backup->mutex, NULL);
    thread_cond_init(&backup->changed);
    src->backup = backup;
    backup->dbs = calloc(src->database_count, sizeof(*backup->dbs));
    if (!backup->dbs) {
        return NULL;
    }
    return backup;
}

void pg_backup_free(struct pg_source *src)
{
    struct pg_backup *backup = src->backup;
    if (!backup) {
        return;
    }
    for (size_t i = 0; i < backup->db_count; i++) {
        pg_db_free(&backup->dbs[i]);
    }
    free(backup->dbs);
    text_free(&backup->absent);
    text_free(&backup->warnings);
    pthread_cond_destroy(&backup->changed);
    pthread_mutex_destroy(&backup->mutex);
    free(backup);
    src->backup = NULL;
}
