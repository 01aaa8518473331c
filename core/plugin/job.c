/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * job: see job.h.
 */
#include "plugin/job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/str.h"

#define TICK_MS 250
#define SAID_MS 2000
#define QUOTA_EVERY_TICKS 8
#define TEMP_PREFIX "hangar-job-"
#define NEW_PREFIX "hangar-new-" /* until it is locked, which takes no time */
#define NEW_GRACE_MS 3600000

int hg_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);
    if (rc == 0) {
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        rc = pthread_cond_init(cond, &attr);
        pthread_condattr_destroy(&attr);
    }
    return rc;
}

void hg_cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_cond_timedwait(cond, mutex, &until);
}

int hg_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

struct parallel {
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t i;
    pthread_t thread;
    bool started;
};

static void *parallel_main(void *arg)
{
    struct parallel *p = arg;
    p->fn(p->arg, p->i);
    return NULL;
}

bool hg_run_parallel(size_t count, void (*fn)(void *arg, size_t i), void *arg)
{
    struct parallel *threads = calloc(count ? count : 1, sizeof(*threads));
    if (!threads) {
        return false;
    }
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        threads[i] = (struct parallel){.fn = fn, .arg = arg, .i = i};
        threads[i].started = hg_thread_start(&threads[i].thread, parallel_main, &threads[i]) == 0;
        all = all && threads[i].started;
    }
    for (size_t i = 0; i < count; i++) {
        if (threads[i].started) {
            pthread_join(threads[i].thread, NULL);
        }
    }
    free(threads);
    return all;
}

/* With the mutex held.  The monitor thread runs the hooks. */
static void cancel_locked(struct hg_job *job)
{
    atomic_store(&job->cancelled, true);
    pthread_cond_broadcast(&job->changed);
}

static void run_hooks(struct hg_job *job)
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
    if (!job->failed) {
        job->interrupted = true;
    }
    cancel_locked(job);
    pthread_mutex_unlock(&job->mutex);
}

enum hangar_rc hg_job_fail(struct hg_job *job, const struct hg_error *why)
{
    pthread_mutex_lock(&job->mutex);
    if (!job->failed && !job->interrupted && why->rc != HANGAR_CANCELLED) {
        job->failed = true;
        job->first = *why;
    }
    cancel_locked(job);
    pthread_mutex_unlock(&job->mutex);
    return why->rc;
}

bool hg_job_cancelled(const struct hg_job *job)
{
    return atomic_load(&job->cancelled);
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

void hg_job_said(struct hg_job *job, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    pthread_mutex_lock(&job->mutex);
    vsnprintf(job->said, sizeof(job->said), fmt, args);
    job->said_ms = hg_mono_ms();
    pthread_mutex_unlock(&job->mutex);
    va_end(args);
    hg_job_alive(job);
}

void hg_job_get_step(struct hg_job *job, char *out, size_t size)
{
    pthread_mutex_lock(&job->mutex);
    bool fresh = job->said[0] && hg_mono_ms() - job->said_ms < SAID_MS;
    snprintf(out, size, "%s", fresh ? job->said : job->step);
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

static bool sleeps_no_more(const struct hg_job *job, const atomic_bool *stop)
{
    return hg_job_cancelled(job) || (stop && atomic_load(stop));
}

enum hangar_rc hg_job_sleep(struct hg_job *job, int64_t ms, const atomic_bool *stop)
{
    int64_t until = hg_mono_ms() + ms;
    pthread_mutex_lock(&job->mutex);
    for (;;) {
        int64_t left = until - hg_mono_ms();
        if (left <= 0 || sleeps_no_more(job, stop)) {
            break;
        }
        hg_cond_wait_ms(&job->changed, &job->mutex, left);
    }
    pthread_mutex_unlock(&job->mutex);
    return sleeps_no_more(job, stop) ? HANGAR_CANCELLED : HANGAR_OK;
}

void hg_job_wake(struct hg_job *job)
{
    pthread_mutex_lock(&job->mutex); /* not between a sleeper's look and its wait */
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

/* Removes a job's folder, its lock last: what cannot be finished now is still known as ours. */
static enum hangar_rc remove_temp(const char *path, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    DIR *dir = opendir(path);
    for (struct dirent *entry; rc == HANGAR_OK && dir && (entry = readdir(dir));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lock") == 0) {
            continue;
        }
        char *inside = hg_format("%s/%s", path, name);
        rc = inside ? hg_remove_tree(inside, err)
                    : hg_fail(err, HANGAR_NO_MEMORY, 0, "cannot remove %s: out of memory", path);
        free(inside);
    }
    if (dir) {
        closedir(dir);
    }
    return rc == HANGAR_OK ? hg_remove_tree(path, err) : rc;
}

/* Removes a job's folder when nobody holds its lock.  Without one it is what is left of a
 * removal that was cut short, when it is empty, and else not known to be ours. */
static void sweep_job(const char *path)
{
    char *lock_path = hg_format("%s/lock", path);
    int fd = lock_path ? open(lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd >= 0) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            remove_temp(path, NULL);
        }
        close(fd);
    } else if (lock_path && errno == ENOENT) {
        rmdir(path);
    }
    free(lock_path);
}

/* Removes the folders of jobs that ended without doing so. */
static void sweep_temp(const char *base)
{
    DIR *dir = opendir(base);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        bool is_new = hg_starts_with(entry->d_name, NEW_PREFIX);
        if (!is_new && !hg_starts_with(entry->d_name, TEMP_PREFIX)) {
            continue;
        }
        char *path = hg_format("%s/%s", base, entry->d_name);
        struct stat st;
        if (path && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid()) {
            if (!is_new) {
                sweep_job(path);
            } else if (hg_now_ms() - (int64_t)st.st_mtime * 1000 > NEW_GRACE_MS) {
                hg_remove_tree(path, NULL);
            }
        }
        free(path);
    }
    if (dir) {
        closedir(dir);
    }
}

/* A new folder with a lock file that is held, under a name that no sweep looks at soon;
 * the lock's descriptor, or -1 with nothing left behind. */
static int make_locked(char *path)
{
    if (!mkdtemp(path)) {
        return -1;
    }
    char *lock_path = hg_format("%s/lock", path);
    int fd = lock_path ? open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    free(lock_path);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        return fd;
    }
    int why = errno;
    if (fd >= 0) {
        close(fd);
    }
    hg_remove_tree(path, NULL);
    errno = why;
    return -1;
}

/* Makes the job's own folder; with the mutex held.  It gets its name once it is
 * locked, so that no other process sweeps it in between. */
static enum hangar_rc make_temp(struct hg_job *job, struct hg_error *err)
{
    const char *base = job->set.temp_base;
    sweep_temp(base);
    char *path = hg_format("%s/" NEW_PREFIX "XXXXXX", base);
    char *final = NULL;
    enum hangar_rc rc = HANGAR_OK;
    if (!path) {
        return hg_no_memory(err);
    }
    job->temp_lock = make_locked(path);
    if (job->temp_lock < 0) {
        rc = hg_fail(err, HANGAR_IO, errno, "cannot make a temporary directory in %s", base);
    } else {
        final = hg_format("%s/" TEMP_PREFIX "%s", base, strrchr(path, '-') + 1);
        if (!final || rename(path, final) != 0) {
            rc = hg_fail(err, HANGAR_IO, final ? errno : 0, "cannot rename %s", path);
            hg_remove_tree(path, NULL);
            close(job->temp_lock);
            job->temp_lock = -1;
            free(final);
            final = NULL;
        }
    }
    job->temp_dir = final;
    free(path);
    return rc;
}

static enum hangar_rc check_room(const char *path, uint64_t bytes, struct hg_error *err)
{
    struct statvfs fs;
    if (statvfs(path, &fs) != 0) {
        return hg_fail(err, HANGAR_IO, errno, "cannot look at %s", path);
    }
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (room < bytes) {
        return hg_fail(err, HANGAR_NO_SPACE, 0,
                       "%s has %llu MiB free, and up to %llu MiB of temporary files are needed; "
                       "hint: set limits.temp_dir to a folder on a larger disk",
                       path, (unsigned long long)(room >> 20),
                       (unsigned long long)(bytes / (1 << 20) + (bytes % (1 << 20) != 0)));
    }
    return HANGAR_OK;
}

/* Never lowers it. */
static void set_quota(struct hg_job *job, const char *path, uint64_t bytes)
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
    enum hangar_rc rc = job->temp_dir ? HANGAR_OK : make_temp(job, err);
    pthread_mutex_unlock(&job->mutex);
    if (rc == HANGAR_OK) {
        rc = check_room(job->temp_dir, quota, err);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    char *dir = hg_format("%s/%s", job->temp_dir, name);
    if (!dir || (mkdir(dir, 0700) != 0 && errno != EEXIST)) {
        rc = hg_fail(err, dir ? HANGAR_IO : HANGAR_NO_MEMORY, dir ? errno : 0,
                     "cannot make a temporary directory in %s", job->temp_dir);
        free(dir);
        return rc;
    }
    set_quota(job, dir, quota);
    *path = dir;
    return HANGAR_OK;
}

enum hangar_rc hg_job_raise_quota(struct hg_job *job, const char *path, uint64_t bytes,
                                  struct hg_error *err)
{
    enum hangar_rc rc = check_room(path, bytes, err);
    if (rc == HANGAR_OK) {
        set_quota(job, path, bytes);
    }
    return rc;
}

void hg_job_bound_temp(struct hg_job *job, uint64_t bytes)
{
    pthread_mutex_lock(&job->mutex);
    job->temp_most = bytes;
    pthread_mutex_unlock(&job->mutex);
}

static void check_used(struct hg_job *job, const char *path, uint64_t used, uint64_t allowed)
{
    struct hg_error err = {0};
    if (used <= allowed) {
        return;
    }
    hg_fail(&err, HANGAR_NO_SPACE, 0,
            "temporary files in %s have grown to %llu MiB, more than the %llu MiB allowed; hint: "
            "set limits.temp_dir to a folder on a larger disk",
            path, (unsigned long long)(used >> 20), (unsigned long long)(allowed >> 20));
    hg_job_fail(job, &err);
}

/* Fails the job when a temporary folder, or all of them, have outgrown their quota.
 * Entries are only added at the front, so the list can be walked without the lock. */
static void check_quotas(struct hg_job *job)
{
    pthread_mutex_lock(&job->mutex);
    struct hg_quota *q = job->quotas;
    uint64_t most = job->temp_most, all = 0;
    pthread_mutex_unlock(&job->mutex);
    for (; q; q = q->next) {
        uint64_t used = q->path ? hg_tree_bytes(q->path) : 0;
        pthread_mutex_lock(&job->mutex);
        uint64_t allowed = q->bytes;
        pthread_mutex_unlock(&job->mutex);
        all += used;
        check_used(job, q->path ? q->path : "", used, allowed);
    }
    if (most > 0) {
        check_used(job, job->temp_dir, all, most);
    }
}

static void check_stall(struct hg_job *job, uint_fast64_t *seen, int64_t *since)
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
                "nothing has moved for %lld s (%s); hint: a server, a disk or the network hangs; "
                "limits.stall_timeout says how long that is allowed",
                (long long)(job->set.stall_timeout_ms / 1000), step[0] ? step : "starting");
        hg_job_fail(job, &err);
        *since = hg_mono_ms();
    }
}

/* Waits for a tick, or less when something changed; false when the job ends. */
static bool wait_for_tick(struct hg_job *job)
{
    pthread_mutex_lock(&job->mutex);
    if (!job->ending && (job->hooks_ran || !hg_job_cancelled(job))) { /* this thread sets it */
        hg_cond_wait_ms(&job->changed, &job->mutex, TICK_MS);
    }
    bool going_on = !job->ending;
    pthread_mutex_unlock(&job->mutex);
    return going_on;
}

static void *monitor_main(void *arg)
{
    struct hg_job *job = arg;
    uint_fast64_t seen = 0;
    int64_t since = hg_mono_ms();
    unsigned tick = 0;
    while (wait_for_tick(job)) {
        if (job->set.requested && atomic_load(job->set.requested) && !hg_job_cancelled(job)) {
            hg_job_cancel(job);
        }
        if (hg_job_cancelled(job)) {
            run_hooks(job);
            continue;
        }
        check_stall(job, &seen, &since);
        if (++tick % QUOTA_EVERY_TICKS == 0) {
            check_quotas(job);
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
    job->temp_lock = -1;
    if (pthread_mutex_init(&job->mutex, NULL) != 0 ||
        pthread_mutex_init(&job->hook_mutex, NULL) != 0 || hg_cond_init(&job->changed) != 0 ||
        hg_thread_start(&job->monitor, monitor_main, job) != 0) {
        return hg_fail(err, HANGAR_NO_MEMORY, 0, "cannot start a thread");
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
    if (job->temp_dir) {
        struct hg_error err = {0};
        /* twice: what was missing may have been memory, for a moment */
        if (remove_temp(job->temp_dir, NULL) != HANGAR_OK &&
            remove_temp(job->temp_dir, &err) != HANGAR_OK) {
            hg_log_line(job->set.log, HANGAR_LOG_WARN, "temporary files are left: %s", err.text);
        }
        close(job->temp_lock);
        free(job->temp_dir);
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
        rc = hg_fail(err, HANGAR_CANCELLED, 0, "interrupted");
    }
    pthread_mutex_unlock(&job->mutex);
    return rc;
}
