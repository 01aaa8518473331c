/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lease: shows other hosts that a run is alive.  A thread renews run.json in one sink every
 * minute; prune on another host treats a folder whose run.json is older than HG_LEASE_MS as
 * a leftover.  The lease is advisory: the create-only manifest.json decides who commits.
 * It does not know what run.json contains: the owner of the lease stores it (place.h).
 */
#ifndef HG_INVENTORY_LEASE_H
#define HG_INVENTORY_LEASE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A run whose run.json is older than this, by the clock of the store, is dead.  A run does
 * not commit when the last successful renewal began more than half of this ago. */
#define HG_LEASE_MS (60 * 60 * 1000)
#define HG_LEASE_RENEW_MS (60 * 1000)

struct hg_lease {
    bool (*renew)(void *arg); /* stores run.json again; false: it could not be stored */
    void *arg;
    bool begun, started; /* by hg_lease_begin; its thread */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards stop and renewed_ms */
    pthread_cond_t changed;
    bool stop;
    int64_t renewed_ms; /* on the clock of hg_lease_now */
};

/* CLOCK_BOOTTIME in milliseconds: it goes on while the machine is suspended. */
int64_t hg_lease_now(void);

/* Starts the thread, which calls `renew`.  `since_ms` is a time before run.json was stored
 * for the first time.  Without a thread (out of resources) the lease ends by itself. */
void hg_lease_begin(struct hg_lease *lease, int64_t since_ms, bool (*renew)(void *arg), void *arg);
/* Waits for a renewal under way.  Has no effect on a zeroed lease or the second time. */
void hg_lease_end(struct hg_lease *lease);

/* False when no renewal has succeeded for half of HG_LEASE_MS: another host may have removed
 * the files of the run.  A lease that does not hold is never renewed.  From any thread. */
bool hg_lease_holds(struct hg_lease *lease);

#endif
