/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * refuse: faults of the server, chosen by a test.  The program defines functions of libpq,
 * which the plugin then calls instead.  It does not depend on hangar.
 *
 *     REFUSE=TEXT        statements that contain TEXT fail: the server gets another one,
 *                        which fails
 *     LOSE=answer        the connection breaks after a COMMIT that follows a RENAME TO
 *                        was sent, before its answer is read
 *     LOSE=statement     the same, before the COMMIT is sent
 *     LIE_ROW=TEXT       each row of a COPY TO is this one
 *     LIE_VALUE=FROM=TO  a value of a row that is FROM is TO; FROM contains no =
 *     LIE_ENCODING=NAME  the encoding of the database
 *     UNRESTRICTED=1     the server has no restrict_nonsystem_relation_kind, as before August 2024
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <libpq-fe.h>

__attribute__((visibility("default"))) int
PQsendQueryParams(PGconn *conn, const char *query, int count, const Oid *types,
                  const char *const *values, const int *lengths, const int *formats, int format);

__attribute__((visibility("default"))) int PQgetCopyData(PGconn *conn, char **row, int async);
__attribute__((visibility("default"))) char *PQgetvalue(const PGresult *res, int row, int column);
__attribute__((visibility("default"))) const char *PQparameterStatus(const PGconn *conn,
                                                                     const char *name);

static const char failing[] = "SELECT refused_by_the_test FROM pg_catalog.pg_class";

static bool is_statement_refused(const char *query)
{
    const char *text = getenv("REFUSE");
    return text && strstr(query, text) != NULL;
}

/* Sends everything, then breaks the connection; the server still reads what was sent. */
static void break_connection(PGconn *conn)
{
    struct pollfd fd = {.fd = PQsocket(conn), .events = POLLOUT};
    while (PQflush(conn) == 1) {
        poll(&fd, 1, 1000);
    }
    shutdown(PQsocket(conn), SHUT_RDWR);
}

int PQsendQueryParams(PGconn *conn, const char *query, int count, const Oid *types,
                      const char *const *values, const int *lengths, const int *formats, int format)
{
    static PGconn *renaming; /* only one thread renames */
    int (*real)(PGconn *, const char *, int, const Oid *, const char *const *, const int *,
                const int *, int) =
        (int (*)(PGconn *, const char *, int, const Oid *, const char *const *, const int *,
                 const int *, int))dlsym(RTLD_NEXT, "PQsendQueryParams");
    static const char *const absent[] = {"no_such_setting", ""};
    const char *lose = getenv("LOSE");
    if (is_statement_refused(query)) {
        return real(conn, failing, 0, NULL, NULL, NULL, NULL, format);
    }
    if (getenv("UNRESTRICTED") && count == 2 && strncmp(values[0], "restrict_", 9) == 0) {
        values = absent;
    }
    if (lose && strstr(query, " RENAME TO ")) {
        renaming = conn;
    }
    int committing = lose && conn == renaming && strcmp(query, "COMMIT") == 0;
    if (committing && strcmp(lose, "statement") == 0) {
        break_connection(conn);
    }
    int sent = real(conn, query, count, types, values, lengths, formats, format);
    if (committing) {
        break_connection(conn);
    }
    return sent;
}

int PQgetCopyData(PGconn *conn, char **row, int async)
{
    int (*real)(PGconn *, char **, int) =
        (int (*)(PGconn *, char **, int))dlsym(RTLD_NEXT, "PQgetCopyData");
    const char *lie = getenv("LIE_ROW");
    int n = real(conn, row, async);
    if (n > 0 && lie) {
        PQfreemem(*row);
        n = asprintf(row, "%s\n", lie);
    }
    return n;
}

char *PQgetvalue(const PGresult *res, int row, int column)
{
    char *(*real)(const PGresult *, int, int) =
        (char *(*)(const PGresult *, int, int))dlsym(RTLD_NEXT, "PQgetvalue");
    const char *lie = getenv("LIE_VALUE"), *to = lie ? strchr(lie, '=') : NULL;
    char *value = real(res, row, column);
    bool is_it =
        to && strlen(value) == (size_t)(to - lie) && memcmp(value, lie, strlen(value)) == 0;
    return is_it ? (char *)to + 1 : value;
}

const char *PQparameterStatus(const PGconn *conn, const char *name)
{
    const char *(*real)(const PGconn *, const char *) =
        (const char *(*)(const PGconn *, const char *))dlsym(RTLD_NEXT, "PQparameterStatus");
    const char *lie = getenv("LIE_ENCODING");
    return lie && strcmp(name, "server_encoding") == 0 ? lie : real(conn, name);
}
