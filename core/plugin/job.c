/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * job: see job.h.
 */
#include "plugin/job.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/left_event.h"
#include "base/str.h"
#include "base/thread.h"

#define TICK_MS 250
#define ACTIVITY_MS 2000
#define QUOTA_EVERY_TICKS 8

/* With the mutex held.  The monitor thread runs the hooks. */
static void job_cancel_locked(struct hg_job *job)
{
    atomic_store(&job->cancelled, true);
    pthread_cond_broadcast(&job->changed);
}

static void job_run_hooks(struct hg_job *job)
{
    pthread_mutex_lock(&job->hook_mutex);
    for (struct hg_job_hook *hook = job->hooks; hook && !job->hooks_ran; hook = hook->next) {
        hook->wake(hook->arg);
    }
    job->hooks_ran = true;
    pthread_mutex_unlock(&job->hook_mutex);
}

void hg_job_cancel(struct hg_job *job)
{
    pthread_mutex_lock(&job->mutex);
    if (!job->holding) {
        job->interrupted = job->interrupted || !job->failed;
        job_cancel_locked(job);
    }
    pthread_mutex_unlock(&job->mutex);
}

bool hg_job_hold(struct hg_job *job)
{
    /* a request that the monitor has not seen yet came before */
    if (job->set.requested && atomic_load(job->set.requested)) {
        hg_job_cancel(job);
    }
    pthread_mutex_lock(&job->mutex);
    job->holding = !hg_job_cancelled(job);
    const bool holding = job->holding;
    pthread_mutex_unlock(&job->mutex);
    return holding;
}

/* With the mutex held. */
static void job_record_locked(struct hg_job *job, const struct hg_error *why)
{
    if (!job->failed && !job->interrupted && why->rc != HANGAR_CANCELLED) {
        job->failed = true;
        job->first = *why;
    }
}

void hg_job_record(struct hg_job *job, const struct hg_error *why)
{
    pthread_mutex_lock(&job->mutex);
    job_record_locked(job, why);
    pthread_mutex_unlock(&job->mutex);
}

enum hangar_rc hg_job_fail(struct hg_job *job, const struct hg_error *why)
{
    pthread_mutex_lock(&job->mutex);
    job_record_locked(job, why);
    job_cancel_locked(job);
    pthread_mutex_unlock(&job->mutex);
    return why->rc;
}

bool hg_job_cancelled(const struct hg_job *job)
{
    return atomic_load(&job->cancelled);
}

enum hangar_rc hg_job_check(const struct hg_job *job, struct hg_error *err)
{
    return hg_job_cancelled(job) ? hg_interrupted(err) : HANGAR_OK;
}

void hg_job_alive(struct hg_job *job)
{
    atomic_fetch_add_explicit(&job->activity, 1, memory_order_relaxed);
}

void hg_job_step(struct hg_job *job, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    pthread_mutex_lock(&job->mutex);
    vsnprintf(job->step, sizeof(job->step), fmt, args);
    pthread_mutex_unlock(&job->mutex);
    va_end(args);
    hg_job_alive(job);
}

void hg_job_activity(struct hg_job *job, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    pthread_mutex_lock(&job->mutex);
    vsnprintf(job->activity_text, sizeof(job->activity_text), fmt, args);
    job->activity_ms = hg_mono_ms();
    pthread_mutex_unlock(&job->mutex);
    va_end(args);
    hg_job_alive(job);
}

void hg_job_get_step(struct hg_job *job, char *out, size_t size)
{
    pthread_mutex_lock(&job->mutex);
    bool fresh = job->activity_text[0] && hg_mono_ms() - job->activity_ms < ACTIVITY_MS;
    snprintf(out, size, "%s", fresh ? job->activity_text : job->step);
    pthread_mutex_unlock(&job->mutex);
}

void hg_job_add_hook(struct hg_job *job, struct hg_job_hook *hook)
{
    pthread_mutex_lock(&job->hook_mutex);
    hook->next = job->hooks;
    job->hooks = hook;
    if (job->hooks_ran) {
        hook->wake(hook->arg);
    }
    pthread_mutex_unlock(&job->hook_mutex);
}

void hg_job_remove_hook(struct hg_job *job, struct hg_job_hook *hook)
{
    pthread_mutex_lock(&job->hook_mutex);
    for (struct hg_job_hook **at = &job->hooks; *at; at = &(*at)->next) {
        if (*at == hook) {
            *at = hook->next;
            break;
        }
    }
    pthread_mutex_unlock(&job->hook_mutex);
}

static bool job_sleep_ends(const struct hg_job *job, const atomic_bool *stop)
{
    return hg_job_cancelled(job) || (stop && atomic_load(stop));
}

enum hangar_rc hg_job_sleep(struct hg_job *job, int64_t ms, const atomic_bool *stop)
{
    int64_t until = hg_mono_ms() + ms;
    pthread_mutex_lock(&job->mutex);
    for (;;) {
        int64_t left = until - hg_mono_ms();
        if (left <= 0 || job_sleep_ends(job, stop)) {
            break;
        }
        hg_cond_wait_ms(&job->changed, &job->mutex, left);
    }
    pthread_mutex_unlock(&job->mutex);
    return job_sleep_ends(job, stop) ? HANGAR_CANCELLED : HANGAR_OK;
}

void hg_job_wake(struct hg_job *job)
{
    pthread_mutex_lock(&job->mutex); /* not between a sleeper's check and its wait */
    pthread_cond_broadcast(&job->changed);
    pthread_mutex_unlock(&job->mutex);
}

size_t hg_job_budget_take(struct hg_job *job, size_t want, size_t least)
{
    pthread_mutex_lock(&job->mutex);
    size_t left = job->set.memory_bytes - job->budget_used;
    size_t got = want <= left ? want : left >= least ? left : 0;
    job->budget_used += got;
    pthread_mutex_unlock(&job->mutex);
    return got;
}

void hg_job_budget_give(struct hg_job *job, size_t bytes)
{
    pthread_mutex_lock(&job->mutex);
    job->budget_used -= bytes <= job->budget_used ? bytes : job->budget_used;
    pthread_mutex_unlock(&job->mutex);
}

static enum hangar_rc job_check_room(const char *path, uint64_t bytes, struct hg_error *err)
{
    struct statvfs fs;
    if (statvfs(path, &fs) != 0) {
        return hg_fail(err, HANGAR_IO, errno, "cannot read the free space of %s", path);
    }
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (room < bytes) {
        return hg_fail(err, HANGAR_NO_SPACE, 0,
                       "cannot store temporary files in %s: %llu MiB free, up to %llu MiB needed; "
                       "hint: set limits.temp_dir to a folder on a larger disk",
                       path, (unsigned long long)(room >> 20),
                       (unsigned long long)(bytes / (1 << 20) + (bytes % (1 << 20) != 0)));
    }
    return HANGAR_OK;
}

/* Raises the quota of a folder; a lower one changes nothing. */
static void job_set_quota(struct hg_job *job, const char *path, uint64_t bytes)
{
    pthread_mutex_lock(&job->mutex);
    struct hg_quota *q = job->quotas;
    while (q && strcmp(q->path, path) != 0) {
        q = q->next;
    }
    char *copy = q ? NULL : strdup(path);
    if (copy && (q = calloc(1, sizeof(*q)))) {
        *q = (struct hg_quota){.path = copy, .next = job->quotas};
        job->quotas = q;
        copy = NULL;
    }
    if (q && bytes > q->bytes) {
        q->bytes = bytes;
    }
    pthread_mutex_unlock(&job->mutex);
    free(copy);
}

enum hangar_rc hg_job_temp_dir(struct hg_job *job, const char *name, uint64_t quota, char **path,
                               struct hg_error *err)
{
    pthread_mutex_lock(&job->mutex);
    enum hangar_rc rc =
        job->temp.path ? HANGAR_OK : hg_tempdir_make(job->set.temp_base, &job->temp, err);
    pthread_mutex_unlock(&job->mutex);
    if (rc == HANGAR_OK) {
        rc = job_check_room(job->temp.path, quota, err);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    char *dir = hg_format("%s/%s", job->temp.path, name);
    if (!dir || (mkdir(dir, 0700) != 0 && errno != EEXIST)) {
        rc = hg_fail(err, dir ? HANGAR_IO : HANGAR_NO_MEMORY, dir ? errno : 0,
                     "cannot make a temporary directory in %s", job->temp.path);
        free(dir);
        return rc;
    }
    job_set_quota(job, dir, quota);
    *path = dir;
    return HANGAR_OK;
}

enum hangar_rc hg_job_raise_quota(struct hg_job *job, const char *path, uint64_t bytes,
                                  struct hg_error *err)
{
    enum hangar_rc rc = job_check_room(path, bytes, err);
    if (rc == HANGAR_OK) {
        job_set_quota(job, path, bytes);
    }
    return rc;
}

void hg_job_limit_temp(struct hg_job *job, uint64_t bytes)
{
    pthread_mutex_lock(&job->mutex);
    job->temp_max_bytes = bytes;
    pthread_mutex_unlock(&job->mutex);
}

static void job_check_used(struct hg_job *job, const char *path, uint64_t used, uint64_t allowed)
{
    if (used <= allowed) {
        return;
    }
    struct hg_error err = {0};
    hg_fail(&err, HANGAR_NO_SPACE, 0,
            "temporary files in %s use %llu MiB (limit %llu MiB); "
            "hint: set limits.temp_dir to a folder on a larger disk",
            path, (unsigned long long)(used >> 20), (unsigned long long)(allowed >> 20));
    hg_job_fail(job, &err);
}

/* Fails the job when a temporary folder is larger than its quota, or all of them together
 * are larger than the limit.  Entries are only added at the front of the list, so it can be
 * read without the lock. */
static void job_check_quotas(struct hg_job *job)
{
    pthread_mutex_lock(&job->mutex);
    struct hg_quota *q = job->quotas;
    uint64_t most = job->temp_max_bytes, all = 0;
    pthread_mutex_unlock(&job->mutex);
    for (; q; q = q->next) {
        uint64_t used = q->path ? hg_tree_bytes(q->path) : 0;
        pthread_mutex_lock(&job->mutex);
        uint64_t allowed = q->bytes;
        pthread_mutex_unlock(&job->mutex);
        all += used;
        job_check_used(job, q->path ? q->path : "", used, allowed);
    }
    if (most > 0) {
        job_check_used(job, job->temp.path, all, most);
    }
}

static void job_check_stall(struct hg_job *job, uint_fast64_t *seen, int64_t *since)
{
    uint_fast64_t now = atomic_load_explicit(&job->activity, memory_order_relaxed);
    if (now != *seen || job->set.stall_timeout_ms == 0) {
        *seen = now;
        *since = hg_mono_ms();
    } else if (hg_mono_ms() - *since > job->set.stall_timeout_ms) {
        char step[sizeof(job->step)];
        hg_job_get_step(job, step, sizeof(step));
        struct hg_error err = {0};
        hg_fail(&err, HANGAR_IO, 0,
                "no progress for %lld s (%s); hint: a server, a disk or the network may hang; "
                "the limit is limits.stall_timeout",
                (long long)(job->set.stall_timeout_ms / 1000), step[0] ? step : "starting");
        hg_job_fail(job, &err);
        *since = hg_mono_ms();
    }
}

void hg_job_end_within(struct hg_job *job, int64_t ms, const char *text)
{
    pthread_mutex_lock(&job->mutex);
    job->until_ms = hg_mono_ms() + ms;
    snprintf(job->until_text, sizeof(job->until_text), "%s", text);
    pthread_mutex_unlock(&job->mutex);
}

static void job_check_end(struct hg_job *job)
{
    struct hg_error err = {0};
    pthread_mutex_lock(&job->mutex);
    const bool late = job->until_ms && hg_mono_ms() >= job->until_ms;
    if (late) {
        job->until_ms = 0;
        hg_fail(&err, HANGAR_IO, 0, "%s", job->until_text);
    }
    pthread_mutex_unlock(&job->mutex);
    if (late) {
        hg_job_fail(job, &err);
    }
}

/* Waits for a tick, or less when something changed; false when the job ends. */
static bool job_wait_for_tick(struct hg_job *job)
{
    pthread_mutex_lock(&job->mutex);
    if (!job->ending && (job->hooks_ran || !hg_job_cancelled(job))) { /* this thread sets it */
        hg_cond_wait_ms(&job->changed, &job->mutex, TICK_MS);
    }
    bool going_on = !job->ending;
    pthread_mutex_unlock(&job->mutex);
    return going_on;
}

static void *job_monitor_main(void *arg)
{
    struct hg_job *job = arg;
    uint_fast64_t seen = 0;
    int64_t since = hg_mono_ms();
    unsigned tick = 0;
    while (job_wait_for_tick(job)) {
        if (job->set.requested && atomic_load(job->set.requested) && !hg_job_cancelled(job)) {
            hg_job_cancel(job);
        }
        if (hg_job_cancelled(job)) {
            job_run_hooks(job);
            continue;
        }
        job_check_stall(job, &seen, &since);
        job_check_end(job);
        if (++tick % QUOTA_EVERY_TICKS == 0) {
            job_check_quotas(job);
        }
        if (job->set.on_tick) {
            job->set.on_tick(job->set.arg);
        }
    }
    return NULL;
}

enum hangar_rc hg_job_begin(struct hg_job *job, const struct hg_job_settings *settings,
                            struct hg_error *err)
{
    memset(job, 0, sizeof(*job));
    job->set = *settings;
    if (pthread_mutex_init(&job->mutex, NULL) != 0 ||
        pthread_mutex_init(&job->hook_mutex, NULL) != 0 || hg_cond_init(&job->changed) != 0 ||
        hg_thread_start(&job->monitor, job_monitor_main, job) != 0) {
        return hg_no_thread(err);
    }
    return HANGAR_OK;
}

void hg_job_end(struct hg_job *job)
{
    pthread_mutex_lock(&job->mutex);
    job->ending = true;
    pthread_cond_broadcast(&job->changed);
    pthread_mutex_unlock(&job->mutex);
    pthread_join(job->monitor, NULL);
    for (struct hg_quota *q = job->quotas, *next; q; q = next) {
        next = q->next;
        free(q->path);
        free(q);
    }
    struct hg_error err = {0};
    if (hg_tempdir_remove(&job->temp, &err) != HANGAR_OK) {
        hg_log_event(job->set.log, HANGAR_LOG_WARN, HG_LOG_LEFT,
                     "temporary files remain; the next job removes them: %s", err.text);
    }
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->hook_mutex);
    pthread_mutex_destroy(&job->mutex);
}

enum hangar_rc hg_job_result(struct hg_job *job, struct hg_error *err)
{
    pthread_mutex_lock(&job->mutex);
    enum hangar_rc rc = HANGAR_OK;
    if (job->failed) {
        rc = job->first.rc;
        if (err && err->rc == HANGAR_OK) {
            *err = job->first;
        }
    } else if (job->interrupted) {
        rc = hg_interrupted(err);
    }
    pthread_mutex_unlock(&job->mutex);
    return rc;
}
