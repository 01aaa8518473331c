/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * failure: see failure.h.
 */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

enum hangar_rc failure_record(struct failure *failure, enum hangar_rc rc, const char *fmt, ...)
{
    if (failure->rc == HANGAR_OK) {
        va_list args;
        va_start(args, fmt);
        failure->rc = rc;
        vsnprintf(failure->text, sizeof(failure->text), fmt, args);
        va_end(args);
    }
    return failure->rc;
}

enum hangar_rc failure_no_memory(struct failure *failure, const char *what, ...)
{
    char action[512];
    va_list args;
    va_start(args, what);
    vsnprintf(action, sizeof(action), what, args);
    va_end(args);
    return failure_record(failure, HANGAR_NO_MEMORY, "cannot %s: " FAILURE_NO_MEMORY, action);
}

enum hangar_rc failure_raise_no_memory(const struct hangar_host *host, struct hangar_ctx *ctx,
                                       const char *what, ...)
{
    char action[512];
    va_list args;
    va_start(args, what);
    vsnprintf(action, sizeof(action), what, args);
    va_end(args);
    return host->fail(ctx, HANGAR_NO_MEMORY, 0, "cannot %s: " FAILURE_NO_MEMORY, action);
}

enum hangar_rc failure_copy(struct failure *failure, const struct failure *other)
{
    return other->rc != HANGAR_OK ? failure_record(failure, other->rc, "%s", other->text)
                                  : failure->rc;
}

static enum hangar_rc failure_code(const struct failure *failure)
{
    return failure->rc != HANGAR_OK ? failure->rc : HANGAR_INTERNAL;
}

static const char *failure_reason(const struct failure *failure)
{
    return failure->text[0] != '\0' ? failure->text : "no reason was recorded";
}

enum hangar_rc failure_raise(const struct failure *failure, const struct hangar_host *host,
                             struct hangar_ctx *ctx)
{
    return host->fail(ctx, failure_code(failure), 0, "%s", failure_reason(failure));
}
