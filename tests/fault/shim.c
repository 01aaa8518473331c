/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * shim: a library for LD_PRELOAD that lets the n-th call of a function of libc fail,
 * or kills the process there.  It counts in one program only, not in the children
 * that this starts.  It depends on nothing of hangar except that program's name.
 *
 *     FAULT_PROGRAM  the last part of the program's path; unset: the library does nothing
 *     FAULT_CALL     open, read, write, fsync, ...: see names; unset: calls are only counted
 *     FAULT_NTH      which of these calls, from 1
 *     FAULT_HOW      EIO, ENOSPC, ...; SHORT; KILL_BEFORE, KILL_AFTER the call; VANISH: the
 *                    call does not fail, but before it a disk goes away; STOP: the process
 *                    stops before it, until it gets SIGCONT
 *     FAULT_DISK     the folder that goes away, to the same name and ".gone"
 *     FAULT_CLOCK    seconds by which the clock of this host is ahead, as of another host that
 *                    uses the same sink; the times of files stay those of the disk
 *     FAULT_HOST     the name of this host
 *     FAULT_STICKY   1: all later calls fail, too
 *     FAULT_TRACE    1: the calls that led to the fault are written to standard error
 *     FAULT_LOG      a file to which the fault that happened and, at the end, the counts
 *                    of all calls are appended
 */
#include "shim.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const names[SHIM_CALLS] = {
    "open",   "read",    "write",     "fsync",   "close", "rename",  "link",
    "unlink", "mkdir",   "fallocate", "statvfs", "stat",  "opendir", "readdir",
    "socket", "connect", "send",      "recv",    "poll",  "thread",  "malloc"};

static const struct {
    const char *name;
    int number;
} errors[] = {{"EIO", EIO},
              {"ENOSPC", ENOSPC},
              {"EINTR", EINTR},
              {"EMFILE", EMFILE},
              {"ENOMEM", ENOMEM},
              {"EAGAIN", EAGAIN},
              {"EDQUOT", EDQUOT},
              {"ECONNRESET", ECONNRESET},
              {"ECONNREFUSED", ECONNREFUSED},
              {"ETIMEDOUT", ETIMEDOUT},
              {"ESTALE", ESTALE},
              {"EACCES", EACCES}};

/* Set once, before main, while there is one thread. */
static pid_t pid;
static int target = -1;
static unsigned long nth;
static int error_number;
static bool cut, kill_before, kill_after, vanish, stop, sticky;
static const char *disk;
long shim_ahead_seconds;
const char *shim_host;
static bool trace;
static const char *log_path, *how = "";

#define TRACE_CALLS 30
static void *trace_calls[TRACE_CALLS]; /* written once, at the fault */

static atomic_ulong counts[SHIM_CALLS];

/* Uses system calls directly, as the wrappers must not count them. */
static void shim_record(const char *line, size_t size)
{
    int saved = errno;
    long fd = log_path ? syscall(SYS_openat, AT_FDCWD, log_path,
                                 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
                       : -1;
    if (fd >= 0) {
        syscall(SYS_write, fd, line, size);
        syscall(SYS_close, fd);
    }
    errno = saved;
}

void shim_die(void)
{
    syscall(SYS_kill, pid, SIGKILL);
    for (;;) {
        syscall(SYS_pause);
    }
}

/* As umount does, but a test need not be root for it: the path leads nowhere, and descriptors that
 * are open still work. */
static void shim_lose_disk(void)
{
    char gone[4096];
    int saved = errno;
    snprintf(gone, sizeof(gone), "%s.gone", disk);
    syscall(SYS_renameat2, AT_FDCWD, disk, AT_FDCWD, gone, 0);
    errno = saved;
}

enum shim_hit shim_hit(enum shim_call call, const char *what)
{
    if (!pid || syscall(SYS_getpid) != pid) {
        return SHIM_PASS;
    }
    unsigned long n = atomic_fetch_add(&counts[call], 1) + 1;
    if ((int)call != target || (sticky ? n < nth : n != nth)) {
        return SHIM_PASS;
    }
    if (n == nth) {
        int saved = errno;
        char line[512];
        int size =
            snprintf(line, sizeof(line), "fault %s %lu %s %.300s\n", names[call], n, how, what);
        shim_record(line, size < (int)sizeof(line) ? (size_t)size : sizeof(line) - 1);
        if (trace) {
            backtrace_symbols_fd(trace_calls, backtrace(trace_calls, TRACE_CALLS), 2);
        }
        errno = saved;
    }
    if (kill_before) {
        shim_die();
    }
    if (kill_after) {
        return SHIM_DIE;
    }
    if (cut) {
        return SHIM_SHORT;
    }
    if (vanish) {
        shim_lose_disk();
        return SHIM_PASS;
    }
    if (stop) {
        int saved = errno;
        syscall(SYS_kill, pid, SIGSTOP);
        errno = saved;
        return SHIM_PASS;
    }
    errno = error_number;
    return SHIM_FAIL;
}

static void read_how(void)
{
    cut = strcmp(how, "SHORT") == 0;
    kill_before = strcmp(how, "KILL_BEFORE") == 0;
    kill_after = strcmp(how, "KILL_AFTER") == 0;
    disk = getenv("FAULT_DISK");
    vanish = disk && strcmp(how, "VANISH") == 0;
    stop = strcmp(how, "STOP") == 0;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (strcmp(errors[i].name, how) == 0) {
            error_number = errors[i].number;
        }
    }
    if (!cut && !kill_before && !kill_after && !vanish && !stop && !error_number) {
        static const char text[] = "shim: unknown FAULT_HOW\n";
        syscall(SYS_write, 2, text, sizeof(text) - 1);
        _exit(125);
    }
}

__attribute__((constructor)) static void begin(void)
{
    char path[4096];
    const char *program = getenv("FAULT_PROGRAM"), *call = getenv("FAULT_CALL");
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (!program || n <= 0) {
        return;
    }
    path[n] = '\0';
    const char *slash = strrchr(path, '/');
    if (!slash || strcmp(slash + 1, program) != 0) {
        return;
    }
    log_path = getenv("FAULT_LOG");
    for (int i = 0; call && i < SHIM_CALLS; i++) {
        if (strcmp(names[i], call) == 0) {
            target = i;
        }
    }
    if (target >= 0) {
        const char *number = getenv("FAULT_NTH");
        how = getenv("FAULT_HOW") ? getenv("FAULT_HOW") : "EIO";
        nth = number ? strtoul(number, NULL, 10) : 1;
        sticky = getenv("FAULT_STICKY") != NULL;
        trace = getenv("FAULT_TRACE") != NULL;
        read_how();
    }
    const char *clock = getenv("FAULT_CLOCK");
    shim_ahead_seconds = clock ? strtol(clock, NULL, 10) : 0;
    shim_host = getenv("FAULT_HOST");
    pid = getpid();
}

__attribute__((destructor)) static void end(void)
{
    if (!pid || syscall(SYS_getpid) != pid) {
        return;
    }
    pid = 0;
    for (int i = 0; i < SHIM_CALLS; i++) {
        char line[80];
        int n = snprintf(line, sizeof(line), "count %s %lu\n", names[i], atomic_load(&counts[i]));
        shim_record(line, (size_t)n);
    }
}
