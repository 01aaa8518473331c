/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lease: says in every sink that a run is alive, so that nobody takes what it has
 * stored for the leftovers of a dead one.  Advisory: what decides is the manifest's
 * key, which is create-only.
 */
#ifndef HG_INVENTORY_LEASE_H
#define HG_INVENTORY_LEASE_H

#include <stdbool.h>

#include "jobs/backup/backup.h"
#include "pipeline/engine.h"

/* A thread per sink that stores run.json again every HG_LEASE_RENEW_MS: a sink that
 * hangs is no reason for the others to lose theirs. */
struct hg_lease {
    struct hg_run *run;
    pthread_mutex_t mutex; /* guards stop and renewed_ms */
    pthread_cond_t changed;
    bool stop;
    struct hg_lease_sink {
        struct hg_lease *lease;
        pthread_t thread;
        bool started;
        int64_t renewed_ms; /* CLOCK_BOOTTIME: goes on while suspended */
    } sinks[HG_MAX_SINKS];
};

/* The lease's clock, which goes on while the machine sleeps. */
int64_t hg_lease_now(void);

/* `since_ms` is of before run.json was stored for the first time. */
void hg_lease_begin(struct hg_lease *lease, struct hg_run *run, int64_t since_ms);
void hg_lease_end(struct hg_lease *lease);

/* May this sink still be committed to?  False, and then for ever, when the lease could
 * not be renewed for half its time: others may have taken the run for dead. */
bool hg_lease_holds(struct hg_lease *lease, size_t sink);

#endif
