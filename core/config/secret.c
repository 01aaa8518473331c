/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * secret: reads secrets from files, commands and systemd credentials.  Buffers
 * are of a fixed size and wiped, so that no copy stays behind in freed memory.
 */
#include "config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/command.h"
#include "base/io.h"

void hg_secret_free(char *secret)
{
    if (!secret) {
        return;
    }
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
    if (memchr(buffer, '\0', size)) {
        hg_fail(err, HANGAR_AUTH, 0, "%s %s gives a NUL character", what, name);
        return NULL;
    }
    if (size > 0 && buffer[size - 1] == '\n') {
        size--;
    }
    if (size > 0 && buffer[size - 1] == '\r') {
        size--;
    }
    if (size == 0) {
        hg_fail(err, HANGAR_AUTH, 0, "%s %s is empty", what, name);
        return NULL;
    }
    char *secret = strndup(buffer, size);
    if (!secret) {
        hg_fail(err, HANGAR_NO_MEMORY, 0, "cannot read %s %s: out of memory", what, name);
    }
    return secret;
}

/* Reads and closes fd. */
static char *read_secret(int fd, const char *name, struct hg_error *err)
{
    char *secret = NULL;
    char *buffer = malloc(HG_SECRET_MAX + 1);
    ssize_t size = buffer ? hg_read_full(fd, buffer, HG_SECRET_MAX + 1) : -1;
    if (size < 0) {
        hg_fail(err, HANGAR_AUTH, errno, "cannot read file %s", name);
    } else {
        secret = finish(buffer, (size_t)size, "file", name, err);
    }
    if (buffer) {
        explicit_bzero(buffer, HG_SECRET_MAX + 1);
    }
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
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode)) {
        return fd;
    }
    hg_fail(err, HANGAR_AUTH, 0, "cannot read file %s: it is not a regular file", path);
    close(fd);
    return -1;
}

char *hg_secret_file(const char *path, struct hg_error *err)
{
    struct stat st;
    int fd = open_regular(path, &st, err);
    if (fd < 0) {
        return NULL;
    }
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
    if (name[0] == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        hg_fail(err, HANGAR_AUTH, 0, "the name of a credential is that of a file, without \"/\"");
        return NULL;
    }
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (!folder || folder[0] != '/') {
        hg_fail(err, HANGAR_AUTH, 0,
                "cannot read credential %s: CREDENTIALS_DIRECTORY is not set; hint: run hangar as "
                "a systemd service with LoadCredential=%s:FILE",
                name, name);
        return NULL;
    }
    char *path = hg_format("%s/%s", folder, name);
    if (!path) {
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

/* What a command printed, as far as it fits. */
struct printed {
    char *buffer;
    size_t size;
};

static bool keep(void *arg, const char *data, size_t size)
{
    struct printed *p = arg;
    size_t room = HG_SECRET_MAX + 1 - p->size;
    size_t taken = size < room ? size : room;
    memcpy(p->buffer + p->size, data, taken);
    p->size += taken;
    return p->size <= HG_SECRET_MAX;
}

static void fail_command(const char *name, struct hg_command_result result, int64_t timeout_ms,
                         struct hg_error *err)
{
    const char *hint = "hint: run it by hand to see why";
    if (result.end == HG_COMMAND_NOT_STARTED) {
        hg_fail(err, HANGAR_AUTH, result.value, "cannot run command %s", name);
    } else if (result.end == HG_COMMAND_TIMED_OUT) {
        hg_fail(err, HANGAR_AUTH, 0, "command %s did not end within %lld ms", name,
                (long long)timeout_ms);
    } else if (result.end == HG_COMMAND_SIGNALLED) {
        hg_fail(err, HANGAR_AUTH, 0, "command %s was ended by signal %d; %s", name, result.value,
                hint);
    } else if (result.end == HG_COMMAND_EXITED) {
        hg_fail(err, HANGAR_AUTH, 0, "command %s failed with exit status %d; %s", name,
                result.value, hint);
    } else {
        hg_fail(err, HANGAR_AUTH, result.value, "cannot learn how command %s ended", name);
    }
}

char *hg_secret_command(char *const *argv, int64_t timeout_ms, struct hg_error *err)
{
    struct printed printed = {.buffer = malloc(HG_SECRET_MAX + 1)};
    char *secret = NULL;
    if (!printed.buffer) {
        hg_fail(err, HANGAR_NO_MEMORY, 0, "cannot run command %s: out of memory", argv[0]);
        return NULL;
    }
    /* What it prints about an error may hold the secret, and would end in a log. */
    struct hg_command_result result = hg_command_run(&(struct hg_command){
        .argv = argv, .timeout_ms = timeout_ms, .output = keep, .arg = &printed});
    if (result.end == HG_COMMAND_ENOUGH || (result.end == HG_COMMAND_EXITED && result.value == 0)) {
        secret = finish(printed.buffer, printed.size, "command", argv[0], err);
    } else {
        fail_command(argv[0], result, timeout_ms, err);
    }
    explicit_bzero(printed.buffer, HG_SECRET_MAX + 1);
    free(printed.buffer);
    return secret;
}
