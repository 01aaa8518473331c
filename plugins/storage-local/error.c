/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * error: how errors of the file system become results and messages, with hints.
 */
#include "local.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum hangar_rc local_rc(int error_number)
{
    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: /* the limit of the size of a file */
        return HANGAR_NO_SPACE;
    case EACCES:
    case EPERM:
        return HANGAR_AUTH;
    case ENOMEM:
        return HANGAR_NO_MEMORY;
    case EMFILE:
    case ENFILE:
        return HANGAR_RETRY;
    default:
        return HANGAR_IO;
    }
}

static const char *local_hint(int error_number)
{
    switch (error_number) {
    case EACCES:
    case EPERM:
        return "; hint: the user that runs hangar needs read, write and search permission there";
    case ENOSPC:
    case EDQUOT:
        return "; hint: free space, lower the retention, or use another disk";
    case EROFS:
        return "; hint: mount the file system read-write";
    case EFBIG:
        return "; hint: raise the limit of the size of files (ulimit -f)";
    default:
        return "";
    }
}

enum hangar_rc local_fail(struct local_sink *local, int error_number, const char *fmt, ...)
{
    char what[PATH_MAX + NAME_SIZE_MAX], buffer[128];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return local->host->fail(local->ctx, local_rc(error_number), 0, "cannot %s: %s%s", what,
                             strerror_r(error_number, buffer, sizeof(buffer)),
                             local_hint(error_number));
}

void local_size_text(uint64_t bytes, char out[SIZE_TEXT_SIZE])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    snprintf(out, SIZE_TEXT_SIZE, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}
