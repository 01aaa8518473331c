/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * file: see file.h.
 */
#include "restore/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "rdb/walk.h"
#include "wire/transport.h"

#define OLD_FILE RD_OBJECT ".before-" /* a time follows */

struct rd_file {
    struct redis *redis;
    int dir_fd, fd;
    struct stat dir;
    char temp[64]; /* name of the unfinished file; "" when there is none */
    struct rdb_walk *walk;
    bool may_overwrite;
    bool keep_old; /* --mode clean: the old file gets another name */
};

static enum hangar_rc fail_file(struct rd_file *file, enum hangar_rc rc, int problem,
                                const char *what)
{
    if (problem == ENOSPC || problem == EDQUOT) {
        rc = HANGAR_NO_SPACE;
    }
    return file->redis->host->fail(file->redis->ctx, rc, problem, "cannot %s %s/" RD_OBJECT, what,
                                   file->redis->data_dir);
}

/* A server with appendonly yes reads the append-only files of the folder, and ignores the RDB
 * without a message. */
static enum hangar_rc refuse_append_only(struct rd_file *file)
{
    struct redis *redis = file->redis;
    int fd = openat(file->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int problem = errno;
        if (fd >= 0) {
            close(fd);
        }
        return redis->host->fail(redis->ctx, HANGAR_IO, problem, "cannot list %s", redis->data_dir);
    }
    enum hangar_rc rc = HANGAR_OK;
    for (const struct dirent *entry; rc == HANGAR_OK && (entry = readdir(dir));) {
        size_t length = strlen(entry->d_name);
        if (strcmp(entry->d_name, "appendonlydir") == 0 ||
            (length > 4 && strcmp(entry->d_name + length - 4, ".aof") == 0)) {
            rc = redis->host->fail(
                redis->ctx, HANGAR_EXISTS, 0,
                "cannot restore into %s: the server would read the append-only data "
                "there (%s) instead of the RDB; hint: move it away, set "
                "appendonly no, and set it to yes with CONFIG SET when the "
                "server runs",
                redis->data_dir, entry->d_name);
        }
    }
    closedir(dir);
    return rc;
}

static enum hangar_rc check_folder(struct rd_file *file)
{
    struct redis *redis = file->redis;
    const struct hangar_host *host = redis->host;
    file->dir_fd = open(redis->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->dir_fd < 0 || fstat(file->dir_fd, &file->dir) < 0) {
        return host->fail(redis->ctx, HANGAR_CONFIG, errno, "cannot open data_dir %s",
                          redis->data_dir);
    }
    if (faccessat(file->dir_fd, ".", W_OK | X_OK, AT_EACCESS) < 0) {
        return host->fail(redis->ctx, HANGAR_AUTH, errno, "cannot write to data_dir %s",
                          redis->data_dir);
    }
    enum hangar_rc rc = refuse_append_only(file);
    struct stat existing;
    if (rc == HANGAR_OK && !file->may_overwrite &&
        fstatat(file->dir_fd, RD_OBJECT, &existing, AT_SYMLINK_NOFOLLOW) == 0) {
        rc = host->fail(redis->ctx, HANGAR_EXISTS, 0,
                        "cannot restore into %s: it has a " RD_OBJECT
                        "; hint: --mode clean replaces it, and keeps the old one under another "
                        "name",
                        redis->data_dir);
    }
    return rc;
}

enum hangar_rc rd_file_prepare(struct redis *redis, const struct hangar_restore *how,
                               struct rd_file **out)
{
    const struct hangar_host *host = redis->host;
    struct rd_file *file = calloc(1, sizeof(*file));
    if (!file) {
        return rd_no_memory(redis, "prepare the restore");
    }
    *out = file;
    file->redis = redis;
    file->dir_fd = file->fd = -1;
    file->keep_old = how->flags & HANGAR_RESTORE_CLEAN;
    file->may_overwrite =
        file->keep_old || redis->on_conflict == RD_REPLACE || redis->on_conflict == RD_FLUSH;
    if (how->flags & HANGAR_RESTORE_COMPARE) {
        return host->fail(redis->ctx, HANGAR_UNSUPPORTED, 0,
                          "cannot compare with method: file, as no server loads the file; hint: "
                          "use method: live to compare");
    }
    if (rd_answers(redis)) {
        return host->fail(
            redis->ctx, HANGAR_EXISTS, 0,
            "cannot restore into %s: a server is running at %s, and would overwrite " RD_OBJECT
            " when it stops; hint: stop it, or use method: live",
            redis->data_dir, redis->place);
    }
    enum hangar_rc rc = check_folder(file);
    if (file->keep_old && how->target_empty) {
        *how->target_empty = 1; /* no data is lost, because the old file stays */
    }
    if (rc == HANGAR_OK) {
        host->text(how->plan, "write %s/" RD_OBJECT "%s\n", redis->data_dir,
                   file->keep_old        ? ", and keep an existing one as " OLD_FILE "TIME"
                   : file->may_overwrite ? ", replacing an existing one"
                                         : "");
    }
    return rc;
}

enum hangar_rc rd_file_open(struct rd_file *file)
{
    file->walk = rdb_walk_new(NULL, NULL, 256, UINT64_MAX);
    if (!file->walk) {
        return fail_file(file, HANGAR_NO_MEMORY, ENOMEM, "write");
    }
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        snprintf(file->temp, sizeof(file->temp), ".dump.rdb.hangar-%ld-%u", (long)getpid(),
                 attempt);
        file->fd = openat(file->dir_fd, file->temp,
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file->fd >= 0) {
            return HANGAR_OK;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    file->temp[0] = '\0';
    return fail_file(file, HANGAR_IO, errno, "create");
}

enum hangar_rc rd_file_write(struct rd_file *file, const void *data, size_t size)
{
    struct redis *redis = file->redis;
    size_t used;
    enum hangar_rc rc = rdb_walk_feed(file->walk, data, size, &used);
    if (rc != HANGAR_OK) {
        return redis->host->fail(redis->ctx, rc, 0, "cannot restore " RD_OBJECT ": %s",
                                 rdb_walk_problem(file->walk));
    }
    if (used < size) {
        return redis->host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                                 "cannot restore " RD_OBJECT ": there are bytes after its end");
    }
    for (const unsigned char *at = data; size > 0;) {
        ssize_t n = write(file->fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fail_file(file, HANGAR_IO, errno, "write");
        }
        at += n;
        size -= (size_t)n;
    }
    return HANGAR_OK;
}

enum hangar_rc rd_file_complete(struct rd_file *file)
{
    struct redis *redis = file->redis;
    if (!rdb_walk_done(file->walk)) {
        return redis->host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                                 "cannot restore " RD_OBJECT ": its end is missing");
    }
    if (geteuid() == 0 && fchown(file->fd, file->dir.st_uid, file->dir.st_gid) < 0) {
        return fail_file(file, HANGAR_IO, errno, "change the owner of");
    }
    if (fchmod(file->fd, 0660) < 0 || fsync(file->fd) < 0) {
        return fail_file(file, HANGAR_IO, errno, "store");
    }
    int closed = close(file->fd);
    file->fd = -1;
    return closed < 0 ? fail_file(file, HANGAR_IO, errno, "store") : HANGAR_OK;
}

/* Gives an existing file a second name; the rename then replaces its first one. */
static enum hangar_rc keep_old_file(struct rd_file *file, struct hangar_attrs *report)
{
    const struct redis *redis = file->redis;
    char name[sizeof(OLD_FILE) + 24];
    clock_format(clock_now_ms(), OLD_FILE CLOCK_ISO_FILE, name, sizeof(name));
    if (linkat(file->dir_fd, RD_OBJECT, file->dir_fd, name, 0) == 0) {
        redis->host->attr_setf(report, "old_file", "%s/%s", redis->data_dir, name);
    } else if (errno != ENOENT) {
        return redis->host->fail(redis->ctx, HANGAR_IO, errno, "cannot keep %s/" RD_OBJECT " as %s",
                                 redis->data_dir, name);
    }
    return HANGAR_OK;
}

enum hangar_rc rd_file_end(struct rd_file *file, struct hangar_attrs *report)
{
    struct redis *redis = file->redis;
    const struct hangar_host *host = redis->host;
    enum hangar_rc rc = file->keep_old ? keep_old_file(file, report) : HANGAR_OK;
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (renameat2(file->dir_fd, file->temp, file->dir_fd, RD_OBJECT,
                  file->may_overwrite ? 0 : RENAME_NOREPLACE) < 0) {
        return fail_file(file, errno == EEXIST ? HANGAR_EXISTS : HANGAR_IO, errno, "create");
    }
    file->temp[0] = '\0';
    if (fsync(file->dir_fd) < 0) {
        return fail_file(file, HANGAR_IO, errno, "store");
    }
    const struct rdb_counts *counts = rdb_walk_counts(file->walk);
    host->attr_setf(report, "keys", "%" PRIu64, counts->keys);
    host->attr_setf(report, "functions", "%" PRIu64, counts->functions);
    host->attr_setf(report, "file", "%s/" RD_OBJECT, redis->data_dir);
    host->attr_set(report, "next", "start the server with appendonly no");
    return HANGAR_OK;
}

void rd_file_drop(struct rd_file *file)
{
    if (!file) {
        return;
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    if (file->temp[0] != '\0') {
        unlinkat(file->dir_fd, file->temp, 0);
    }
    if (file->dir_fd >= 0) {
        close(file->dir_fd);
    }
    rdb_walk_free(file->walk);
    free(file);
}
