/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * job: what all instances of one job share: its cancellation, its first
 * failure, its signs of life, its memory budget and its temporary folder.
 *
 * A monitor thread lives as long as the job.  Four times a second it reports
 * progress, looks whether somebody asked to cancel, whether anything still
 * moves, and whether temporary folders keep to their quota.
 *
 * Locks: `mutex` guards what follows it; nothing else is locked under it.
 * `hook_mutex` guards the hooks and is held while they run, by the monitor
 * thread: a hook may take any lock but that one.
 */
#ifndef HG_JOB_H
#define HG_JOB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "base/error.h"
#include "base/log.h"

struct hg_signing;

struct hg_job_settings {
    struct hg_log *log;
    size_t memory_bytes;
    int64_t stall_timeout_ms;         /* 0: never */
    const struct hg_signing *signing; /* what manifests must be signed with; NULL: nothing */
    const char *temp_base;            /* where temporary folders are made */
    const atomic_bool *requested;     /* the caller's: becomes true to cancel; may be NULL */
    void (*on_tick)(void *arg);       /* from the monitor thread; may be NULL */
    void *arg;
};

struct hg_job {
    struct hg_job_settings set;
    atomic_bool cancelled;
    atomic_uint_fast64_t activity; /* bumped by every sign of life; only ever compared */

    pthread_mutex_t mutex;
    pthread_cond_t changed; /* cancelled, or the job ends */
    bool failed, interrupted, ending;
    struct hg_error first; /* the failure that counts; rc OK while there is none */
    size_t budget_used;
    char step[160]; /* what the job is doing, by the core ... */
    char said[160]; /* ... and what a plugin said of it, at said_ms */
    int64_t said_ms;
    char *temp_dir; /* of this job, NULL until needed */
    int temp_lock; /* held while temp_dir is in use, so that others can tell it from a dead one's */
    struct hg_quota {
        char *path;
        uint64_t bytes;
        struct hg_quota *next;
    } *quotas;
    uint64_t temp_most; /* of all of them together; 0: no bound */

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
/* Ends the monitor and removes temporary files.  All threads of the job have ended. */
void hg_job_end(struct hg_job *job);

/* Called once when the job is cancelled: to wake what waits; at once when it
 * already is.  The hook is the caller's memory until it is removed. */
void hg_job_add_hook(struct hg_job *job, struct hg_job_hook *hook);
void hg_job_remove_hook(struct hg_job *job, struct hg_job_hook *hook);

/* Records a failure and cancels everything.  The first counts; CANCELLED is never
 * a reason of its own.  Returns its rc. */
enum hangar_rc hg_job_fail(struct hg_job *job, const struct hg_error *why);

void hg_job_cancel(struct hg_job *job);
bool hg_job_cancelled(const struct hg_job *job);
void hg_job_alive(struct hg_job *job);
void hg_job_step(struct hg_job *job, const char *fmt, ...) HANGAR_PRINTF(2, 3);
/* What a plugin is busy with; shown while it keeps saying so. */
void hg_job_said(struct hg_job *job, const char *fmt, ...) HANGAR_PRINTF(2, 3);
void hg_job_get_step(struct hg_job *job, char *out, size_t size);

/* CANCELLED as soon as the job is, or `stop` (may be NULL) becomes true: whoever sets
 * it then calls hg_job_wake. */
enum hangar_rc hg_job_sleep(struct hg_job *job, int64_t ms, const atomic_bool *stop);
void hg_job_wake(struct hg_job *job);

size_t hg_job_budget_take(struct hg_job *job, size_t want, size_t least);
void hg_job_budget_give(struct hg_job *job, size_t bytes);

/* A new folder below the job's own; the path is the caller's to free.  Outgrowing
 * the quota fails the job. */
enum hangar_rc hg_job_temp_dir(struct hg_job *job, const char *name, uint64_t quota, char **path,
                               struct hg_error *err);
/* What all folders of the job may come to hold together, beside the quota of each. */
void hg_job_bound_temp(struct hg_job *job, uint64_t bytes);
/* Raises the quota of a folder that it gave; NO_SPACE when the disk lacks that. */
enum hangar_rc hg_job_raise_quota(struct hg_job *job, const char *path, uint64_t bytes,
                                  struct hg_error *err);

/* How the job ended: OK, or the first failure's rc with its text in err; CANCELLED
 * when somebody asked for it and nothing had failed before. */
enum hangar_rc hg_job_result(struct hg_job *job, struct hg_error *err);

/* Runs fn(arg, i) for i in 0..count in a thread each and waits for all of them.
 * Signals are blocked in them.  False when a thread cannot be started (those
 * that could have run). */
bool hg_run_parallel(size_t count, void (*fn)(void *arg, size_t i), void *arg);

/* pthread_create with all signals blocked. */
int hg_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);

/* A condition on the monotonic clock, and waiting on it at most ms. */
int hg_cond_init(pthread_cond_t *cond);
void hg_cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ms);

#endif
