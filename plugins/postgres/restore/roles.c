/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * roles.c: globals.sql on restore.  pg_dumpall writes ALTER ROLE ... PASSWORD for every role, so
 * that running the file would change the passwords of existing roles.  Here it is cut into
 * statements, and with `globals: missing` only those that make up a missing role are run.
 */
#include "restore/roles.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "restore/state.h"
#include "server/connection.h"
#include "server/error.h"
#include "server/settings.h"
#include "server/statement.h"

struct statement {
    const char *text;
    size_t len;
};

struct roles {
    struct pg_source *src;
    struct pg_conn *conn;
    const char *at, *end; /* the rest of the file */
    char **missing;       /* sorted */
    size_t count, capacity;
};

/* ---- statements -------------------------------------------------------------------- */

/* The end of the quoted text that begins at `at`. */
static const char *end_of_quotes(const char *at, const char *end, bool escapes)
{
    char quote = *at++;
    for (; at < end; at++) {
        if (escapes && *at == '\\') {
            at++;
        } else if (*at == quote) {
            return at + 1; /* a doubled quote begins the next quoted text */
        }
    }
    return end;
}

static const char *end_of_line(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline ? newline + 1 : end;
}

/* Finds the next statement, without its semicolon; comments and commands of psql are skipped.
 * False at the end. */
static bool next_statement(struct roles *roles, struct statement *out)
{
    const char *at = roles->at, *end = roles->end;
    for (;;) {
        while (at < end && isspace((unsigned char)*at)) {
            at++;
        }
        if (at < end && (*at == '\\' || (end - at > 1 && at[0] == '-' && at[1] == '-'))) {
            at = end_of_line(at, end);
        } else {
            break;
        }
    }
    out->text = at;
    while (at < end && *at != ';') {
        if (*at == '\'' || *at == '"') {
            at = end_of_quotes(at, end, *at == '\'' && at > out->text && at[-1] == 'E');
        } else {
            at++;
        }
    }
    out->len = (size_t)(at - out->text);
    roles->at = at < end ? at + 1 : end;
    return at < end;
}

static bool skip_keyword(struct statement *left, const char *word)
{
    size_t n = strlen(word);
    if (left->len < n || memcmp(left->text, word, n) != 0) {
        return false;
    }
    left->text += n;
    left->len -= n;
    return true;
}

/* Reads a name, quoted or not, for the caller to free; NULL: there is none. */
static char *read_role_name(struct statement *left)
{
    struct text name = {0};
    size_t i = 0;
    if (left->len && left->text[0] == '"') {
        for (i = 1; i < left->len; i++) {
            if (left->text[i] == '"' && (i + 1 == left->len || left->text[i + 1] != '"')) {
                break;
            }
            i += left->text[i] == '"';
            text_add_bytes(&name, &left->text[i], 1);
        }
        i++;
    } else {
        for (; i < left->len && (isalnum((unsigned char)left->text[i]) || left->text[i] == '_' ||
                                 left->text[i] == '$' || (unsigned char)left->text[i] > 127);
             i++) {
            text_add_bytes(&name, &left->text[i], 1);
        }
    }
    if (i > left->len || !name.size || name.failed) {
        text_free(&name);
        return NULL;
    }
    left->text += i;
    left->len -= i;
    return name.data;
}

/* ---- missing roles ----------------------------------------------------------- */

static int compare_role_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_missing_role(const struct roles *roles, const char *name)
{
    return name && roles->count &&
           bsearch(&name, roles->missing, roles->count, sizeof(*roles->missing),
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
    const char *start = roles->at;
    struct statement statement;
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK && next_statement(roles, &statement)) {
        char *name = skip_keyword(&statement, "CREATE ROLE ") ? read_role_name(&statement) : NULL;
        if (name) {
            rc = add_if_missing(roles, name);
        }
    }
    roles->at = start;
    if (roles->count) {
        qsort(roles->missing, roles->count, sizeof(*roles->missing), compare_role_names);
    }
    return rc;
}

/* ---- running --------------------------------------------------------------------------------- */

/* Whether a statement makes up a missing role.  A membership does when one of its two roles is
 * missing. */
static bool concerns_missing(const struct roles *roles, struct statement statement)
{
    bool grant = skip_keyword(&statement, "GRANT ");
    if (!grant && !skip_keyword(&statement, "CREATE ROLE ") &&
        !skip_keyword(&statement, "ALTER ROLE ") && !skip_keyword(&statement, "COMMENT ON ROLE ")) {
        return false;
    }
    char *first = read_role_name(&statement), *second = NULL;
    bool yes = is_missing_role(roles, first);
    if (grant) {
        second = skip_keyword(&statement, " TO ") ? read_role_name(&statement) : NULL;
        yes = second && (yes || is_missing_role(roles, second));
    }
    free(first);
    free(second);
    return yes;
}

/* Whether pg_dumpall writes such a statement among its globals.  The settings at its head are not
 * run: each session has them. */
static bool is_globals_statement(struct statement statement)
{
    static const char *const begins[] = {"CREATE ROLE ",
                                         "ALTER ROLE ",
                                         "COMMENT ON ROLE ",
                                         "SECURITY LABEL ",
                                         "GRANT ",
                                         "REVOKE ",
                                         "CREATE TABLESPACE ",
                                         "ALTER TABLESPACE ",
                                         "COMMENT ON TABLESPACE "};
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        if (skip_keyword(&statement, begins[i])) {
            return true;
        }
    }
    return false;
}

/* Whether, with `globals: all`, a statement would create an object that exists. */
static bool is_superfluous(const struct roles *roles, struct statement statement)
{
    if (skip_keyword(&statement, "CREATE ROLE ")) {
        char *name = read_role_name(&statement);
        bool there = !is_missing_role(roles, name);
        free(name);
        return there;
    }
    bool there = false;
    if (skip_keyword(&statement, "CREATE TABLESPACE ")) {
        char *name = read_role_name(&statement);
        PGresult *res = NULL;
        there = name &&
                pg_query(roles->conn, "SELECT FROM pg_tablespace WHERE spcname = $1", name, NULL,
                         &res) == HANGAR_OK &&
                PQntuples(res) > 0;
        PQclear(res);
        free(name);
    }
    return there;
}

static enum hangar_rc run_role_statement(struct roles *roles, struct statement statement)
{
    struct text sql = {0};
    text_add_bytes(&sql, statement.text, statement.len);
    if (pg_command_text(roles->conn, &sql) == HANGAR_OK) {
        return HANGAR_OK;
    }
    /* no more than its first words are shown: it may hold a password */
    int shown = 0;
    for (int words = 0; shown < (int)statement.len && shown < 80; shown++) {
        if (statement.text[shown] == ' ' && ++words == 3) {
            break;
        }
    }
    pg_add_hint(&roles->conn->err, "set globals to none, and create the roles by hand");
    return pg_raise(roles->src, &roles->conn->err, "cannot restore the roles (%.*s ...)", shown,
                    statement.text);
}

static enum hangar_rc run_role_statements(struct roles *roles)
{
    bool all = roles->src->opt.globals == PG_GLOBALS_ALL;
    struct statement statement;
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK && next_statement(roles, &statement)) {
        if (statement.len > 4 && memcmp(statement.text, "SET ", 4) == 0) {
            continue;
        }
        if (!is_globals_statement(statement)) {
            return roles->src->host->fail(
                roles->src->ctx, HANGAR_CORRUPT, 0,
                "cannot restore the roles: globals.sql has a statement that pg_dumpall does not "
                "write (%.*s ...)",
                (int)(statement.len < 16 ? statement.len : 16), statement.text);
        }
        if (all ? !is_superfluous(roles, statement) : concerns_missing(roles, statement)) {
            rc = run_role_statement(roles, statement);
        }
    }
    return rc;
}

static enum hangar_rc restore_roles_text(struct pg_source *src, const char *text, size_t size)
{
    struct roles roles = {.src = src, .at = text, .end = text + size};
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
