/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * marks: names and marks of the databases that a clean restore makes.
 *
 * A database belongs to hangar when two conditions hold: its name has the form that hangar gives,
 * with a hash of the target's name, and its comment is hangar's for this target.  CREATE DATABASE
 * cannot set a comment: until the comment exists, a connection limit that no user sets takes its
 * place.
 */
#include "restore/database/marks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "random.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/sql/quote.h"
#include "server/connection/statement.h"

uint32_t pg_clean_hash(const struct pg_target *target)
{
    return (uint32_t)XXH3_64bits(target->name, strlen(target->name));
}

enum hangar_rc pg_clean_new(struct pg_target *target)
{
    struct pg_source *src = target->src;
    struct pg_replacement *clean = target->clean = calloc(1, sizeof(*clean));
    if (!clean) {
        return pg_no_memory(src);
    }
    uint32_t random = 0;
    if (!random_fill(&random, sizeof(random))) {
        return src->host->fail(src->ctx, HANGAR_IO, errno, "cannot get random bytes");
    }
    snprintf(clean->into, sizeof(clean->into), "hangar_new_%08x_%08x", pg_clean_hash(target),
             random);
    snprintf(clean->retired, sizeof(clean->retired), PG_OLD_PREFIX "%08x_%08x",
             pg_clean_hash(target), random);
    text_addf(
        &clean->new_mark,
        "hangar: being restored to take the place of database %s; the next such restore drops "
        "it if this one dies",
        target->name);
    text_addf(
        &clean->old_mark,
        "hangar: this was database %s until a restore replaced it; the next such restore drops "
        "it",
        target->name);
    target->into = clean->into;
    return clean->new_mark.failed || clean->old_mark.failed ? pg_no_memory(src) : HANGAR_OK;
}

void pg_clean_free(struct pg_target *target)
{
    struct pg_replacement *clean = target->clean;
    if (!clean) {
        return;
    }
    text_free(&clean->new_mark);
    text_free(&clean->old_mark);
    text_free(&clean->leftovers);
    text_free(&clean->sessions);
    free(clean);
    target->clean = NULL;
}

enum hangar_rc pg_clean_find_oid(struct pg_target *target, struct pg_conn *conn, const char *name,
                                 char oid[16])
{
    PGresult *res;
    oid[0] = '\0';
    if (pg_query(conn, "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1", name, NULL,
                 &res) != HANGAR_OK) {
        return pg_raise(target->src, &conn->err, "cannot determine whether database %s exists",
                        name);
    }
    if (PQntuples(res) == 1) {
        snprintf(oid, 16, "%s", PQgetvalue(res, 0, 0));
    }
    PQclear(res);
    return HANGAR_OK;
}

enum hangar_rc pg_clean_mark(struct pg_target *target, struct pg_conn *conn)
{
    struct pg_replacement *clean = target->clean;
    struct text sql = {0};
    text_add(&sql, "COMMENT ON DATABASE ");
    pg_add_ident(&sql, clean->into);
    text_add(&sql, " IS ");
    pg_add_literal(&sql, text_str(&clean->new_mark));
    if (pg_command_text(conn, &sql) != HANGAR_OK) {
        return pg_raise(target->src, &conn->err, "cannot mark database %s", clean->into);
    }
    return pg_clean_find_oid(target, conn, clean->into, clean->into_oid);
}
