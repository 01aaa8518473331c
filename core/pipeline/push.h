/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * push: the writing side of a restore: reads one source's objects back from a
 * sink and gives them to the source's plugin, phase by phase, several at once.
 * Knows nothing of manifests.
 */
#ifndef HG_PUSH_H
#define HG_PUSH_H

#include "pipeline/decode.h"

struct hg_push {
    struct hg_job *job;
    struct hangar_ctx *source, *sink;
    struct hangar_ctx *const *chain;
    size_t chain_count;
    const struct hangar_object_info *infos; /* by phase, then name */
    const struct hg_stored *stored;         /* beside infos */
    size_t count;
    struct hangar_attrs *report; /* what restore_end tells */

    /* progress, under the mutex */
    pthread_mutex_t mutex;
    uint64_t plain_bytes, stored_bytes;
    size_t objects_done;
    size_t next, phase_end; /* objects of this phase: [next, phase_end) */
    bool done;
    bool restored; /* restore_end said so */
};

/* After restore_prepare has been called and was OK: objects and phases, in the threads
 * that the source wants.  Failures are the job's. */
void hg_push_load(struct hg_push *push);
/* restore_end; what it tells is in push->report.  When the job has failed the plugin is
 * told to undo what it did. */
void hg_push_end(struct hg_push *push);

#endif
