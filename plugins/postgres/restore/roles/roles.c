/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * roles: globals.sql on restore.  pg_dumpall writes ALTER ROLE ... PASSWORD for every role, so that
 * running the file would change the passwords of existing roles.  Here it is cut into statements,
 * and with `globals: missing` only those that make up a missing role are run: all statements of the
 * file that concern it, and what other roles of the file grant to it or get from it.
 */
#include "restore/roles/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "restore/roles/globals_in.h"
#include "restore/target/restore_state.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/connection/settings.h"
#include "server/connection/statement.h"

struct roles {
    struct pg_source *src;
    struct pg_conn *conn;
    struct pg_globals_reader in;
    struct pg_global global; /* the statement at hand */
    struct text grantor;     /* "SET SESSION AUTHORIZATION ..." in force; empty: this role */
    char **missing;          /* sorted */
    size_t count, capacity;
};

/* ---- missing roles ----------------------------------------------------------- */

static int compare_role_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_missing_role(const struct roles *roles, const char *name)
{
    return roles->count && bsearch(&name, roles->missing, roles->count, sizeof(*roles->missing),
                                   compare_role_names);
}

static enum hangar_rc add_if_missing(struct roles *roles, char *name)
{
    PGresult *res;
    if (pg_query(roles->conn, "SELECT FROM pg_roles WHERE rolname = $1", name, NULL, &res) !=
        HANGAR_OK) {
        enum hangar_rc rc = pg_raise(roles->src, &roles->conn->err,
                                     "cannot determine whether role %s exists", name);
        free(name);
        return rc;
    }
    bool there = PQntuples(res) > 0;
    PQclear(res);
    if (there) {
        free(name);
        return HANGAR_OK;
    }
    if (roles->count == roles->capacity) {
        size_t capacity = roles->capacity ? roles->capacity * 2 : 64;
        char **bigger = realloc(roles->missing, capacity * sizeof(*bigger));
        if (!bigger) {
            free(name);
            return pg_no_memory(roles->src);
        }
        roles->missing = bigger;
        roles->capacity = capacity;
    }
    roles->missing[roles->count++] = name;
    return HANGAR_OK;
}

static enum hangar_rc find_missing_roles(struct roles *roles)
{
    const struct pg_globals_reader start = roles->in;
    struct pg_global *global = &roles->global;
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK && pg_global_next(&roles->in, global)) {
        if (global->kind == PG_GLOBAL_CREATE_ROLE) {
            char *name = strdup(text_str(&global->name));
            rc = name ? add_if_missing(roles, name) : pg_no_memory(roles->src);
        }
    }
    roles->in = start;
    if (roles->count) {
        qsort(roles->missing, roles->count, sizeof(*roles->missing), compare_role_names);
    }
    return rc;
}

/* ---- running --------------------------------------------------------------------------------- */

/* Whether a statement makes up a missing role.  A membership does when one of its two roles is
 * missing. */
static bool concerns_missing(const struct roles *roles)
{
    const struct pg_global *global = &roles->global;
    const bool name = is_missing_role(roles, text_str(&global->name));
    const bool other = is_missing_role(roles, text_str(&global->other));
    switch (global->kind) {
    case PG_GLOBAL_CREATE_ROLE:
    case PG_GLOBAL_ATTRIBUTES:
    case PG_GLOBAL_OF_ROLE:
        return name;
    case PG_GLOBAL_MEMBERSHIP:
        return name || other;
    case PG_GLOBAL_RIGHT:
    case PG_GLOBAL_TABLESPACE_RIGHT:
        return other;
    default:
        return false;
    }
}

static enum hangar_rc has_tablespace(struct roles *roles, bool *has)
{
    PGresult *res = NULL;
    const char *name = text_str(&roles->global.name);
    if (pg_query(roles->conn, "SELECT FROM pg_tablespace WHERE spcname = $1", name, NULL, &res) !=
        HANGAR_OK) {
        return pg_raise(roles->src, &roles->conn->err,
                        "cannot determine whether tablespace %s exists", name);
    }
    *has = PQntuples(res) > 0;
    PQclear(res);
    return HANGAR_OK;
}

/* It may hold a password: no more than its first words are shown. */
static enum hangar_rc raise_role_statement(struct roles *roles)
{
    const struct pg_global *global = &roles->global;
    int shown = 0;
    for (int words = 0; shown < (int)global->size && shown < 80; shown++) {
        if (global->text[shown] == ' ' && ++words == 3) {
            break;
        }
    }
    pg_add_hint(&roles->conn->err, roles->conn->err.rc == HANGAR_AUTH
                                       ? "restore as a superuser, or set globals to none, and "
                                         "create the roles by hand"
                                       : "set globals to none, and create the roles by hand");
    return pg_raise(roles->src, &roles->conn->err, "cannot restore the roles (%.*s ...)", shown,
                    global->text);
}

/* Runs a part of the statement: what stands before `size`. */
static enum hangar_rc run_global(struct roles *roles, size_t size)
{
    struct text sql = {0};
    const struct pg_global *global = &roles->global;
    if (global->kind == PG_GLOBAL_ATTRIBUTES && roles->src->opt.globals == PG_GLOBALS_MISSING) {
        struct text attributes = {0};
        pg_global_add_attributes(&attributes, global);
        if (attributes.size) {
            text_add_bytes(&sql, global->text, global->rest);
            text_add_bytes(&sql, attributes.data, attributes.size);
        }
        sql.failed |= attributes.failed;
        text_free(&attributes);
        if (!sql.size && !sql.failed) {
            return HANGAR_OK;
        }
    } else {
        text_add_bytes(&sql, global->text, size);
    }
    return pg_command_text(roles->conn, &sql);
}

/* Grants as the one who granted in the source, and is this session again afterwards.  The server
 * reports no error when that role has nothing to grant, but nothing is granted either. */
static enum hangar_rc grant_as_grantor(struct roles *roles)
{
    struct pg_conn *conn = roles->conn;
    enum hangar_rc rc =
        roles->grantor.size ? pg_command(conn, text_str(&roles->grantor)) : HANGAR_OK;
    conn->notice[0] = '\0';
    if (rc == HANGAR_OK) {
        rc = run_global(roles, roles->global.size);
    }
    if (rc == HANGAR_OK && strcmp(conn->notice, PG_PRIVILEGE_NOT_GRANTED) == 0) {
        rc = pg_set_error(&conn->err, HANGAR_AUTH, PG_PRIVILEGE_NOT_GRANTED,
                          "no privileges were granted");
    }
    return rc == HANGAR_OK && roles->grantor.size ? pg_command(conn, "RESET SESSION AUTHORIZATION")
                                                  : rc;
}

/* A grant that this server does not accept from that grantor is made by this session; one that it
 * does not accept at all is reported, with the statement, which holds no secret. */
static enum hangar_rc run_grant(struct roles *roles)
{
    struct pg_source *src = roles->src;
    struct pg_conn *conn = roles->conn;
    const struct pg_global *global = &roles->global;
    const bool by_another = roles->grantor.size || global->by < global->size;
    if (pg_command(conn, "SAVEPOINT hangar") != HANGAR_OK) {
        return raise_role_statement(roles);
    }
    if (grant_as_grantor(roles) == HANGAR_OK) {
        return pg_command(conn, "RELEASE SAVEPOINT hangar") == HANGAR_OK
                   ? HANGAR_OK
                   : raise_role_statement(roles);
    }
    struct pg_error err = conn->err;
    if (pg_command(conn, "ROLLBACK TO SAVEPOINT hangar") != HANGAR_OK) {
        return raise_role_statement(roles);
    }
    if (by_another && run_global(roles, global->by) == HANGAR_OK) {
        src->host->log(
            src->ctx, HANGAR_LOG_WARN,
            "the grantor is user %s, because that of the source could not grant it (%s): %.*s",
            PQuser(conn->pq), err.text, (int)global->by, global->text);
        return HANGAR_OK;
    }
    if (pg_command(conn, "ROLLBACK TO SAVEPOINT hangar") != HANGAR_OK) {
        return raise_role_statement(roles);
    }
    src->host->log(src->ctx, HANGAR_LOG_WARN,
                   "a role that was created lacks a privilege: %s; hint: run as a superuser: %.*s",
                   err.text, (int)global->size, global->text);
    return HANGAR_OK;
}

static void warn_of_tablespace(struct roles *roles)
{
    roles->src->host->log(
        roles->src->ctx, HANGAR_LOG_WARN,
        "role %s, which was created, lacks a privilege on tablespace %s: %s has no such tablespace",
        text_str(&roles->global.other), text_str(&roles->global.name), pg_where(roles->src));
}

/* With `globals: missing`. */
static enum hangar_rc run_if_missing(struct roles *roles)
{
    const struct pg_global *global = &roles->global;
    bool there = true;
    if (!concerns_missing(roles)) {
        return HANGAR_OK;
    }
    if (global->kind == PG_GLOBAL_TABLESPACE_RIGHT) {
        enum hangar_rc rc = has_tablespace(roles, &there);
        if (rc == HANGAR_OK && !there) {
            warn_of_tablespace(roles);
        }
        if (rc != HANGAR_OK || !there) {
            return rc;
        }
    }
    if (global->other.size) {
        return run_grant(roles);
    }
    return run_global(roles, global->size) == HANGAR_OK ? HANGAR_OK : raise_role_statement(roles);
}

/* With `globals: all`: everything but what would create an object that exists. */
static enum hangar_rc run_anyway(struct roles *roles)
{
    const struct pg_global *global = &roles->global;
    bool there =
        global->kind == PG_GLOBAL_CREATE_ROLE && !is_missing_role(roles, text_str(&global->name));
    enum hangar_rc rc = HANGAR_OK;
    if (global->kind == PG_GLOBAL_CREATE_TABLESPACE) {
        rc = has_tablespace(roles, &there);
    }
    if (rc == HANGAR_OK && !there && run_global(roles, global->size) != HANGAR_OK) {
        rc = raise_role_statement(roles);
    }
    return rc;
}

static enum hangar_rc run_role_statements(struct roles *roles)
{
    const bool all = roles->src->opt.globals == PG_GLOBALS_ALL;
    const struct pg_global *global = &roles->global;
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK && pg_global_next(&roles->in, &roles->global)) {
        switch (global->kind) {
        case PG_GLOBAL_SETTING:
            break;
        case PG_GLOBAL_UNKNOWN:
            rc = roles->src->host->fail(
                roles->src->ctx, HANGAR_CORRUPT, 0,
                "cannot restore the roles: globals.sql has a statement that pg_dumpall does not "
                "write (%.*s ...)",
                (int)(global->size < 16 ? global->size : 16), global->text);
            break;
        case PG_GLOBAL_BECOME:
        case PG_GLOBAL_RESET:
            text_clear(&roles->grantor);
            if (global->kind == PG_GLOBAL_BECOME) {
                text_add_bytes(&roles->grantor, global->text, global->size);
            }
            rc = all ? run_anyway(roles) : HANGAR_OK;
            break;
        default:
            rc = all ? run_anyway(roles) : run_if_missing(roles);
        }
    }
    return rc;
}

static enum hangar_rc restore_roles_text(struct pg_source *src, const char *text, size_t size)
{
    struct roles roles = {.src = src, .in = {.at = text, .end = text + size}};
    enum hangar_rc rc = pg_connect(src, src->opt.maintenance_db, &roles.conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    roles.conn->doing = "restoring roles";
    /* all roles or none; but CREATE TABLESPACE cannot run in a transaction */
    bool at_once = src->opt.globals == PG_GLOBALS_MISSING;
    if (pg_set(roles.conn, "client_encoding", "UTF8") != HANGAR_OK ||
        (at_once && pg_command(roles.conn, "BEGIN") != HANGAR_OK)) {
        rc = pg_raise(src, &roles.conn->err, "cannot set up a session in database %s",
                      src->opt.maintenance_db);
    }
    if (rc == HANGAR_OK) {
        rc = find_missing_roles(&roles);
    }
    if (rc == HANGAR_OK) {
        rc = run_role_statements(&roles);
    }
    if (rc == HANGAR_OK && at_once && pg_command(roles.conn, "COMMIT") != HANGAR_OK) {
        rc = pg_raise(src, &roles.conn->err, "cannot restore the roles");
    }
    if (rc == HANGAR_OK && roles.count) {
        src->host->log(src->ctx, HANGAR_LOG_INFO, "created %zu missing roles", roles.count);
        src->restore->roles_created = roles.count;
    }
    pg_close(roles.conn);
    for (size_t i = 0; i < roles.count; i++) {
        free(roles.missing[i]);
    }
    free(roles.missing);
    pg_global_free(&roles.global);
    text_free(&roles.grantor);
    return rc;
}

enum hangar_rc pg_roles_restore(struct pg_source *src, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int e = errno;
        if (fd >= 0) {
            close(fd);
        }
        return src->host->fail(src->ctx, HANGAR_IO, e, "cannot read %s", path);
    }
    if (st.st_size == 0) {
        close(fd);
        return HANGAR_OK;
    }
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int e = errno;
    close(fd);
    if (map == MAP_FAILED) {
        return src->host->fail(src->ctx, HANGAR_IO, e, "cannot read %s", path);
    }
    enum hangar_rc rc = restore_roles_text(src, map, (size_t)st.st_size);
    munmap(map, (size_t)st.st_size);
    return rc;
}
