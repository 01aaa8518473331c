/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * refuse.c: faults of the server, chosen by a test.  The program defines functions of libpq,
 * which the plugin then calls instead.  It does not depend on hangar.
 *
 *     REFUSE=TEXT        statements that contain TEXT fail: the server gets another one,
 *                        which fails
 *     LOSE=answer        the connection breaks after a COMMIT that follows a RENAME TO
 *                        was sent, before its answer is read
 *     LOSE=statement     the same, before the COMMIT is sent
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <libpq-fe.h>

__attribute__((visibility("default"))) int PQsendQuery(PGconn *conn, const char *query);
__attribute__((visibility("default"))) int
PQsendQueryParams(PGconn *conn, const char *query, int count, const Oid *types,
                  const char *const *values, const int *lengths, const int *formats, int format);

static const char failing[] = "SELECT refused_by_the_test FROM pg_catalog.pg_class";

static int send_to_libpq(PGconn *conn, const char *query)
{
    int (*real)(PGconn *, const char *) =
        (int (*)(PGconn *, const char *))dlsym(RTLD_NEXT, "PQsendQuery");
    return real(conn, query);
}

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

int PQsendQuery(PGconn *conn, const char *query)
{
    static PGconn *renaming; /* only one thread renames */
    const char *lose = getenv("LOSE");
    if (is_statement_refused(query)) {
        return send_to_libpq(conn, failing);
    }
    if (lose && strstr(query, " RENAME TO ")) {
        renaming = conn;
    }
    int committing = lose && conn == renaming && strcmp(query, "COMMIT") == 0;
    if (committing && strcmp(lose, "statement") == 0) {
        break_connection(conn);
    }
    int sent = send_to_libpq(conn, query);
    if (committing) {
        break_connection(conn);
    }
    return sent;
}

int PQsendQueryParams(PGconn *conn, const char *query, int count, const Oid *types,
                      const char *const *values, const int *lengths, const int *formats, int format)
{
    int (*real)(PGconn *, const char *, int, const Oid *, const char *const *, const int *,
                const int *, int) =
        (int (*)(PGconn *, const char *, int, const Oid *, const char *const *, const int *,
                 const int *, int))dlsym(RTLD_NEXT, "PQsendQueryParams");
    if (is_statement_refused(query)) {
        return real(conn, failing, 0, NULL, NULL, NULL, NULL, format);
    }
    return real(conn, query, count, types, values, lengths, formats, format);
}
