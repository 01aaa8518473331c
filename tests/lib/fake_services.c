/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_services: the host functions that a plugin calls, as far as they belong
 * to an instance: log, failures, waiting, options, temporary folder, spool and
 * budget.  All of them may be called from any thread.
 */
#include "fake_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define LOG_LIMIT ((size_t)4 << 20) /* further lines are dropped */

struct hangar_spool {
    struct hangar_ctx *ctx;
    int fd;
    uint64_t max_bytes, read_at, write_at;
};

static void log_text(struct fake_host *fake, const char *level, const char *fmt, va_list args)
{
    pthread_mutex_lock(&fake->mutex);
    if (fake->log.len < LOG_LIMIT) {
        hg_str_addf(&fake->log, "%s: ", level);
        hg_str_addv(&fake->log, fmt, args);
        hg_str_add(&fake->log, "\n");
    }
    pthread_mutex_unlock(&fake->mutex);
}

static void HANGAR_PRINTF(3, 4)
    log_line(struct fake_host *fake, const char *level, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_text(fake, level, fmt, args);
    va_end(args);
}

static void HANGAR_PRINTF(3, 4)
    host_log(struct hangar_ctx *ctx, enum hangar_log_level level, const char *fmt, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    if ((unsigned)level > HANGAR_LOG_DEBUG) {
        fake_die("log is called with level %d", (int)level);
    }
    va_list args;
    va_start(args, fmt);
    log_text(ctx->fake, names[level], fmt, args);
    va_end(args);
}

static void fake_record_line(struct fake_host *fake, enum hangar_rc rc, int error_number,
                             const char *option, const char *fmt, va_list args)
{
    pthread_mutex_lock(&fake->mutex);
    if (!fake->error.len) {
        fake->error_rc = rc;
        if (option) {
            hg_str_addf(&fake->error, "%s: ", option);
        }
        hg_str_addv(&fake->error, fmt, args);
        if (error_number) {
            char cause[256];
            hg_str_addf(&fake->error, ": %s", strerror_r(error_number, cause, sizeof(cause)));
        }
    }
    pthread_mutex_unlock(&fake->mutex);
}

static enum hangar_rc HANGAR_PRINTF(4, 5)
    host_fail(struct hangar_ctx *ctx, enum hangar_rc rc, int error_number, const char *fmt, ...)
{
    if (rc == HANGAR_OK) {
        fake_die("fail is called with HANGAR_OK");
    }
    va_list args;
    va_start(args, fmt);
    fake_record_line(ctx->fake, rc, error_number, NULL, fmt, args);
    va_end(args);
    return rc;
}

static enum hangar_rc HANGAR_PRINTF(3, 4)
    host_fail_option(struct hangar_ctx *ctx, const char *option, const char *fmt, ...)
{
    fake_option(ctx->fake, option, ~0u);
    va_list args;
    va_start(args, fmt);
    fake_record_line(ctx->fake, HANGAR_CONFIG, 0, option, fmt, args);
    va_end(args);
    return HANGAR_CONFIG;
}

static void fake_progress(struct hangar_ctx *ctx, const char *what, uint64_t done, uint64_t total)
{
    log_line(ctx->fake, "progress", "%s %llu of %llu", what, (unsigned long long)done,
             (unsigned long long)total);
}

static void fake_alive(struct hangar_ctx *ctx, const char *what)
{
    log_line(ctx->fake, "alive", "%s", what);
}

static int fake_cancelled(struct hangar_ctx *ctx)
{
    pthread_mutex_lock(&ctx->fake->mutex);
    int cancelled = ctx->fake->cancelled;
    pthread_mutex_unlock(&ctx->fake->mutex);
    return cancelled;
}

static enum hangar_rc fake_sleep(struct hangar_ctx *ctx, uint32_t ms)
{
    struct fake_host *fake = ctx->fake;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&fake->mutex);
    while (!fake->cancelled) {
        if (pthread_cond_timedwait(&fake->wake, &fake->mutex, &until) == ETIMEDOUT) {
            break;
        }
    }
    enum hangar_rc rc = fake->cancelled ? HANGAR_CANCELLED : HANGAR_OK;
    pthread_mutex_unlock(&fake->mutex);
    return rc;
}

static const char *fake_opt_string(struct hangar_ctx *ctx, const char *name)
{
    const struct fake_option *option = fake_option(
        ctx->fake, name, 1u << HANGAR_OPT_STRING | 1u << HANGAR_OPT_ENUM | 1u << HANGAR_OPT_PATH);
    return option->count ? option->values[0] : NULL;
}

static int64_t fake_opt_int(struct hangar_ctx *ctx, const char *name)
{
    return fake_option(ctx->fake, name,
                       1u << HANGAR_OPT_INT | 1u << HANGAR_OPT_SIZE | 1u << HANGAR_OPT_DURATION)
        ->number;
}

static int fake_opt_bool(struct hangar_ctx *ctx, const char *name)
{
    return fake_option(ctx->fake, name, 1u << HANGAR_OPT_BOOL)->number != 0;
}

static const char *fake_opt_list(struct hangar_ctx *ctx, const char *name, size_t index)
{
    const struct fake_option *option = fake_option(ctx->fake, name, 1u << HANGAR_OPT_LIST);
    return index < option->count ? option->values[index] : NULL;
}

static int fake_opt_given(struct hangar_ctx *ctx, const char *name)
{
    return fake_option(ctx->fake, name, ~0u)->given;
}

static const char *fake_instance_name(struct hangar_ctx *ctx)
{
    (void)ctx;
    return "fake";
}

static enum hangar_rc fake_temp_dir(struct hangar_ctx *ctx, uint64_t quota_bytes, const char **path)
{
    struct fake_host *fake = ctx->fake;
    enum hangar_rc rc = HANGAR_OK;
    pthread_mutex_lock(&fake->mutex);
    if (!fake->temp_dir && !fake->refuse_temp_dir) {
        fake->temp_dir = fake_temp_template();
        if (!mkdtemp(fake->temp_dir)) {
            fake_die("cannot create %s: %s", fake->temp_dir, strerror(errno));
        }
    }
    struct statvfs fs;
    if (fake->refuse_temp_dir || statvfs(fake->temp_dir, &fs) ||
        (uint64_t)fs.f_bavail * fs.f_frsize < quota_bytes) {
        rc = HANGAR_NO_SPACE;
    } else {
        *path = fake->temp_dir;
    }
    pthread_mutex_unlock(&fake->mutex);
    if (rc != HANGAR_OK) {
        return host_fail(ctx, rc, 0, "cannot create a temporary directory: no space for %llu bytes",
                         (unsigned long long)quota_bytes);
    }
    return HANGAR_OK;
}

static enum hangar_rc fake_spool_open(struct hangar_ctx *ctx, uint64_t max_bytes,
                                      struct hangar_spool **out)
{
    struct hangar_spool *spool = calloc(1, sizeof(*spool));
    char *path = fake_temp_template();
    if (!spool) {
        fake_die("out of memory");
    }
    spool->ctx = ctx;
    spool->max_bytes = max_bytes;
    spool->fd = mkostemp(path, O_CLOEXEC);
    if (spool->fd < 0) {
        fake_die("cannot create %s: %s", path, strerror(errno));
    }
    unlink(path);
    free(path);
    *out = spool;
    return HANGAR_OK;
}

static enum hangar_rc fake_spool_write(struct hangar_spool *spool, const void *data, size_t size)
{
    if (spool->write_at - spool->read_at + size > spool->max_bytes) {
        return host_fail(spool->ctx, HANGAR_NO_SPACE, 0, "cannot spool: over %llu bytes",
                         (unsigned long long)spool->max_bytes);
    }
    const char *next = data;
    while (size) {
        ssize_t n = pwrite(spool->fd, next, size, (off_t)spool->write_at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return host_fail(spool->ctx, HANGAR_IO, errno, "cannot write the spool");
        }
        next += n;
        size -= (size_t)n;
        spool->write_at += (uint64_t)n;
    }
    return HANGAR_OK;
}

static enum hangar_rc fake_spool_read(struct hangar_spool *spool, void *data, size_t size,
                                      size_t *got)
{
    uint64_t there = spool->write_at - spool->read_at;
    ssize_t n;
    do {
        n = pread(spool->fd, data, size < there ? size : (size_t)there, (off_t)spool->read_at);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return host_fail(spool->ctx, HANGAR_IO, errno, "cannot read the spool");
    }
    spool->read_at += (uint64_t)n;
    *got = (size_t)n;
    return HANGAR_OK;
}

static void host_spool_close(struct hangar_spool *spool)
{
    if (!spool) {
        return;
    }
    close(spool->fd);
    free(spool);
}

static size_t fake_budget_take(struct hangar_ctx *ctx, size_t want, size_t least)
{
    struct fake_host *fake = ctx->fake;
    pthread_mutex_lock(&fake->mutex);
    size_t left = fake->budget > fake->budget_used ? fake->budget - fake->budget_used : 0;
    size_t given = want < left ? want : left;
    if (given < least) {
        given = 0;
    }
    fake->budget_used += given;
    pthread_mutex_unlock(&fake->mutex);
    return given;
}

static void fake_budget_give(struct hangar_ctx *ctx, size_t bytes)
{
    struct fake_host *fake = ctx->fake;
    pthread_mutex_lock(&fake->mutex);
    if (bytes > fake->budget_used) {
        fake_die("the plugin gives back %zu bytes of budget and has %zu", bytes, fake->budget_used);
    }
    fake->budget_used -= bytes;
    pthread_mutex_unlock(&fake->mutex);
}

void fake_services_init(struct hangar_host *host)
{
    host->log = host_log;
    host->fail = host_fail;
    host->fail_option = host_fail_option;
    host->progress = fake_progress;
    host->alive = fake_alive;
    host->cancelled = fake_cancelled;
    host->sleep = fake_sleep;
    host->opt_string = fake_opt_string;
    host->opt_int = fake_opt_int;
    host->opt_bool = fake_opt_bool;
    host->opt_list = fake_opt_list;
    host->opt_given = fake_opt_given;
    host->instance_name = fake_instance_name;
    host->temp_dir = fake_temp_dir;
    host->spool_open = fake_spool_open;
    host->spool_write = fake_spool_write;
    host->spool_read = fake_spool_read;
    host->spool_close = host_spool_close;
    host->budget_take = fake_budget_take;
    host->budget_give = fake_budget_give;
}
