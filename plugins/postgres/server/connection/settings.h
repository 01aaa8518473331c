/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * settings: the settings of a session, on which the text of rows depends.
 */
#ifndef PG_SERVER_CONNECTION_SETTINGS_H
#define PG_SERVER_CONNECTION_SETTINGS_H

#include "server/connection/connection.h"
#include "text.h"

/* The settings at the head of each object with rows, one statement a line, in this format
 * (rows_format.h): those that its text needs to be loaded.  Only the encoding varies. */
void pg_add_prelude(struct text *text, int format, const char *encoding);

/* Makes the settings of the newest format in a session. */
enum hangar_rc pg_apply_prelude(struct pg_conn *conn, const char *encoding);

/* Makes one setting. */
enum hangar_rc pg_set(struct pg_conn *conn, const char *name, const char *value);

/* Makes all settings of a session that reads rows, or loads them (pg_open_loader).
 * One that reads expands no view of a user where the server can refuse that (conn->restricts). */
enum hangar_rc pg_set_up_reader(struct pg_conn *conn);
enum hangar_rc pg_set_up_writer(struct pg_conn *conn);

/* Makes the settings of a session for statements about databases and roles. */
enum hangar_rc pg_set_up_maintenance(struct pg_conn *conn);

#endif
