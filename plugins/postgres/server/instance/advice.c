/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * advice: see advice.h.  The kind of a failure is read from the SQLSTATE and from the name of
 * the function in the server that reported it (a verbose message has it), because the text
 * depends on lc_messages of the server.
 */
#include "server/instance/advice.h"

#include <dirent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "text.h"

#define SOCKET_PREFIX ".s.PGSQL."
#define DEBIAN_SOCKETS "/var/run/postgresql"
#define PASSWORD_WAYS "password_file, password_command, password or passfile"

/* What was tried, and what this machine has. */
struct attempt {
    const struct pg_source *src;
    const char *host, *port, *user, *database; /* as libpq used them; "" when there is none */
    const char *as_admin;                      /* begins a command: "sudo -u postgres ", or "" */
    bool by_socket, local, has_password;
    bool user_is_system_user; /* the role has the name of a user of this machine */
    bool same;                /* and hangar runs as that user */
    char system_user[64];     /* who runs hangar; "" when it has no name */
    char socket_dir[1024];    /* has a socket for this port; "" when there is none */
    char other_port[8];       /* of another socket on this machine; "" when there is none */
};

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

static bool system_has_user(const char *name)
{
    char space[4096];
    struct passwd entry, *found = NULL;
    return getpwnam_r(name, &entry, space, sizeof(space), &found) == 0 && found;
}

static void name_system_user(char *out, size_t size)
{
    char space[4096];
    struct passwd entry, *found = NULL;
    bool known = getpwuid_r(geteuid(), &entry, space, sizeof(space), &found) == 0 && found;
    snprintf(out, size, "%s", known ? found->pw_name : "");
}

/* Finds the folder with the socket of the port. */
static void find_socket(struct attempt *a)
{
    const char *folders[] = {a->host, text_or_empty(getenv("PGHOST")), DEBIAN_SOCKETS, "/tmp"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !a->socket_dir[0]; i++) {
        char path[sizeof(a->socket_dir) + 32];
        snprintf(path, sizeof(path), "%s/" SOCKET_PREFIX "%s", folders[i], a->port);
        if (folders[i][0] == '/' && access(path, F_OK) == 0) {
            snprintf(a->socket_dir, sizeof(a->socket_dir), "%s", folders[i]);
        }
    }
}

/* The port of any other socket in the folder. */
static void find_other_port(struct attempt *a, const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)) != NULL) {
        const char *port = entry->d_name + strlen(SOCKET_PREFIX);
        /* the lock file beside each socket has a longer name */
        if (strncmp(entry->d_name, SOCKET_PREFIX, strlen(SOCKET_PREFIX)) == 0 &&
            strspn(port, "0123456789") == strlen(port) && strcmp(port, a->port) != 0) {
            snprintf(a->other_port, sizeof(a->other_port), "%.7s", port);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

static void describe_attempt(struct attempt *a, const struct pg_source *src, PGconn *pq)
{
    *a = (struct attempt){
        .src = src,
        .host = text_or_empty(PQhost(pq)),
        .port = text_or_empty(PQport(pq)),
        .user = text_or_empty(PQuser(pq)),
        .database = text_or_empty(PQdb(pq)),
        .has_password = text_or_empty(PQpass(pq))[0] != '\0',
        .as_admin = "",
    };
    a->by_socket = a->host[0] == '/' || a->host[0] == '@';
    a->local = a->by_socket || strcmp(a->host, "localhost") == 0 ||
               strncmp(a->host, "127.", 4) == 0 || strcmp(a->host, "::1") == 0;
    if (a->local) {
        find_socket(a);
    }
    name_system_user(a->system_user, sizeof(a->system_user));
    a->user_is_system_user = system_has_user(a->user);
    a->same = strcmp(a->user, a->system_user) == 0;
    if (a->local && strcmp(a->system_user, "postgres") != 0 && system_has_user("postgres")) {
        a->as_admin = "sudo -u postgres ";
    }
}

/* Whether hangar connects to it only to create, drop and rename others. */
static bool is_maintenance(const struct attempt *a)
{
    return a->src->opt.maintenance_db && strcmp(a->database, a->src->opt.maintenance_db) == 0 &&
           !pg_names_database(a->src, a->database);
}

static bool names_several(const struct pg_source *src)
{
    return src->has_patterns || src->database_count > 1;
}

static const char *option_of_database(const struct attempt *a)
{
    return is_maintenance(a) ? "maintenance_db" : names_several(a->src) ? "databases" : "database";
}

/* ---- ways to log in ------------------------------------------------------------------- */

static void add_new_role(struct text *out, const struct attempt *a, const char *role)
{
    text_addf(out, "%screateuser --superuser %s", a->as_admin, role);
}

/* How the server accepts a user of this machine without a password. */
static void add_peer_ways(struct text *out, const struct attempt *a)
{
    if (a->user_is_system_user) {
        text_addf(out, "run hangar as the system user %s (sudo -u %s hangar ...)", a->user,
                  a->user);
    }
    if (a->system_user[0]) {
        text_addf(out, "%sset user to %s, a role that \"", a->user_is_system_user ? ", or " : "",
                  a->system_user);
        add_new_role(out, a, a->system_user);
        text_add(out, "\" creates");
    }
}

/* "; or use the Unix socket", where there is one. */
static void add_socket_way(struct text *out, const struct attempt *a)
{
    if (a->by_socket || !a->socket_dir[0]) {
        return;
    }
    text_addf(out,
              "; or use the Unix socket, which needs no password where pg_hba.conf has peer: set "
              "host to %s",
              a->socket_dir);
    if (!a->same) {
        text_add(out, ", and ");
        add_peer_ways(out, a);
    }
}

static void advise_password(struct text *out, const struct attempt *a)
{
    if (a->src->opt.passfile) {
        text_addf(out, "passfile has no line for %s:%s:%s:%s, or other users can read the file",
                  a->by_socket ? "localhost" : a->host, a->port, a->database, a->user);
    } else {
        text_addf(out,
                  "set " PASSWORD_WAYS " to the password of role %s (%spsql -c \"\\password "
                  "%s\" sets one)",
                  a->user, a->as_admin, a->user);
    }
    add_socket_way(out, a);
}

static void advise_wrong_password(struct text *out, const struct attempt *a)
{
    const struct pg_options *opt = &a->src->opt;
    text_addf(out,
              "the password came from %s; a role without one is refused, too (%spsql -c "
              "\"\\password %s\" sets one)",
              opt->password          ? "the option password"
              : opt->passfile        ? "the option passfile"
              : getenv("PGPASSWORD") ? "PGPASSWORD"
                                     : "PGPASSFILE or ~/.pgpass",
              a->as_admin, a->user);
    add_socket_way(out, a);
}

/* The server compared the system user with the role (peer), or another method failed. */
static void advise_method(struct text *out, const struct attempt *a)
{
    if (!a->by_socket) {
        text_addf(out, "pg_hba.conf (SHOW hba_file) decides how role %s logs in", a->user);
        add_socket_way(out, a);
        return;
    }
    if (a->same) {
        text_addf(out, "pg_ident.conf or pg_hba.conf (SHOW hba_file) must let %s log in as %s",
                  a->system_user, a->user);
    } else {
        add_peer_ways(out, a);
    }
    text_addf(out, "; or set host to localhost%s",
              a->has_password ? "" : ", and " PASSWORD_WAYS " to the password of the role");
}

/* No line of pg_hba.conf accepts it. */
static void advise_no_entry(struct text *out, const struct attempt *a)
{
    const char *sslmode = text_or_empty(a->src->opt.sslmode);
    text_addf(out,
              "add a line to pg_hba.conf (SHOW hba_file), such as \"%s %s %s%s\", and reload "
              "it (SELECT pg_reload_conf())",
              a->by_socket ? "local" : "host", a->database, a->user,
              a->by_socket ? " peer" : " ADDRESS/32 scram-sha-256");
    if (is_maintenance(a)) {
        text_add(out, "; or set maintenance_db to a database that has a line");
    }
    if (!a->by_socket && (strcmp(sslmode, "disable") == 0 || strcmp(sslmode, "allow") == 0)) {
        text_addf(out, "; if it has one for TLS (hostssl), set sslmode to require instead of %s",
                  sslmode);
    }
    add_socket_way(out, a);
}

static void advise_role(struct text *out, const struct attempt *a)
{
    const bool given = a->src->opt.user || getenv("PGUSER");
    text_addf(out, "set user%s to a role that exists (%spsql -c \"\\du\" lists them)",
              given ? "" : ", which is not set and so is the name of the system user,",
              a->as_admin);
    text_add(out, ", or create this one: ");
    add_new_role(out, a, a->user);
    if (a->by_socket && a->same && a->as_admin[0]) {
        text_add(out, "; or set user to postgres and run hangar as it: sudo -u postgres hangar "
                      "...");
    }
}

/* ---- no server ------------------------------------------------------------------------ */

/* Nothing answered at a port or a socket of this machine. */
static void advise_absent(struct text *out, struct attempt *a)
{
    if (!a->local) {
        text_add(out, "check host and port; the server must run there, with this address in "
                      "listen_addresses, and no firewall between");
        return;
    }
    find_other_port(a, DEBIAN_SOCKETS);
    if (a->by_socket) {
        find_other_port(a, a->host);
    }
    if (a->socket_dir[0] && strcmp(a->socket_dir, a->host) != 0) {
        text_addf(out, "the server of port %s has its Unix socket in %s: set host to it", a->port,
                  a->socket_dir);
    } else if (a->socket_dir[0]) {
        text_add(out, "the server of this socket has ended: start it");
    } else if (a->other_port[0]) {
        text_addf(out, "no server of this machine has port %s, and one has %s: set port to it",
                  a->port, a->other_port);
    } else {
        text_add(out, "no server of this machine has a Unix socket: start it (in Debian "
                      "\"pg_lsclusters\" lists the clusters and their ports, and \"systemctl start "
                      "postgresql\" starts them), or correct host and port");
    }
}

static void advise_forbidden(struct text *out, const struct attempt *a)
{
    text_addf(out,
              "the system user %s may not use the socket: its folder and unix_socket_permissions "
              "of the server decide; or set host to localhost%s",
              a->system_user,
              a->has_password ? "" : ", and " PASSWORD_WAYS " to the password of the role");
}

static void advise_tls(struct text *out, const struct attempt *a, const char *message)
{
    if (strstr(message, "does not support SSL")) {
        text_addf(out, "set ssl = on in the server, or do not require it: sslmode is %s",
                  a->src->opt.sslmode ? a->src->opt.sslmode : "from PGSSLMODE");
    } else if (strstr(message, "certificate verify failed") ||
               strstr(message, "root certificate file")) {
        text_add(out, "set sslrootcert to the certificate of the authority that signed the "
                      "server's");
    }
}

/* The failures that libpq itself reports; it has no codes for them. */
static void advise_by_text(struct text *out, struct attempt *a, const char *message)
{
    if (strstr(message, "Connection refused") ||
        (a->by_socket && strstr(message, "No such file or directory"))) {
        advise_absent(out, a);
    } else if (a->by_socket && strstr(message, "Permission denied")) {
        advise_forbidden(out, a);
    } else if (strstr(message, "could not translate host name")) {
        text_add(out, "correct the option host");
    } else if (strstr(message, "No route to host") || strstr(message, "timed out") ||
               strstr(message, "Network is unreachable") || strstr(message, "no answer within")) {
        text_add(out, "check host and port, and the firewalls between");
    } else {
        advise_tls(out, a, message);
    }
}

/* ---- refusals of the server ------------------------------------------------------------ */

static void advise_too_many(struct text *out, const struct attempt *a, const char *message)
{
    const uint32_t jobs = a->src->opt.jobs;
    const char *limit = strstr(message, "CheckMyDatabase")
                            ? "raise the limit (ALTER DATABASE ... CONNECTION LIMIT)"
                        : strstr(message, "InitializeSessionUserId")
                            ? "raise the limit (ALTER ROLE ... CONNECTION LIMIT)"
                            : "raise max_connections";
    text_addf(out, "end some sessions, or %s", limit);
    if (jobs > 1) {
        text_addf(out,
                  ", or set jobs to less than %u: a backup opens jobs + 2 sessions of a database",
                  jobs);
    }
}

static void advise_by_code(struct text *out, const struct attempt *a, const char *code,
                           const char *message)
{
    if (strcmp(code, "28P01") == 0) {
        advise_wrong_password(out, a);
    } else if (strncmp(code, "28", 2) == 0 && strstr(message, "auth_failed")) {
        advise_method(out, a);
    } else if (strncmp(code, "28", 2) == 0 && strstr(message, "ClientAuthentication")) {
        advise_no_entry(out, a);
    } else if (strncmp(code, "28", 2) == 0 && strstr(message, "not permitted to log in")) {
        text_addf(out, "ALTER ROLE %s LOGIN, or set user to another role", a->user);
    } else if (strncmp(code, "28", 2) == 0 && strstr(message, "InitializeSessionUserId")) {
        advise_role(out, a);
    } else if (strcmp(code, "42501") == 0) {
        text_addf(out, "GRANT CONNECT ON DATABASE %s TO %s%s", a->database, a->user,
                  is_maintenance(a) ? ", or set maintenance_db to another database" : "");
    } else if (strcmp(code, PG_UNDEFINED_DATABASE) == 0) {
        text_addf(out, "set %s to one that exists (%spsql -l lists them)", option_of_database(a),
                  a->as_admin);
    } else if (strcmp(code, PG_NOT_IN_PREREQUISITE_STATE) == 0) {
        text_addf(out, "ALTER DATABASE %s ALLOW_CONNECTIONS true%s", a->database,
                  is_maintenance(a) ? ", or set maintenance_db to another database" : "");
    } else if (strcmp(code, "53300") == 0) {
        advise_too_many(out, a, message);
    } else if (strcmp(code, "08P01") == 0 && strstr(message, "startup parameter")) {
        text_add(out, "a connection pooler answers here, and does not accept what each session of "
                      "hangar begins with: set host and port to those of the server itself");
    }
}

void pg_advise(const struct pg_source *src, PGconn *pq, struct pg_error *err)
{
    const char *message = text_or_empty(PQerrorMessage(pq));
    struct text out = {0};
    if (err->rc == HANGAR_CANCELLED || err->rc == HANGAR_NO_MEMORY) {
        return;
    }
    struct attempt a;
    describe_attempt(&a, src, pq);
    if (PQconnectionNeedsPassword(pq)) {
        advise_password(&out, &a);
    } else if (err->sqlstate[0]) {
        advise_by_code(&out, &a, err->sqlstate, message);
    } else {
        advise_by_text(&out, &a, *message ? message : err->text);
    }
    if (out.size && !out.failed) {
        pg_add_hint(err, text_str(&out));
    }
    text_free(&out);
}
