/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * faults: see faults.h.  For one thread at a time.
 */
#include "faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static int failing, failing_errno, calls, write_limit, interrupted, without_renameat2;

void faults_set(int n, int error_number)
{
    calls = 0;
    failing = n;
    failing_errno = error_number;
}

int faults_calls(void)
{
    return calls;
}

void faults_short_writes(int bytes)
{
    write_limit = bytes;
}

void faults_no_renameat2(int on)
{
    without_renameat2 = on;
}

static bool faults_fails(void)
{
    if (++calls != failing) {
        return false;
    }
    errno = failing_errno;
    return true;
}

static void faults_find(void *function, size_t size, const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(function, &symbol, size);
}

/* Pipes and logs of the test itself are not to fail. */
static bool is_file(int fd)
{
    struct stat st;
    return fd > 2 && failing && !fstat(fd, &st) && S_ISREG(st.st_mode);
}

EXPORTED ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t (*next)(int, const void *, size_t);
    faults_find(&next, sizeof(next), "write");
    if (is_file(fd) && faults_fails()) {
        return -1;
    }
    if (write_limit && size > (size_t)write_limit) {
        interrupted = !interrupted;
        if (interrupted) {
            errno = EINTR;
            return -1;
        }
        size = (size_t)write_limit;
    }
    return next(fd, data, size);
}

EXPORTED int fsync(int fd)
{
    int (*next)(int);
    faults_find(&next, sizeof(next), "fsync");
    return failing && faults_fails() ? -1 : next(fd);
}

EXPORTED int close(int fd)
{
    int (*next)(int);
    faults_find(&next, sizeof(next), "close");
    if (is_file(fd) && faults_fails()) {
        next(fd); /* the descriptor is gone all the same */
        errno = failing_errno;
        return -1;
    }
    return next(fd);
}

EXPORTED int openat(int dir, const char *path, int flags, ...)
{
    int (*next)(int, const char *, int, ...);
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    faults_find(&next, sizeof(next), "openat");
    return failing && flags & O_CREAT && faults_fails() ? -1 : next(dir, path, flags, mode);
}

static const char *unreadable; /* the last component of such a directory */
static int unreadable_errno;

void faults_unreadable(const char *name, int error_number)
{
    unreadable = name;
    unreadable_errno = error_number;
}

EXPORTED struct dirent *readdir(DIR *stream)
{
    struct dirent *(*next)(DIR *);
    char link[64], path[4200];
    faults_find(&next, sizeof(next), "readdir");
    if (unreadable) {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd(stream));
        ssize_t n = readlink(link, path, sizeof(path) - 1);
        path[n < 0 ? 0 : n] = '\0';
        const char *slash = strrchr(path, '/');
        if (slash && strcmp(slash + 1, unreadable) == 0) {
            errno = unreadable_errno;
            return NULL;
        }
    }
    return next(stream);
}

EXPORTED int mkdirat(int dir, const char *path, mode_t mode)
{
    int (*next)(int, const char *, mode_t);
    faults_find(&next, sizeof(next), "mkdirat");
    return failing && faults_fails() ? -1 : next(dir, path, mode);
}

EXPORTED int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int (*next)(int, const char *, int, const char *);
    faults_find(&next, sizeof(next), "renameat");
    return failing && faults_fails() ? -1 : next(from_dir, from, to_dir, to);
}

EXPORTED int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    int (*next)(int, const char *, int, const char *, unsigned);
    faults_find(&next, sizeof(next), "renameat2");
    if (without_renameat2) {
        errno = EINVAL;
        return -1;
    }
    return failing && faults_fails() ? -1 : next(from_dir, from, to_dir, to, flags);
}
