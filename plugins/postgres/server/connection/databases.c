/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * databases: see databases.h.
 */
#include "server/connection/databases.h"

#include <stdlib.h>
#include <string.h>
#include "server/sql/catalog.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/connection/leftovers.h"
#include "server/instance/args.h"

#define EVERY "*"

/* All databases that a pattern can mean. */
#define CANDIDATES                                                                                 \
    "SELECT d.datname FROM pg_catalog.pg_database d,"                                              \
    " pg_catalog.shobj_description(d.oid, 'pg_database') AS mark WHERE d.datallowconn AND "
static const char candidates_query[] = CANDIDATES PG_IS_USER_DATABASE " ORDER BY 1";

/* All that a restore could replace: it refuses the others. */
static const char replaceable_query[] =
    CANDIDATES "NOT coalesce(" PG_IS_LEFTOVER ", false)"
               " AND d.datname NOT IN ('template0', 'template1', current_database()) ORDER BY 1";

/* ---- patterns ---------------------------------------------------------------------------- */

static bool database_is_pattern(const char *entry)
{
    return strpbrk(entry, "*?") != NULL;
}

/* "all" is the pattern that matches every name. */
static const char *database_pattern(const char *entry)
{
    return strcmp(entry, "all") == 0 ? EVERY : entry;
}

/* Characters of UTF-8 count as one. */
static const char *database_next_character(const char *text)
{
    do {
        text++;
    } while (((unsigned char)*text & 0xc0) == 0x80);
    return text;
}

/* Not fnmatch: [ and \ have no meaning of their own here, as in the patterns of tables.  After a
 * mismatch the last * takes one character more. */
static bool database_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *tried = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            tried = name;
        } else if (*pattern == '?') {
            pattern++;
            name = database_next_character(name);
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = tried = database_next_character(tried);
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

static const char *databases_entry(const struct pg_source *src, const char *option, size_t index)
{
    const char *entry = src->host->opt_list(src->ctx, option, index);
    return entry ? database_pattern(entry) : NULL;
}

static bool databases_any_matches(const struct pg_source *src, const char *option, const char *name)
{
    const char *entry;
    for (size_t i = 0; (entry = databases_entry(src, option, i)) != NULL; i++) {
        if (database_matches(entry, name)) {
            return true;
        }
    }
    return false;
}

bool pg_selects_database(const struct pg_source *src, const char *database)
{
    if (!databases_entry(src, "databases", 0)) {
        return pg_names_database(src, database); /* the option database */
    }
    return databases_any_matches(src, "databases", database) &&
           !databases_any_matches(src, "exclude_databases", database);
}

/* ---- the options ------------------------------------------------------------------------- */

/* Takes over `name`. */
static enum hangar_rc databases_add(struct pg_source *src, char *name)
{
    char **bigger = realloc(src->databases, (src->database_count + 1) * sizeof(*src->databases));
    if (bigger) {
        src->databases = bigger;
    }
    if (!bigger || !name) {
        free(name);
        return pg_no_memory(src);
    }
    src->databases[src->database_count++] = name;
    return HANGAR_OK;
}

static void databases_clear(struct pg_source *src)
{
    for (size_t i = 0; i < src->database_count; i++) {
        free(src->databases[i]);
    }
    free(src->databases);
    src->databases = NULL;
    src->database_count = 0;
}

/* Adds the names among the entries, and notes whether there are patterns. */
static enum hangar_rc databases_add_named(struct pg_source *src)
{
    const struct hangar_host *host = src->host;
    const char *entry;
    for (size_t i = 0; (entry = databases_entry(src, "databases", i)) != NULL; i++) {
        if (database_is_pattern(entry)) {
            src->has_patterns = true;
            continue;
        }
        if (!entry[0]) {
            return host->fail_option(src->ctx, "databases", "has an empty name");
        }
        if (pg_names_database(src, entry)) {
            return host->fail_option(src->ctx, "databases", "names %s twice", entry);
        }
        if (databases_any_matches(src, "exclude_databases", entry)) {
            return host->fail_option(src->ctx, "databases",
                                     "names %s, which exclude_databases leaves out", entry);
        }
        enum hangar_rc rc = databases_add(src, strdup(entry));
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    return HANGAR_OK;
}

/* Is this "*=NEW", for all databases without an entry of their own? */
static bool database_is_every(const char *entry)
{
    return strncmp(entry, EVERY "=", 2) == 0;
}

static enum hangar_rc databases_check_renames(struct pg_source *src)
{
    const char *entry;
    for (size_t i = 0; (entry = pg_rename_entry(src, i)) != NULL; i++) {
        const char *equals = strchr(entry, '=');
        if (!equals || equals == entry || !equals[1]) {
            return src->host->fail_option(src->ctx, "rename_databases",
                                          "\"%s\" is not OLD=NEW, such as crm=crm_test", entry);
        }
        for (size_t k = 0; k < i; k++) {
            const char *before = pg_rename_entry(src, k);
            if (strncmp(before, entry, (size_t)(equals - entry) + 1) == 0) {
                return src->host->fail_option(src->ctx, "rename_databases",
                                              "\"%s\" and \"%s\" give one database two names",
                                              before, entry);
            }
        }
        if (database_is_every(entry) &&
            (!strchr(equals, '*') || strchr(equals, '*') != strrchr(equals, '*'))) {
            return src->host->fail_option(
                src->ctx, "rename_databases",
                "\"%s\": the new name must have one *, which stands for the old name", entry);
        }
    }
    return HANGAR_OK;
}

enum hangar_rc pg_databases_read(struct pg_source *src)
{
    const struct hangar_host *host = src->host;
    const char *one = host->opt_string(src->ctx, "database");
    bool several = databases_entry(src, "databases", 0) != NULL;
    one = one && one[0] ? one : NULL;
    if (!one && !several) {
        return host->fail_option(src->ctx, "database", "is required, unless databases is set");
    }
    if (one && several) {
        return host->fail_option(src->ctx, "databases", "cannot be combined with database");
    }
    if (one && databases_entry(src, "exclude_databases", 0)) {
        return host->fail_option(src->ctx, "exclude_databases",
                                 "is for databases, and cannot be combined with database");
    }
    if (one && pg_rename_entry(src, 0)) {
        return host->fail_option(
            src->ctx, "rename_databases",
            "cannot be combined with database, which is the name to restore under");
    }
    enum hangar_rc rc = one ? databases_add(src, strdup(one)) : databases_add_named(src);
    return rc == HANGAR_OK ? databases_check_renames(src) : rc;
}

void pg_databases_free(struct pg_source *src)
{
    databases_clear(src);
}

static void databases_add_entries(const struct pg_source *src, const char *option,
                                  const char *before, struct text *out)
{
    const char *entry;
    for (size_t i = 0; (entry = src->host->opt_list(src->ctx, option, i)) != NULL; i++) {
        text_addf(out, "%s%s", i ? ", " : before, entry);
    }
}

void pg_describe_databases(const struct pg_source *src, struct text *out)
{
    const char *one = src->host->opt_string(src->ctx, "database");
    if (one && one[0]) {
        text_addf(out, "database %s", one);
        return;
    }
    const bool single = !src->has_patterns && src->database_count == 1;
    databases_add_entries(src, "databases", single ? "database " : "databases ", out);
    databases_add_entries(src, "exclude_databases", ", except ", out);
    databases_add_entries(src, "rename_databases", ", with the new names ", out);
}

/* ---- the server -------------------------------------------------------------------------- */

/* Each pattern must match a name: one that matches none is misspelt, and the backup would lack a
 * database, or have one that must not be in it. */
static enum hangar_rc databases_refuse_unmatched(struct pg_source *src, const char *option,
                                                 const PGresult *names)
{
    const char *entry;
    for (size_t i = 0; (entry = databases_entry(src, option, i)) != NULL; i++) {
        bool matched = entry[strspn(entry, "*?")] == '\0' || pg_names_database(src, entry) ||
                       database_matches(entry, src->opt.maintenance_db); /* it may be empty */
        for (int k = 0; k < PQntuples(names) && !matched; k++) {
            matched = database_matches(entry, PQgetvalue(names, k, 0));
        }
        if (!matched) {
            return src->host->fail_option(
                src->ctx, option,
                "\"%s\" matches no database of %s; hint: correct it or remove it: names with * "
                "and ?, in upper and lower case as in the server",
                entry, pg_where(src));
        }
    }
    return HANGAR_OK;
}

static enum hangar_rc databases_add_matching(struct pg_source *src, const PGresult *names)
{
    enum hangar_rc rc =
        src->safety ? HANGAR_OK : databases_refuse_unmatched(src, "databases", names);
    if (rc == HANGAR_OK && !src->safety) {
        rc = databases_refuse_unmatched(src, "exclude_databases", names);
    }
    for (int i = 0; i < PQntuples(names) && rc == HANGAR_OK; i++) {
        const char *name = PQgetvalue(names, i, 0);
        if (pg_selects_database(src, name) && !pg_names_database(src, name)) {
            rc = databases_add(src, strdup(name));
        }
    }
    if (rc == HANGAR_OK && !src->database_count) {
        rc = src->host->fail(src->ctx, HANGAR_NOT_FOUND, 0,
                             "no user database on %s matches the options databases and "
                             "exclude_databases",
                             pg_where(src));
    }
    return rc;
}

/* ---- new names --------------------------------------------------------------------------- */

const char *pg_rename_entry(const struct pg_source *src, size_t index)
{
    return src->host->opt_list(src->ctx, "rename_databases", index);
}

/* Is this OLD=NEW for the database?  A name may have a "=". */
static bool database_is_renamed_by(const char *entry, const char *database)
{
    size_t size = strlen(database);
    return strncmp(entry, database, size) == 0 && entry[size] == '=';
}

char *pg_new_database_name(const struct pg_source *src, const char *database, bool *used)
{
    const char *entry, *every = NULL;
    for (size_t i = 0; (entry = pg_rename_entry(src, i)) != NULL; i++) {
        const bool is_every = database_is_every(entry);
        if (used && (is_every || database_is_renamed_by(entry, database))) {
            used[i] = true;
        }
        if (database_is_renamed_by(entry, database)) {
            return strdup(entry + strlen(database) + 1);
        }
        every = is_every ? entry + 2 : every;
    }
    if (!every) {
        return strdup(database);
    }
    const char *star = strchr(every, '*');
    return pg_format("%.*s%s%s", (int)(star - every), every, database, star + 1);
}

static enum hangar_rc databases_use_new_names(struct pg_source *src)
{
    for (size_t i = 0; i < src->database_count; i++) {
        char *name = pg_new_database_name(src, src->databases[i], NULL);
        if (!name) {
            return pg_no_memory(src);
        }
        free(src->databases[i]);
        src->databases[i] = name;
    }
    return HANGAR_OK;
}

enum hangar_rc pg_databases_refuse_unsafe(struct pg_source *src)
{
    if (!src->has_patterns || !pg_rename_entry(src, 0)) {
        return HANGAR_OK;
    }
    return src->host->fail_option(
        src->ctx, "rename_databases",
        "cannot be combined with patterns in databases when live data is replaced: its safety "
        "backup could miss a database; hint: --set %s.databases=NAME, once for each",
        src->host->instance_name(src->ctx));
}

/* ---- all of them ------------------------------------------------------------------------- */

static enum hangar_rc databases_find_by_patterns(struct pg_source *src)
{
    struct pg_conn *conn;
    PGresult *names;
    enum hangar_rc rc = pg_connect(src, src->opt.maintenance_db, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (pg_query(conn, src->safety ? replaceable_query : candidates_query, NULL, NULL, &names) !=
        HANGAR_OK) {
        rc = pg_raise(src, &conn->err, "cannot list the databases of %s", pg_where(src));
    } else {
        rc = databases_add_matching(src, names);
        PQclear(names);
    }
    pg_close(conn);
    return rc;
}

enum hangar_rc pg_databases_find(struct pg_source *src)
{
    enum hangar_rc rc = HANGAR_OK;
    if (!databases_entry(src, "databases", 0)) {
        return HANGAR_OK; /* the option database names it */
    }
    if (src->safety) {
        rc = pg_databases_refuse_unsafe(src);
    }
    databases_clear(src);
    if (rc == HANGAR_OK) {
        rc = databases_add_named(src);
    }
    if (rc == HANGAR_OK && src->has_patterns) {
        rc = databases_find_by_patterns(src);
    }
    return rc == HANGAR_OK && src->safety ? databases_use_new_names(src) : rc;
}
