/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * secret: reads secrets from files, commands and systemd credentials.  Buffers
 * are of a fixed size and wiped, so that no copy stays behind in freed memory.
 */
#include "config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

extern char **environ;

void hg_secret_free(char *secret)
{
    if (secret == NULL)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* Makes a string of buffer[0..size), of which it is the end that counts. */
static char *finish(const char *buffer, size_t size, const char *what, const char *name,
                    struct hg_error *err)
{
    if (size > HG_SECRET_MAX) {
        hg_fail(err, HANGAR_AUTH, 0, "%s %s gives more than 64 KiB", what, name);
        return NULL;
    }
    if (memchr(buffer, '\0', size) != NULL) {
        hg_fail(err, HANGAR_AUTH, 0, "%s %s gives a NUL character", what, name);
        return NULL;
    }
    if (size > 0 && buffer[size - 1] == '\n')
        size--;
    if (size > 0 && buffer[size - 1] == '\r')
        size--;
    if (size == 0) {
        hg_fail(err, HANGAR_AUTH, 0, "%s %s is empty", what, name);
        return NULL;
    }
    char *secret = strndup(buffer, size);
    if (secret == NULL)
        hg_fail(err, HANGAR_NO_MEMORY, 0, "cannot read %s %s: out of memory", what, name);
    return secret;
}

/* Reads and closes fd. */
static char *read_secret(int fd, const char *name, struct hg_error *err)
{
    char *secret = NULL;
    char *buffer = malloc(HG_SECRET_MAX + 1);
    ssize_t size = buffer != NULL ? hg_read_full(fd, buffer, HG_SECRET_MAX + 1) : -1;
    if (size < 0)
        hg_fail(err, HANGAR_AUTH, errno, "cannot read file %s", name);
    else
        secret = finish(buffer, (size_t)size, "file", name, err);
    if (buffer != NULL)
        explicit_bzero(buffer, HG_SECRET_MAX + 1);
    free(buffer);
    close(fd);
    return secret;
}

static int open_regular(const char *path, struct stat *st, struct hg_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        hg_fail(err, HANGAR_AUTH, errno, "cannot open file %s", path);
        return -1;
    }
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    hg_fail(err, HANGAR_AUTH, 0, "cannot read file %s: it is not a regular file", path);
    close(fd);
    return -1;
}

char *hg_secret_file(const char *path, struct hg_error *err)
{
    struct stat st;
    int fd = open_regular(path, &st, err);
    if (fd < 0)
        return NULL;
    if ((st.st_mode & 077) != 0) {
        struct hg_str quoted = {0};
        hg_str_add_shell(&quoted, path);
        hg_fail(err, HANGAR_AUTH, 0,
                "file %s is open to others (mode %04o); hint: run \"chmod 600 %s\"", path,
                (unsigned)(st.st_mode & 07777), hg_str_text(&quoted));
        hg_str_free(&quoted);
        close(fd);
        return NULL;
    }
    return read_secret(fd, path, err);
}

char *hg_secret_credential(const char *name, struct hg_error *err)
{
    if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0) {
        hg_fail(err, HANGAR_AUTH, 0, "the name of a credential is that of a file, without \"/\"");
        return NULL;
    }
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL || folder[0] != '/') {
        hg_fail(err, HANGAR_AUTH, 0,
                "cannot read credential %s: CREDENTIALS_DIRECTORY is not set; hint: run hangar as "
                "a systemd service with LoadCredential=%s:FILE",
                name, name);
        return NULL;
    }
    char *path = hg_format("%s/%s", folder, name);
    if (path == NULL) {
        hg_fail(err, HANGAR_NO_MEMORY, 0, "cannot read credential %s: out of memory", name);
        return NULL;
    }
    /* Its mode is systemd's business: it may show the mask of an ACL. */
    struct stat st;
    int fd = open_regular(path, &st, err);
    char *secret = fd >= 0 ? read_secret(fd, path, err) : NULL;
    free(path);
    return secret;
}

/* Starts argv with its output to a pipe; *out is the end to read. */
static int start(char *const *argv, pid_t *pid, int *out)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    /* What it prints about an error may hold the secret, and would end in a log. */
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    /* A session of its own: all of it can be killed, and it cannot ask on our terminal. */
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawnp(pid, argv[0], &actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0)
        close(ends[0]);
    else
        *out = ends[0];
    return error;
}

/* Reads until the end, `max` bytes or the deadline; false with ETIMEDOUT or another errno. */
static bool read_output(int fd, char *buffer, size_t max, int64_t deadline, size_t *size)
{
    *size = 0;
    while (*size < max) {
        int64_t left = deadline - hg_mono_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (ready == 0) {
            errno = ETIMEDOUT;
            return false;
        }
        ssize_t n = ready > 0 ? read(fd, buffer + *size, max - *size) : -1;
        if (n < 0 && errno != EINTR)
            return false;
        if (n == 0)
            return true;
        if (n > 0)
            *size += (size_t)n;
    }
    return true;
}

/* Waits until the deadline; false with errno. */
static bool wait_for(pid_t pid, int64_t deadline, int *status)
{
    for (;;) {
        pid_t done = waitpid(pid, status, WNOHANG);
        if (done == pid)
            return true;
        if (done < 0 && errno != EINTR)
            return false;
        if (hg_mono_ms() >= deadline) {
            errno = ETIMEDOUT;
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

static void fail_command(const char *name, int status, struct hg_error *err)
{
    const char *hint = "hint: run it by hand to see why";
    if (WIFSIGNALED(status))
        hg_fail(err, HANGAR_AUTH, 0, "command %s was ended by signal %d; %s", name,
                WTERMSIG(status), hint);
    else
        hg_fail(err, HANGAR_AUTH, 0, "command %s failed with exit status %d; %s", name,
                WEXITSTATUS(status), hint);
}

char *hg_secret_command(char *const *argv, int64_t timeout_ms, struct hg_error *err)
{
    pid_t pid;
    int fd, status = 0;
    int64_t deadline = hg_mono_ms() + timeout_ms;
    char *secret = NULL;
    char *buffer = malloc(HG_SECRET_MAX + 1);
    if (buffer == NULL) {
        hg_fail(err, HANGAR_NO_MEMORY, 0, "cannot run command %s: out of memory", argv[0]);
        return NULL;
    }
    int error = start(argv, &pid, &fd);
    if (error != 0) {
        hg_fail(err, HANGAR_AUTH, error, "cannot run command %s", argv[0]);
        free(buffer);
        return NULL;
    }

    size_t size;
    bool read_ok = read_output(fd, buffer, HG_SECRET_MAX + 1, deadline, &size);
    close(fd);
    bool too_much = read_ok && size > HG_SECRET_MAX; /* it may be writing still */
    bool ended = read_ok && !too_much && wait_for(pid, deadline, &status);
    if (!ended) {
        int saved = errno;
        if (saved != ECHILD) /* gone, and its number may be another's */
            kill(-pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        errno = saved;
    }
    if (too_much)
        secret = finish(buffer, size, "command", argv[0], err);
    else if (!ended && errno == ETIMEDOUT)
        hg_fail(err, HANGAR_AUTH, 0, "command %s did not end within %lld ms", argv[0],
                (long long)timeout_ms);
    else if (!ended)
        hg_fail(err, HANGAR_AUTH, errno, "cannot learn how command %s ended", argv[0]);
    else if (status != 0)
        fail_command(argv[0], status, err);
    else
        secret = finish(buffer, size, "command", argv[0], err);
    explicit_bzero(buffer, HG_SECRET_MAX + 1);
    free(buffer);
    return secret;
}
