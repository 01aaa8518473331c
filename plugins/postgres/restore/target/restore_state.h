/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_state: what the threads of one restore share.
 */
#ifndef PG_RESTORE_TARGET_RESTORE_STATE_H
#define PG_RESTORE_TARGET_RESTORE_STATE_H

#include <pthread.h>
#include "restore/target/failures.h"
#include "restore/target/target.h"

struct pg_restore {
    pthread_mutex_t mutex; /* guards the targets' pools, tallies and counts */
    const struct hangar_restore *how;
    struct pg_target *targets;
    size_t target_count;
    const char *dir; /* for spooled objects */
    char *globals_path;
    uint64_t objects;
    uint32_t last_phase;         /* of all objects */
    struct pg_failures failures; /* of a restore that goes on after them */
    bool clean, dry, disconnect; /* what how->flags ask for */
    struct pg_conn *keeper;      /* of clean: holds the locks of the targets; NULL: none */
    int server_version;
    bool roles_done;
    size_t roles_created; /* they stay, whatever happens to the restore */
};

#endif
