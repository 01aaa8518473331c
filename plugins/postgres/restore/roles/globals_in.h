/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * globals_in: the statements of globals.sql, as pg_dumpall writes them, and the roles that
 * they concern.  It must not know servers and restores.
 */
#ifndef PG_RESTORE_ROLES_GLOBALS_IN_H
#define PG_RESTORE_ROLES_GLOBALS_IN_H

#include <stdbool.h>
#include <stddef.h>
#include "text.h"

enum pg_global_kind {
    PG_GLOBAL_UNKNOWN,          /* pg_dumpall writes no such statement */
    PG_GLOBAL_SETTING,          /* SET: at its head, each session has them */
    PG_GLOBAL_BECOME,           /* SET SESSION AUTHORIZATION name: who grants what follows */
    PG_GLOBAL_RESET,            /* RESET SESSION AUTHORIZATION */
    PG_GLOBAL_CREATE_ROLE,      /* name */
    PG_GLOBAL_ATTRIBUTES,       /* ALTER ROLE name WITH ... */
    PG_GLOBAL_OF_ROLE,          /* settings, comment, label of role name */
    PG_GLOBAL_MEMBERSHIP,       /* GRANT name TO other ... GRANTED BY grantor */
    PG_GLOBAL_RIGHT,            /* GRANT, REVOKE on a parameter; other is the grantee */
    PG_GLOBAL_TABLESPACE_RIGHT, /* the same on tablespace name */
    PG_GLOBAL_CREATE_TABLESPACE,
    PG_GLOBAL_OF_TABLESPACE,
};

/* A statement without its semicolon.  Zero it before use; the names are reused. */
struct pg_global {
    enum pg_global_kind kind;
    const char *text;
    size_t size;
    size_t rest; /* where the text behind the names begins */
    size_t by;   /* where " GRANTED BY" begins; size: there is none */
    struct text name, other, grantor;
};

struct pg_globals_reader {
    const char *at, *end; /* the rest of the file */
};

/* Reads the next statement; comments and commands of psql are skipped.  False at the end. */
bool pg_global_next(struct pg_globals_reader *in, struct pg_global *out);
void pg_global_free(struct pg_global *global);

/* Appends the attributes of PG_GLOBAL_ATTRIBUTES that a new role does not have anyway; to name the
 * others would need rights that creating the role does not. */
void pg_global_add_attributes(struct text *text, const struct pg_global *global);

#endif
