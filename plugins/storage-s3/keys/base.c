/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * base: options, environment variables and files, for the other files of this folder.
 */
#include "keys/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"

enum hangar_rc creds_fail(struct creds_result *result, enum hangar_rc rc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(result->problem, sizeof(result->problem), fmt, args);
    va_end(args);
    return rc;
}

enum hangar_rc creds_no_memory(struct creds_result *result)
{
    return creds_fail(result, HANGAR_NO_MEMORY, FAILURE_NO_MEMORY);
}

void creds_source(struct creds_result *result, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(result->source, sizeof(result->source), fmt, args);
    va_end(args);
}

const char *creds_option(const struct s3_credentials *c, const char *name)
{
    const char *value = c->host->opt_string(c->ctx, name);
    return value && *value ? value : NULL;
}

const char *creds_env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

const char *creds_setting(const struct s3_credentials *c, const char *option, const char *variable)
{
    const char *value = creds_option(c, option);
    return value ? value : creds_env(variable);
}

bool creds_is_cancelled(struct s3_credentials *c)
{
    return atomic_load(&c->cancelled) || c->host->cancelled(c->ctx);
}

void creds_free(char *text, size_t size)
{
    if (text) {
        explicit_bzero(text, size);
    }
    free(text);
}

static enum hangar_rc creds_read_descriptor(int fd, const char *path, size_t max, char **text,
                                            size_t *size, struct creds_result *result)
{
    char *buffer = malloc(max + 2);
    size_t used = 0;
    ssize_t n = 1;
    if (!buffer) {
        return creds_no_memory(result);
    }
    while (n && used <= max) {
        n = read(fd, buffer + used, max + 1 - used);
        if (n < 0 && errno != EINTR) {
            break;
        }
        used += n > 0 ? (size_t)n : 0;
    }
    if (n < 0 || used > max) {
        enum hangar_rc rc = n < 0 ? creds_fail(result, HANGAR_AUTH, "cannot read file %s: %s", path,
                                               strerrordesc_np(errno))
                                  : creds_fail(result, HANGAR_AUTH,
                                               "file %s is larger than %zu KiB", path, max / 1024);
        creds_free(buffer, used);
        return rc;
    }
    buffer[used] = '\0';
    *text = buffer;
    *size = used;
    return HANGAR_OK;
}

enum hangar_rc creds_read_file(const char *path, size_t max, char **text, size_t *size,
                               bool *open_to_others, struct creds_result *result)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return creds_fail(result, errno == ENOENT ? HANGAR_NOT_FOUND : HANGAR_AUTH,
                          "cannot open file %s: %s", path, strerrordesc_np(errno));
    }
    enum hangar_rc rc;
    struct stat status;
    if (fstat(fd, &status) || !S_ISREG(status.st_mode)) {
        rc = creds_fail(result, HANGAR_AUTH, "%s is not a regular file", path);
    } else {
        rc = creds_read_descriptor(fd, path, max, text, size, result);
    }
    close(fd);
    if (rc == HANGAR_OK && open_to_others) {
        *open_to_others = (status.st_mode & 077) != 0;
    }
    return rc;
}
