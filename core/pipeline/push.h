/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * push: the writing side of a restore.  It reads the objects of one source from a
 * sink and passes them to the source's plugin, phase by phase, several at once.
 * It must not know manifests.
 */
#ifndef HG_PIPELINE_PUSH_H
#define HG_PIPELINE_PUSH_H

#include "pipeline/decode.h"

struct hg_push {
    struct hg_job *job;
    struct hangar_ctx *source;
    struct hg_object_reader from;
    const struct hangar_object_info *infos; /* by phase, then name */
    const struct hg_stored_object *stored;  /* beside infos */
    size_t count;
    struct hangar_attrs *report; /* set by restore_end */

    /* progress, under the mutex */
    pthread_mutex_t mutex;
    uint64_t plain_bytes, stored_bytes;
    size_t objects_done;
    size_t next, phase_end; /* objects of this phase: [next, phase_end) */
    bool done;
    bool restored; /* restore_end succeeded */
};

/* Restores all objects, in as many threads as the source allows.  restore_prepare must have
 * succeeded before.  Records failures in the job. */
void hg_push_load(struct hg_push *push);
/* Calls restore_end, which sets push->report.  When the job has failed or was cancelled, the
 * plugin undoes what it can.  `goes_on`: another source has been restored already; then this one
 * is ended all the same, and its failure does not cancel the job. */
void hg_push_end(struct hg_push *push, bool goes_on);

#endif
