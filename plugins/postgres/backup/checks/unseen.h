/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * unseen: what a database has and a backup of it lacks, because the server shows it to
 * superusers and owners only, or does not have it.  pg_dump leaves that out without an error.
 */
#ifndef PG_BACKUP_CHECKS_UNSEEN_H
#define PG_BACKUP_CHECKS_UNSEEN_H

#include "server/connection/connection.h"
#include "text.h"

#define PG_UNSEEN_FACT "not_seen"

/* Appends the list for one database, as "in database x: 1 subscription, ..."; nothing when the
 * role sees all.  A failure is reported to the host. */
enum hangar_rc pg_add_unseen(struct pg_conn *conn, const char *database, struct text *list);

/* Appends the passwords of the roles. */
void pg_add_unseen_passwords(struct text *list);

/* Logs a warning with the list, and makes it a fact; neither when it is empty. */
void pg_report_unseen(struct pg_source *src, const struct text *list, struct hangar_attrs *facts);

#endif
