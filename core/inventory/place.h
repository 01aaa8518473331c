/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * place: the folder of one backup in one sink, while a run, a copy or an import stores there.
 *
 *     hg_place_take ──► (objects are stored) ──► hg_place_commit ──► hg_place_release
 *         ──► hg_places_clear, which removes what was stored without a commit
 *
 * hg_place_take creates run.json, create-only, and renews it until hg_place_release: so other
 * hosts can see that the folder is in use.  hg_place_commit stores the final files, the
 * manifest last and create-only: until then no backup is visible.  The caller has the lock
 * of the pipeline.  All functions are called by one thread; the renewing thread is the
 * place's own.
 */
#ifndef HG_INVENTORY_PLACE_H
#define HG_INVENTORY_PLACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "inventory/lease.h"
#include "plugin/instance.h"
#include "session/handle.h"

/* The caller sets the first part; the strings and instances stay the caller's. */
struct hg_place {
    struct hangar *h;
    const char *pipeline, *id;
    const char *run_id;      /* for run.json */
    int64_t started_ms;      /* for run.json */
    size_t instance;         /* the sink, among the instances of the configuration */
    struct hangar_ctx *sink; /* NULL: it could not be opened */
    bool use_spare;          /* run.json is renewed by the spare instance */

    bool shared;    /* another host may store the same backup (hg_place_prepare) */
    bool taken;     /* run.json and objects may be in the sink */
    bool committed; /* the whole backup is in the sink, and stays there */
    struct hg_lease lease;
    pthread_mutex_t spare_mutex; /* guards spare and released */
    struct hangar_ctx *spare;    /* NULL: not open */
    bool released;
};

/* The files that end a backup; an empty one is not stored. */
struct hg_final_files {
    struct hg_str restore, sums, signature, manifest;
};
void hg_final_files_free(struct hg_final_files *files);

/* For a backup whose id was made elsewhere (copy, import): refuses a place that holds a
 * backup, or objects that retention has not yet removed, or that another host stores in
 * (EXISTS, and nothing is changed), and a place of another origin (CONFIG).  Removes what a
 * dead run of this host left there. */
enum hangar_rc hg_place_prepare(struct hg_place *place, struct hg_error *err);

/* Creates run.json and begins to renew it.  EXISTS when the place has a run.json. */
enum hangar_rc hg_place_take(struct hg_place *place, struct hg_error *err);

/* A second instance of the sink, opened when it is first needed.  It works while calls of the
 * first one hang.  The place closes it in hg_place_release. */
enum hangar_rc hg_place_spare(struct hg_place *place, struct hangar_ctx **spare,
                              struct hg_error *err);

/* Stores the final files through this instance (the sink's or the spare one), the manifest last and
 * only if a listing has all that it names, with the right sizes.  OK: the backup is whole.  EXISTS:
 * a file of that name is there; if the place is shared, that is another host's backup and stays.
 * CANCELLED: the job is cancelled.  IO: the lease does not hold, or an object is missing. */
enum hangar_rc hg_place_commit(struct hg_place *place, struct hangar_ctx *sink,
                               const struct hg_manifest *manifest,
                               const struct hg_final_files *files, struct hg_error *err);

/* Ends the renewal and closes the spare instance.  The session is still open.  Has no effect
 * on a place that was not taken, and the second time. */
void hg_place_release(struct hg_place *place);

/* Removes what is in places that were taken and not committed.  All are released.
 * Opens fresh instances, as those of the places may have been cancelled.  A cancel request of
 * before does not stop this.  A failure is logged as a warning. */
void hg_places_clear(struct hangar *h, struct hg_place *const *places, size_t count);

#endif
