/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * credentials_process: runs a program that prints keys.  It gets no shell, no input and
 * no terminal; its errors go nowhere, as they may hold what belongs into no log.  It has
 * a session of its own, so that all it started can be ended with it.
 */
#include "credentials_parts.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define TICK_MS 50 /* how often cancelling is looked for */

/* One word; *in moves behind it.  False: a quote is open. */
static bool take_word(const char **in, char **out)
{
    const char *at = *in;
    char quote = '\0';
    for (; *at && (quote || !isspace((unsigned char)*at)); at++) {
        if (quote ? *at == quote : *at == '"' || *at == '\'') {
            quote = quote ? '\0' : *at;
        } else if (*at == '\\' && quote != '\'' && at[1] &&
                   (!quote || at[1] == '"' || at[1] == '\\')) {
            *(*out)++ = *++at;
        } else {
            *(*out)++ = *at;
        }
    }
    *(*out)++ = '\0';
    *in = at;
    return !quote;
}

char **creds_split(const char *line)
{
    /* Words are separated: of n bytes there are at most n / 2 + 1. */
    size_t size = strlen(line), most = size / 2 + 2;
    char **words = malloc(most * sizeof(*words) + size + 2);
    if (!words)
        return NULL;
    char *out = (char *)(words + most);
    size_t count = 0;
    for (;;) {
        while (isspace((unsigned char)*line))
            line++;
        if (!*line)
            break;
        words[count++] = out;
        if (!take_word(&line, &out)) {
            free(words);
            return NULL;
        }
    }
    words[count] = NULL;
    return words;
}

/* Starts argv with its output to a pipe, whose end to read is *out; an errno. */
static int start(char *const *argv, pid_t *pid, int *out)
{
    int ends[2];
    sigset_t none, all;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    if (pipe2(ends, O_CLOEXEC))
        return errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error_number = posix_spawnp(pid, argv[0], &actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error_number)
        close(ends[0]);
    else
        *out = ends[0];
    return error_number;
}

/* Reads to the end of the output; 0, or an errno: ETIMEDOUT, ECANCELED, EFBIG. */
static int read_output(struct s3_credentials *c, int fd, int64_t deadline, char *text, size_t *size)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (creds_is_cancelled(c))
            return ECANCELED;
        if (creds_mono_ms() >= deadline)
            return ETIMEDOUT;
        if (poll(&p, 1, TICK_MS) <= 0)
            continue;
        ssize_t n = read(fd, text + *size, CREDS_REPLY_MAX + 1 - *size);
        if (n < 0 && errno != EINTR)
            return errno;
        if (n == 0)
            return 0;
        *size += n > 0 ? (size_t)n : 0;
        if (*size > CREDS_REPLY_MAX)
            return EFBIG;
    }
}

/* Waits for the end; 0, or an errno. */
static int wait_end(struct s3_credentials *c, pid_t pid, int64_t deadline, int *status)
{
    for (;;) {
        pid_t done = waitpid(pid, status, WNOHANG);
        if (done == pid)
            return 0;
        if (done < 0 && errno != EINTR)
            return errno;
        if (creds_is_cancelled(c))
            return ECANCELED;
        if (creds_mono_ms() >= deadline)
            return ETIMEDOUT;
        poll(NULL, 0, 5);
    }
}

static enum hangar_rc judge(const char *name, int error_number, int status, size_t size,
                            struct creds_note *note)
{
    if (error_number == ECANCELED)
        return creds_problem(note, HANGAR_CANCELLED, "cancelled");
    if (error_number == ETIMEDOUT)
        return creds_problem(note, HANGAR_RETRY, "program %s did not end in time", name);
    if (error_number == EFBIG)
        return creds_problem(note, HANGAR_AUTH, "program %s prints more than 64 KiB", name);
    if (error_number)
        return creds_problem(note, HANGAR_IO, "cannot read what program %s prints: %s", name,
                             strerrordesc_np(error_number));
    if (WIFSIGNALED(status))
        return creds_problem(note, HANGAR_AUTH, "program %s was ended by signal %d", name,
                             WTERMSIG(status));
    if (WEXITSTATUS(status))
        return creds_problem(note, HANGAR_AUTH,
                             "program %s failed with exit status %d; hint: run it by hand, what it "
                             "prints on errors is not logged",
                             name, WEXITSTATUS(status));
    if (!size)
        return creds_problem(note, HANGAR_AUTH, "program %s prints nothing", name);
    return HANGAR_OK;
}

enum hangar_rc creds_run(struct s3_credentials *c, char *const *argv, char **text, size_t *size,
                         struct creds_note *note)
{
    int fd = -1, status = 0;
    pid_t pid = -1;
    int64_t deadline = creds_mono_ms() + c->timeout_ms;
    char *buffer = malloc(CREDS_REPLY_MAX + 1);
    size_t used = 0;
    if (!buffer)
        return creds_problem(note, HANGAR_NO_MEMORY, "out of memory");
    int error_number = start(argv, &pid, &fd);
    if (error_number) {
        free(buffer);
        return creds_problem(note, HANGAR_CONFIG, "cannot run program %s: %s", argv[0],
                             strerrordesc_np(error_number));
    }
    error_number = read_output(c, fd, deadline, buffer, &used);
    close(fd);
    if (!error_number)
        error_number = wait_end(c, pid, deadline, &status);
    kill(-pid, SIGKILL); /* also what it left behind in its session */
    if (error_number)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    enum hangar_rc rc = judge(argv[0], error_number, status, used, note);
    if (rc) {
        creds_free(buffer, used);
        return rc;
    }
    *text = buffer;
    *size = used;
    return HANGAR_OK;
}
