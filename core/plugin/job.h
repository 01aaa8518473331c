/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * job: what all instances of one job share: its cancellation, its first
 * failure, its signs of life, its memory budget and its temporary folder.
 *
 * Each job has a monitor thread, from hg_job_begin to hg_job_end.  Four times
 * a second it reports progress and checks whether the caller has requested
 * cancellation and whether there was a sign of life within stall_timeout.
 * Every two seconds it checks the size of the temporary folders.
 *
 * Locks: `mutex` guards the fields below it, and no other lock is taken while
 * it is held.  `hook_mutex` guards the hooks.  The monitor thread holds it
 * while it runs them: a hook may take any lock but that one.
 */
#ifndef HG_PLUGIN_JOB_H
#define HG_PLUGIN_JOB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "base/error.h"
#include "base/log.h"
#include "base/tempdir.h"

struct hg_job_settings {
    struct hg_log *log;
    size_t memory_bytes;
    int64_t stall_timeout_ms;     /* 0: never */
    const char *temp_base;        /* where temporary folders are made */
    const atomic_bool *requested; /* the caller sets it to cancel; may be NULL */
    void (*on_tick)(void *arg);   /* from the monitor thread; may be NULL */
    void *arg;
};

struct hg_job {
    struct hg_job_settings set;
    atomic_bool cancelled;
    atomic_uint_fast64_t activity; /* incremented by each sign of life; only compared */

    pthread_mutex_t mutex;
    pthread_cond_t changed; /* the job was cancelled, or ends; or hg_job_wake */
    bool failed, interrupted, ending;
    bool holding;          /* a request to cancel waits */
    struct hg_error first; /* the first failure; rc OK while there is none */
    size_t budget_used;
    int64_t until_ms;        /* monotonic; the job fails then; 0: never */
    char until_text[160];    /* why */
    char step[160];          /* the phase of the job, set by the core */
    char activity_text[160]; /* the activity that a plugin reported at activity_ms */
    int64_t activity_ms;
    struct hg_tempdir temp; /* made when it is first needed */
    struct hg_quota {
        char *path;
        uint64_t bytes;
        struct hg_quota *next;
    } *quotas;
    uint64_t temp_max_bytes; /* of all folders together; 0: no limit */

    pthread_mutex_t hook_mutex;
    bool hooks_ran;
    struct hg_job_hook {
        void (*wake)(void *arg);
        void *arg;
        struct hg_job_hook *next;
    } *hooks;

    pthread_t monitor;
};

enum hangar_rc hg_job_begin(struct hg_job *job, const struct hg_job_settings *settings,
                            struct hg_error *err);
/* Ends the monitor and removes temporary files.  All other threads of the job must have
 * ended. */
void hg_job_end(struct hg_job *job);

/* A hook is called once, when the job is cancelled, to wake threads that wait.  When the
 * job is cancelled already, it is called at once.  The hook's memory belongs to the caller
 * and must live until the hook is removed. */
void hg_job_add_hook(struct hg_job *job, struct hg_job_hook *hook);
void hg_job_remove_hook(struct hg_job *job, struct hg_job_hook *hook);

/* Records a failure and cancels the job.  Only the first failure is recorded, and
 * CANCELLED never is: it is the consequence of another reason.  Returns why->rc. */
enum hangar_rc hg_job_fail(struct hg_job *job, const struct hg_error *why);

/* Records a failure, as hg_job_fail does, and does not cancel the job. */
void hg_job_record(struct hg_job *job, const struct hg_error *why);

/* From here on a request to cancel changes nothing until the job ends; a failure still cancels.
 * Returns false when the job is cancelled already. */
bool hg_job_hold(struct hg_job *job);

void hg_job_cancel(struct hg_job *job);

/* The job fails when it has not ended in `ms` from now, with this text as the reason, also while it
 * makes progress. */
void hg_job_end_within(struct hg_job *job, int64_t ms, const char *text);
bool hg_job_cancelled(const struct hg_job *job);
/* OK, or CANCELLED, which it records, when the job is cancelled: for loops. */
enum hangar_rc hg_job_check(const struct hg_job *job, struct hg_error *err);
void hg_job_alive(struct hg_job *job); /* a sign of life */

/* Sets the phase of the job, "copying". */
void hg_job_step(struct hg_job *job, const char *fmt, ...) HANGAR_PRINTF(2, 3);
/* Sets the activity of a plugin, "building indexes".  It is shown instead of the phase
 * for 2 seconds. */
void hg_job_activity(struct hg_job *job, const char *fmt, ...) HANGAR_PRINTF(2, 3);
/* The activity if it is recent, else the phase. */
void hg_job_get_step(struct hg_job *job, char *out, size_t size);

/* Sleeps.  Returns CANCELLED as soon as the job is cancelled or `stop` (may be NULL) is
 * true; a thread that sets `stop` must then call hg_job_wake. */
enum hangar_rc hg_job_sleep(struct hg_job *job, int64_t ms, const atomic_bool *stop);
void hg_job_wake(struct hg_job *job);

/* Reserves `want` bytes of the memory budget, or what is left if that is at least
 * `least`; returns the bytes reserved, or 0. */
size_t hg_job_budget_take(struct hg_job *job, size_t want, size_t least);
void hg_job_budget_give(struct hg_job *job, size_t bytes);

/* Makes a folder in the job's temporary folder; the caller frees *path.  The job fails
 * when the folder grows beyond its quota.  NO_SPACE when the disk has less free. */
enum hangar_rc hg_job_temp_dir(struct hg_job *job, const char *name, uint64_t quota, char **path,
                               struct hg_error *err);
/* Limits the size of all temporary folders of the job together. */
void hg_job_limit_temp(struct hg_job *job, uint64_t bytes);
/* Raises the quota of a folder made by hg_job_temp_dir; a lower quota changes nothing.
 * NO_SPACE when the disk has less free. */
enum hangar_rc hg_job_raise_quota(struct hg_job *job, const char *path, uint64_t bytes,
                                  struct hg_error *err);

/* The result of the job: OK, or the rc of the first failure with its text in err, or
 * CANCELLED when it was cancelled before anything failed. */
enum hangar_rc hg_job_result(struct hg_job *job, struct hg_error *err);

#endif
