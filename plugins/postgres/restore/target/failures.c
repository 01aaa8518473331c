/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * failures: see failures.h.
 */
#include "restore/target/failures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "server/instance/args.h"
#include "server/instance/error.h"

#define BEGINS "pg_restore: error: could not execute query: "
#define ENDS "errors ignored on restore"
#define COMMAND "\nCommand was: "
#define SHOWN_BYTES 600 /* of a statement */

/* Appends the lines of a message that may be shown: those that begin with DETAIL have values of
 * rows. */
static void add_reason(struct text *out, const char *message, size_t size)
{
    const char *end = message + size;
    bool shown = true;
    while (message < end) {
        const char *newline = memchr(message, '\n', (size_t)(end - message));
        size_t n = (size_t)((newline ? newline : end) - message);
        if (strncmp(message, "DETAIL:", 7) == 0) {
            shown = false;
        } else if (strncmp(message, "HINT:", 5) == 0 || strncmp(message, "CONTEXT:", 8) == 0) {
            shown = true;
        }
        if (shown) {
            text_add_bytes(out, message, n);
            text_add(out, " ");
        }
        message += n + 1;
    }
}

/* One block of the output: "ERROR: ..." and what belongs to it, then the statement. */
static void add_failure(struct pg_failures *failures, const struct pg_target *target,
                        const char *block, size_t size)
{
    struct pg_source *src = target->src;
    struct text whole = {0}, reason = {0};
    char statement[SHOWN_BYTES] = "a statement", why[1024];
    text_add_bytes(&whole, block, size);
    const char *text = text_str(&whole), *command = strstr(text, COMMAND);
    if (command) {
        pg_one_line(command + strlen(COMMAND), statement, sizeof(statement));
    }
    add_reason(&reason, text, command ? (size_t)(command - text) : strlen(text));
    pg_one_line(text_str(&reason), why, sizeof(why));
    src->host->log(src->ctx, HANGAR_LOG_WARN, "database %s: this statement failed: %s: %s",
                   target->name, statement, why);
    if (failures->count < PG_FAILURES_SHOWN) {
        failures->texts[failures->count] =
            pg_format("database %s: %s: %s", target->name, statement, why);
    }
    failures->count++;
    text_free(&whole);
    text_free(&reason);
}

bool pg_failures_add(struct pg_failures *failures, const struct pg_target *target,
                     const char *printed, bool ended)
{
    if (!ended && !strstr(printed, ENDS)) {
        return false;
    }
    const char *at = strstr(printed, BEGINS);
    while (at) {
        at += strlen(BEGINS);
        const char *next = strstr(at, "\npg_restore: "), *begins = strstr(at, BEGINS);
        add_failure(failures, target, at, next ? (size_t)(next - at) : strlen(at));
        at = begins;
    }
    return true;
}

void pg_failures_report(const struct pg_failures *failures, const struct hangar_host *host,
                        struct hangar_attrs *report)
{
    if (!failures->count) {
        return;
    }
    host->attr_setf(report, "failed", "%zu", failures->count);
    for (size_t i = 0; i < failures->count && i < PG_FAILURES_SHOWN; i++) {
        char name[32];
        snprintf(name, sizeof(name), "failed.%zu", i + 1);
        host->attr_set(report, name, failures->texts[i]);
    }
}

void pg_failures_free(struct pg_failures *failures)
{
    for (size_t i = 0; i < PG_FAILURES_SHOWN; i++) {
        free(failures->texts[i]);
    }
}
