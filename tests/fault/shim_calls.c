/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * shim_calls: functions of libc under their own names, each of which asks shim_hit
 * first.  Compiled without fortification, as it also stands in for the functions
 * that fortified code calls.
 */
#include "shim.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* The function that the program would call without the shim. */
#define REAL(name)                                                                                 \
    static __typeof__(&name) real;                                                                 \
    if (!real)                                                                                     \
    real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* Asks shim_hit, makes the call, and kills the process afterwards on SHIM_DIE. */
#define GO(call, what, failure, type, expression)                                                  \
    enum shim_hit hit = shim_hit(call, what);                                                      \
    if (hit == SHIM_FAIL)                                                                          \
        return failure;                                                                            \
    type result = expression;                                                                      \
    if (hit == SHIM_DIE)                                                                           \
        shim_die();                                                                                \
    return result

/* How much of `size` is read or written: half, at least one byte, when cut short. */
#define PART(size) (hit == SHIM_SHORT && (size) > 1 ? (size) / 2 : (size))

/* ---- files ---- */

#define MODE_OF(flags)                                                                             \
    mode_t mode = 0;                                                                               \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                       \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode = va_arg(args, mode_t);                                                               \
        va_end(args);                                                                              \
    }

EXPORT int open(const char *path, int flags, ...)
{
    MODE_OF(flags)
    REAL(open);
    GO(SHIM_OPEN, path, -1, int, real(path, flags, mode));
}

EXPORT int open64(const char *path, int flags, ...)
{
    MODE_OF(flags)
    REAL(open64);
    GO(SHIM_OPEN, path, -1, int, real(path, flags, mode));
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
    MODE_OF(flags)
    REAL(openat);
    GO(SHIM_OPEN, path, -1, int, real(dir, path, flags, mode));
}

EXPORT int openat64(int dir, const char *path, int flags, ...)
{
    MODE_OF(flags)
    REAL(openat64);
    GO(SHIM_OPEN, path, -1, int, real(dir, path, flags, mode));
}

int __open_2(const char *path, int flags);
EXPORT int __open_2(const char *path, int flags)
{
    return open(path, flags);
}

int __openat_2(int dir, const char *path, int flags);
EXPORT int __openat_2(int dir, const char *path, int flags)
{
    return openat(dir, path, flags);
}

EXPORT ssize_t read(int fd, void *data, size_t size)
{
    REAL(read);
    GO(SHIM_READ, "", -1, ssize_t, real(fd, data, PART(size)));
}

ssize_t __read_chk(int fd, void *data, size_t size, size_t room);
EXPORT ssize_t __read_chk(int fd, void *data, size_t size, size_t room)
{
    if (size > room) {
        abort();
    }
    return read(fd, data, size);
}

EXPORT ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
    REAL(pread);
    GO(SHIM_READ, "pread", -1, ssize_t, real(fd, data, PART(size), offset));
}

EXPORT ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    return pread(fd, data, size, offset);
}

ssize_t __pread_chk(int fd, void *data, size_t size, off_t offset, size_t room);
EXPORT ssize_t __pread_chk(int fd, void *data, size_t size, off_t offset, size_t room)
{
    if (size > room) {
        abort();
    }
    return pread(fd, data, size, offset);
}

EXPORT ssize_t write(int fd, const void *data, size_t size)
{
    REAL(write);
    GO(SHIM_WRITE, "", -1, ssize_t, real(fd, data, PART(size)));
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    REAL(pwrite);
    GO(SHIM_WRITE, "pwrite", -1, ssize_t, real(fd, data, PART(size), offset));
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return pwrite(fd, data, size, offset);
}

EXPORT int fsync(int fd)
{
    REAL(fsync);
    GO(SHIM_FSYNC, "", -1, int, real(fd));
}

EXPORT int fdatasync(int fd)
{
    REAL(fdatasync);
    GO(SHIM_FSYNC, "fdatasync", -1, int, real(fd));
}

/* As Linux does, it closes also when it fails. */
EXPORT int close(int fd)
{
    REAL(close);
    enum shim_hit hit = shim_hit(SHIM_CLOSE, "");
    int error_number = errno, result = real(fd);
    if (hit == SHIM_DIE) {
        shim_die();
    }
    if (hit != SHIM_FAIL) {
        return result;
    }
    errno = error_number;
    return -1;
}

EXPORT int rename(const char *from, const char *to)
{
    REAL(rename);
    GO(SHIM_RENAME, to, -1, int, real(from, to));
}

EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    REAL(renameat);
    GO(SHIM_RENAME, to, -1, int, real(from_dir, from, to_dir, to));
}

EXPORT int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    REAL(renameat2);
    GO(SHIM_RENAME, to, -1, int, real(from_dir, from, to_dir, to, flags));
}

EXPORT int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    REAL(linkat);
    GO(SHIM_LINK, to, -1, int, real(from_dir, from, to_dir, to, flags));
}

EXPORT int unlink(const char *path)
{
    REAL(unlink);
    GO(SHIM_UNLINK, path, -1, int, real(path));
}

EXPORT int unlinkat(int dir, const char *path, int flags)
{
    REAL(unlinkat);
    GO(SHIM_UNLINK, path, -1, int, real(dir, path, flags));
}

EXPORT int rmdir(const char *path)
{
    REAL(rmdir);
    GO(SHIM_UNLINK, path, -1, int, real(path));
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    GO(SHIM_MKDIR, path, -1, int, real(path, mode));
}

EXPORT int mkdirat(int dir, const char *path, mode_t mode)
{
    REAL(mkdirat);
    GO(SHIM_MKDIR, path, -1, int, real(dir, path, mode));
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t size)
{
    REAL(fallocate);
    GO(SHIM_FALLOCATE, "", -1, int, real(fd, mode, offset, size));
}

EXPORT int fstatvfs(int fd, struct statvfs *out)
{
    REAL(fstatvfs);
    GO(SHIM_STATVFS, "", -1, int, real(fd, out));
}

EXPORT int statvfs(const char *path, struct statvfs *out)
{
    REAL(statvfs);
    GO(SHIM_STATVFS, path, -1, int, real(path, out));
}

EXPORT int fstatat(int dir, const char *path, struct stat *out, int flags)
{
    REAL(fstatat);
    GO(SHIM_STAT, path, -1, int, real(dir, path, out, flags));
}

EXPORT int stat(const char *path, struct stat *out)
{
    REAL(stat);
    GO(SHIM_STAT, path, -1, int, real(path, out));
}

EXPORT int lstat(const char *path, struct stat *out)
{
    REAL(lstat);
    GO(SHIM_STAT, path, -1, int, real(path, out));
}

EXPORT DIR *opendir(const char *path)
{
    REAL(opendir);
    GO(SHIM_OPENDIR, path, NULL, DIR *, real(path));
}

EXPORT DIR *fdopendir(int fd)
{
    REAL(fdopendir);
    GO(SHIM_OPENDIR, "", NULL, DIR *, real(fd));
}

EXPORT struct dirent *readdir(DIR *stream)
{
    REAL(readdir);
    GO(SHIM_READDIR, "", NULL, struct dirent *, real(stream));
}

EXPORT struct dirent64 *readdir64(DIR *stream)
{
    REAL(readdir64);
    GO(SHIM_READDIR, "", NULL, struct dirent64 *, real(stream));
}

/* ---- the clock of this host; that of the disk is the kernel's ---- */

EXPORT int clock_gettime(clockid_t clock, struct timespec *out)
{
    REAL(clock_gettime);
    int result = real(clock, out);
    if (result == 0 && clock == CLOCK_REALTIME) {
        out->tv_sec += shim_ahead_seconds;
    }
    return result;
}

EXPORT time_t time(time_t *out)
{
    REAL(time);
    time_t now = real(NULL) + shim_ahead_seconds;
    if (out) {
        *out = now;
    }
    return now;
}

EXPORT int gettimeofday(struct timeval *out, void *zone)
{
    REAL(gettimeofday);
    int result = real(out, zone);
    out->tv_sec += shim_ahead_seconds;
    return result;
}

EXPORT int gethostname(char *name, size_t size)
{
    REAL(gethostname);
    if (!shim_host) {
        return real(name, size);
    }
    snprintf(name, size, "%s", shim_host);
    return 0;
}

/* ---- network ---- */

EXPORT int socket(int domain, int type, int protocol)
{
    REAL(socket);
    GO(SHIM_SOCKET, "", -1, int, real(domain, type, protocol));
}

EXPORT int connect(int fd, const struct sockaddr *to, socklen_t size)
{
    REAL(connect);
    GO(SHIM_CONNECT, "", -1, int, real(fd, to, size));
}

/* A connection on which that failed is gone, for reading and writing. */
static ssize_t shim_fails(int fd)
{
    int saved = errno;
    if (saved != EINTR && saved != EAGAIN) {
        shutdown(fd, SHUT_RDWR);
    }
    errno = saved;
    return -1;
}

EXPORT ssize_t send(int fd, const void *data, size_t size, int flags)
{
    REAL(send);
    GO(SHIM_SEND, "", shim_fails(fd), ssize_t, real(fd, data, PART(size), flags));
}

EXPORT ssize_t recv(int fd, void *data, size_t size, int flags)
{
    REAL(recv);
    GO(SHIM_RECV, "", shim_fails(fd), ssize_t, real(fd, data, PART(size), flags));
}

ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags);
EXPORT ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags)
{
    if (size > room) {
        abort();
    }
    return recv(fd, data, size, flags);
}

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    REAL(poll);
    GO(SHIM_POLL, "", -1, int, real(fds, count, timeout));
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
    if (count > room / sizeof(*fds)) {
        abort();
    }
    return poll(fds, count, timeout);
}

/* ---- threads and memory ---- */

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg)
{
    REAL(pthread_create);
    GO(SHIM_THREAD, "", EAGAIN, int, real(thread, attr, start, arg));
}

/* libc's own names for these: dlsym would allocate. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

EXPORT void *malloc(size_t size)
{
    GO(SHIM_MALLOC, "malloc", NULL, void *, __libc_malloc(size));
}

EXPORT void *calloc(size_t count, size_t size)
{
    GO(SHIM_MALLOC, "calloc", NULL, void *, __libc_calloc(count, size));
}

EXPORT void *realloc(void *memory, size_t size)
{
    GO(SHIM_MALLOC, "realloc", NULL, void *, __libc_realloc(memory, size));
}
