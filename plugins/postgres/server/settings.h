/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * settings.h: the settings of a session, on which the text of rows depends.
 */
#ifndef PG_SETTINGS_H
#define PG_SETTINGS_H

#include "server/connection.h"
#include "text.h"

/* The settings under which all rows are read and written, one statement a line, as they
 * stand at the head of each object with rows.  Only the encoding varies. */
void pg_add_prelude(struct text *text, const char *encoding);

/* Runs the prelude and the other settings of a session that reads a backup or writes a restore. */
enum hangar_rc pg_set_up_reader(struct pg_conn *conn);
enum hangar_rc pg_set_up_writer(struct pg_conn *conn);

#endif
