/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * error: errors of the server, of libpq and of the client tools, as one line and an
 * enum hangar_rc.
 */
#include "server/instance/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "failure.h"

enum hangar_rc pg_set_error(struct pg_error *err, enum hangar_rc rc, const char *sqlstate,
                            const char *fmt, ...)
{
    err->rc = rc;
    snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", sqlstate ? sqlstate : "");
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    return rc;
}

enum hangar_rc pg_set_no_memory(struct pg_error *err)
{
    return pg_set_error(err, HANGAR_NO_MEMORY, NULL, FAILURE_NO_MEMORY);
}

void pg_add_hint(struct pg_error *err, const char *hint)
{
    const char *separator = strstr(err->text, "; hint: ") ? "; or " : "; hint: ";
    size_t room = sizeof(err->text) - strlen(separator) - strlen(hint) - 1;
    size_t len = strnlen(err->text, room);
    snprintf(err->text + len, sizeof(err->text) - len, "%s%s", separator, hint);
}

enum hangar_rc pg_raise(struct pg_source *src, const struct pg_error *err, const char *fmt, ...)
{
    char what[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return src->host->fail(src->ctx, err->rc, 0, "%s: %s", what, err->text);
}

enum hangar_rc pg_no_memory(struct pg_source *src)
{
    return src->host->fail(src->ctx, HANGAR_NO_MEMORY, 0, FAILURE_NO_MEMORY);
}

enum hangar_rc pg_raise_cancelled(struct pg_source *src)
{
    return src->host->fail(src->ctx, HANGAR_CANCELLED, 0, "cancelled");
}

enum hangar_rc pg_sqlstate_rc(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        enum hangar_rc rc;
    } known[] = {
        {"28", HANGAR_AUTH},    /* invalid authorization, wrong password */
        {"42501", HANGAR_AUTH}, /* insufficient privilege */
        {PG_UNDEFINED_DATABASE, HANGAR_NOT_FOUND},
        {PG_UNDEFINED_TABLE, HANGAR_NOT_FOUND},
        {PG_LOCK_NOT_AVAILABLE, HANGAR_RETRY},
        {"40", HANGAR_RETRY},       /* deadlock, serialization, conflict on a standby */
        {"53300", HANGAR_RETRY},    /* too many connections */
        {"57P03", HANGAR_RETRY},    /* starting up or shutting down */
        {"53100", HANGAR_NO_SPACE}, /* the server's disk is full */
        {"42P04", HANGAR_EXISTS},
        /* a file that was written over, or an index that does not fit; not class 22, which a
         * server reports for sound data that its functions and types do not accept */
        {"XX001", HANGAR_CORRUPT},
        {"XX002", HANGAR_CORRUPT},
        {"22P04", HANGAR_CORRUPT}, /* rows without the columns of their COPY */
        {"0A", HANGAR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strncmp(sqlstate, known[i].prefix, strlen(known[i].prefix)) == 0) {
            return known[i].rc;
        }
    }
    return HANGAR_IO;
}

void pg_one_line(const char *message, char *out, size_t size)
{
    size_t n = 0;
    bool space = true; /* blanks are dropped here */
    for (; *message && n + 1 < size; message++) {
        bool blank = *message == '\n' || *message == '\t' || *message == ' ' || *message == '\r';
        if (!blank) {
            out[n++] = *message;
        } else if (!space) {
            out[n++] = ' ';
        }
        space = blank;
    }
    while (n && (out[n - 1] == ' ' || out[n - 1] == '.')) {
        n--;
    }
    out[n] = '\0';
}

/* While connecting, libpq passes on the SQLSTATE only within a verbose message: "...: FATAL:
 * 28P01: password authentication failed".  Moves it from there to `sqlstate`. */
static void cut_sqlstate(char *line, char sqlstate[6])
{
    sqlstate[0] = '\0';
    char *at = line;
    while ((at = strchr(at, ':')) != NULL) {
        at++;
        if (at[0] != ' ') {
            continue;
        }
        char *code = at + strspn(at, " ");
        /* each code has a digit; the word FATAL has none */
        if (strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && code[5] == ':' &&
            strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") < 5) {
            memcpy(sqlstate, code, 5);
            sqlstate[5] = '\0';
            memmove(code, code + 6 + strspn(code + 6, " "),
                    strlen(code + 6 + strspn(code + 6, " ")) + 1);
            break;
        }
    }
    char *location = strstr(line, " LOCATION: ");
    if (location) {
        *location = '\0';
    }
}

/* The name of a function in a line of context: SQL function "f" during inlining, or PL/pgSQL
 * function s.f(integer) line 3 at RETURN. */
static bool find_function(const char *context, char *name, size_t size)
{
    const char *at = strstr(context, "function ");
    if (!at) {
        return false;
    }
    at += strlen("function ");
    size_t n = *at == '"' ? strcspn(++at, "\"") : strcspn(at, ")");
    n += at[n] == ')';
    snprintf(name, size, "%.*s", (int)(n < size ? n : size - 1), at);
    return n > 0;
}

void pg_explain_missing(struct pg_error *err, const char *context)
{
    char name[200], hint[600];
    if (!context || !find_function(context, name, sizeof(name))) {
        return;
    }
    snprintf(hint, sizeof(hint),
             "function %s finds names by search_path, which is empty while a database is restored, "
             "as with pg_restore: ALTER FUNCTION %s SET search_path = ... in the source",
             name, name);
    pg_add_hint(err, hint);
}

void pg_cut_text(struct pg_error *err, const char *text)
{
    char *at;
    while (*text && (at = strstr(err->text, text)) != NULL) {
        memmove(at, at + strlen(text), strlen(at + strlen(text)) + 1);
    }
}

enum hangar_rc pg_set_connect_error(struct pg_error *err, PGconn *pq)
{
    char line[sizeof(err->text)], sqlstate[6];
    pg_one_line(PQerrorMessage(pq), line, sizeof(line));
    cut_sqlstate(line, sqlstate);
    enum hangar_rc rc = sqlstate[0] ? pg_sqlstate_rc(sqlstate) : HANGAR_IO;
    if (PQconnectionNeedsPassword(pq)) {
        rc = HANGAR_AUTH;
    }
    return pg_set_error(err, rc, sqlstate, "%s", line[0] ? line : "the connection failed");
}
