/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tolerated: which errors of pg_restore do not fail a restore.
 *
 * Restored code chooses the text of an error that it raises, so a line that looks right proves
 * nothing.  But each error of a statement is followed by a line with that statement, at its begin:
 * any such line except the expected one, and any error of another kind, is a failure.  It does not
 * know where the text comes from.
 */
#include "server/programs/tolerated.h"

#include <string.h>

static const char any_error[] = "pg_restore: error: ";
static const char statement_error[] = "pg_restore: error: could not execute query: ";
static const char statement[] = "Command was: ";
static const char summary[] = "pg_restore: warning: errors ignored on restore: ";

static bool begins_with(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* "SET transaction_timeout = 0;", or another limit of time that later versions add. */
static bool switches_off_a_limit(const char *line)
{
    static const char tail[] = "_timeout = 0;";
    if (!begins_with(line, "Command was: SET ")) {
        return false;
    }
    const char *name = line + strlen("Command was: SET ");
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz_");
    size_t kept = strlen("_timeout");
    return len > kept && strcmp(name + len - kept, tail) == 0;
}

/* The error that was held back was another one. */
static void release_error(struct pg_tolerated_errors *tolerated, pg_tolerated_rest *rest, void *arg)
{
    if (tolerated->held_len) {
        rest(arg, tolerated->held, tolerated->held_len);
        tolerated->held_len = 0;
        tolerated->others = true;
    }
}

/* A whole line, or the beginning of one that is too long. */
static void examine_line(struct pg_tolerated_errors *tolerated, pg_tolerated_rest *rest, void *arg)
{
    char line[PG_TOLERATED_LINE];
    size_t len = tolerated->len;
    bool whole = len && tolerated->line[len - 1] == '\n';
    memcpy(line, tolerated->line, len);
    line[whole ? len - 1 : len] = '\0';
    tolerated->len = 0;
    tolerated->beyond = !whole;
    if (whole && len == 1) { /* an empty line follows each statement */
        return;
    }
    if (tolerated->held_len && whole && switches_off_a_limit(line)) {
        tolerated->held_len = 0;
        return;
    }
    release_error(tolerated, rest, arg);
    tolerated->ended = whole && begins_with(line, summary);
    if (tolerated->ended) {
        return;
    }
    if (whole && begins_with(line, statement_error) && strstr(line, "_timeout")) {
        memcpy(tolerated->held, tolerated->line, len);
        tolerated->held_len = len;
        return;
    }
    tolerated->others |= begins_with(line, any_error) || begins_with(line, statement);
    rest(arg, tolerated->line, len);
}

void pg_tolerated_add(struct pg_tolerated_errors *tolerated, const char *data, size_t size,
                      pg_tolerated_rest *rest, void *arg)
{
    for (size_t i = 0; i < size; i++) {
        if (tolerated->beyond) {
            rest(arg, &data[i], 1);
            tolerated->beyond = data[i] != '\n';
            continue;
        }
        tolerated->line[tolerated->len++] = data[i];
        if (data[i] == '\n' || tolerated->len == sizeof(tolerated->line) - 1) {
            examine_line(tolerated, rest, arg);
        }
    }
}

bool pg_tolerated_only(struct pg_tolerated_errors *tolerated, pg_tolerated_rest *rest, void *arg)
{
    if (tolerated->len) {
        examine_line(tolerated, rest, arg);
    }
    release_error(tolerated, rest, arg);
    return tolerated->ended && !tolerated->others;
}
