/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * startup: the settings that every session has from its first moment on, those of the client
 * tools included.
 */
#ifndef PG_SERVER_CONNECTION_STARTUP_H
#define PG_SERVER_CONNECTION_STARTUP_H

/* The setting of the server (since the minor versions of August 2024) that refuses to expand
 * views and foreign tables of users, and its value.  A session that reads a backup as superuser
 * would otherwise run the code of a view that takes the place of a table. */
#define PG_RESTRICT_SETTING "restrict_nonsystem_relation_kind"
#define PG_RESTRICT_VALUE "view,foreign-table"

enum pg_session {
    PG_SESSION_PLAIN,
    PG_SESSION_READS, /* of a client tool, where the server has PG_RESTRICT_SETTING */
    PG_SESSION_LOADS, /* with the settings of the database, save those that guard the session */
};

/* The options for libpq ("-c search_path= ..."), for the caller to free; NULL when memory runs
 * out.  `version` is that of the server; 0 before it is known: limits that came with a version are
 * left out then, because a server without them refuses the session. */
char *pg_startup_options(enum pg_session session, int version);

/* The statement that lifts these limits in a session; NULL: there are none in this version. */
const char *pg_startup_limits(int version);

#endif
