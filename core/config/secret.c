/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * secret: see secret.h.  Buffers have a fixed size and are overwritten, so that no
 * copy of a secret stays in freed memory.
 */
#include "config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/command.h"
#include "base/io.h"
#include "base/trust.h"

static const char *const secret_suffixes[HG_SECRET_FORMS] = {
    [HG_SECRET_VALUE] = "",
    [HG_SECRET_FILE] = "_file",
    [HG_SECRET_COMMAND] = "_command",
    [HG_SECRET_CREDENTIAL] = "_credential",
};

const char *hg_secret_suffix(enum hg_secret_form form)
{
    return secret_suffixes[form];
}

size_t hg_secret_name_length(const char *key, enum hg_secret_form form)
{
    size_t length = strlen(key), suffix = strlen(secret_suffixes[form]);
    bool ends = length > suffix && strcmp(key + length - suffix, secret_suffixes[form]) == 0;
    return ends ? length - suffix : 0;
}

void hg_secret_free(char *secret)
{
    if (!secret) {
        return;
    }
    explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* Copies buffer[0..size) without the final newline. */
static char *secret_from_buffer(const char *buffer, size_t size, const char *what, const char *name,
                                struct hg_error *err)
{
    if (size > HG_SECRET_MAX) {
        hg_fail(err, HANGAR_AUTH, 0, "%s %s has more than 64 KiB", what, name);
        return NULL;
    }
    if (memchr(buffer, '\0', size)) {
        hg_fail(err, HANGAR_AUTH, 0, "%s %s contains a NUL character", what, name);
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
        hg_no_memory_for(err, "cannot read %s %s", what, name);
    }
    return secret;
}

/* Reads and closes fd. */
static char *secret_read_fd(int fd, const char *name, struct hg_error *err)
{
    char *secret = NULL;
    char *buffer = malloc(HG_SECRET_MAX + 1);
    ssize_t size = buffer ? hg_read_full(fd, buffer, HG_SECRET_MAX + 1) : -1;
    if (size < 0) {
        hg_fail(err, HANGAR_AUTH, errno, "cannot read file %s", name);
    } else {
        secret = secret_from_buffer(buffer, (size_t)size, "file", name, err);
    }
    if (buffer) {
        explicit_bzero(buffer, HG_SECRET_MAX + 1);
    }
    free(buffer);
    close(fd);
    return secret;
}

static int secret_open_file(const char *path, struct stat *st, struct hg_error *err)
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
    int fd = secret_open_file(path, &st, err);
    if (fd < 0) {
        return NULL;
    }
    if ((st.st_mode & 077) != 0) {
        struct hg_str quoted = {0};
        hg_str_add_shell(&quoted, path);
        hg_fail(err, HANGAR_AUTH, 0,
                "other users can access file %s (mode %04o); hint: run \"chmod 600 %s\"", path,
                (unsigned)(st.st_mode & 07777), hg_str_text(&quoted));
        hg_str_free(&quoted);
        close(fd);
        return NULL;
    }
    close(fd);
    struct hg_error why = {0};
    if (hg_trust_open_named(path, &fd, &why) != HANGAR_OK) {
        hg_fail(err, HANGAR_AUTH, 0, "cannot trust file %s: %s", path, why.text);
        return NULL;
    }
    return secret_read_fd(fd, path, err);
}

char *hg_secret_credential(const char *name, struct hg_error *err)
{
    if (name[0] == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        hg_fail(err, HANGAR_AUTH, 0, "the name of a credential must be a file name without \"/\"");
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
        hg_no_memory_for(err, "cannot read credential %s", name);
        return NULL;
    }
    /* The mode is not checked: it may be the mask of an ACL that systemd set. */
    struct stat st;
    int fd = secret_open_file(path, &st, err);
    char *secret = fd >= 0 ? secret_read_fd(fd, path, err) : NULL;
    free(path);
    return secret;
}

/* The output of a command, cut at one byte more than HG_SECRET_MAX. */
struct secret_output {
    char *buffer;
    size_t size;
};

static bool secret_keep_output(void *arg, const char *data, size_t size)
{
    struct secret_output *p = arg;
    size_t room = HG_SECRET_MAX + 1 - p->size;
    size_t kept = size < room ? size : room;
    memcpy(p->buffer + p->size, data, kept);
    p->size += kept;
    return p->size <= HG_SECRET_MAX;
}

static void secret_fail_command(const char *name, struct hg_command_result result,
                                int64_t timeout_ms, struct hg_error *err)
{
    const char *hint = "hint: run the command by hand to see the reason";
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
        hg_fail(err, HANGAR_AUTH, result.value, "cannot read the exit status of command %s", name);
    }
}

char *hg_secret_command(char *const *argv, int64_t timeout_ms, struct hg_error *err)
{
    struct secret_output printed = {.buffer = malloc(HG_SECRET_MAX + 1)};
    char *secret = NULL;
    if (!printed.buffer) {
        hg_no_memory_for(err, "cannot run command %s", argv[0]);
        return NULL;
    }
    struct hg_error why = {0};
    if (hg_trust_program(argv[0], &why) != HANGAR_OK) {
        hg_fail(err, HANGAR_AUTH, 0, "cannot run command %s: %s", argv[0], why.text);
        free(printed.buffer);
        return NULL;
    }
    /* Its error output is discarded: it may contain the secret, and would be logged. */
    struct hg_command_result result = hg_command_run(&(struct hg_command){
        .argv = argv, .timeout_ms = timeout_ms, .output = secret_keep_output, .arg = &printed});
    if (result.end == HG_COMMAND_ENOUGH || (result.end == HG_COMMAND_EXITED && result.value == 0)) {
        secret = secret_from_buffer(printed.buffer, printed.size, "command", argv[0], err);
    } else {
        secret_fail_command(argv[0], result, timeout_ms, err);
    }
    explicit_bzero(printed.buffer, HG_SECRET_MAX + 1);
    free(printed.buffer);
    return secret;
}
