/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * refuse: what the server may do to a statement, for a test to choose which.  The
 * program's own functions stand before libpq's, for the plugin that it loads.  Knows
 * nothing of hangar.
 *
 *     REFUSE=TEXT        statements that contain TEXT fail: the server is sent
 *                        another one that does
 *     LOSE=answer        the connection breaks once COMMIT is sent that follows a
 *                        RENAME TO, before its answer is read
 *     LOSE=statement     likewise, before COMMIT is sent
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <libpq-fe.h>

__attribute__((visibility("default"))) int PQsendQuery(PGconn *conn, const char *query);
__attribute__((visibility("default"))) int
PQsendQueryParams(PGconn *conn, const char *query, int count, const Oid *types,
                  const char *const *values, const int *lengths, const int *formats, int format);

static const char failing[] = "SELECT refused_by_the_test FROM pg_catalog.pg_class";

static int next_send(PGconn *conn, const char *query)
{
    int (*real)(PGconn *, const char *) =
        (int (*)(PGconn *, const char *))dlsym(RTLD_NEXT, "PQsendQuery");
    return real(conn, query);
}

static int refused(const char *query)
{
    const char *text = getenv("REFUSE");
    return text && strstr(query, text);
}

/* Everything is on its way; the server reads it also when nobody is there any more. */
static void break_off(PGconn *conn)
{
    struct pollfd fd = {.fd = PQsocket(conn), .events = POLLOUT};
    while (PQflush(conn) == 1) {
        poll(&fd, 1, 1000);
    }
    shutdown(PQsocket(conn), SHUT_RDWR);
}

int PQsendQuery(PGconn *conn, const char *query)
{
    static PGconn *renaming; /* one thread does */
    const char *lose = getenv("LOSE");
    if (refused(query)) {
        return next_send(conn, failing);
    }
    if (lose && strstr(query, " RENAME TO ")) {
        renaming = conn;
    }
    int committing = lose && conn == renaming && strcmp(query, "COMMIT") == 0;
    if (committing && strcmp(lose, "statement") == 0) {
        break_off(conn);
    }
    int sent = next_send(conn, query);
    if (committing) {
        break_off(conn);
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
    if (refused(query)) {
        return real(conn, failing, 0, NULL, NULL, NULL, NULL, format);
    }
    return real(conn, query, count, types, values, lengths, formats, format);
}
