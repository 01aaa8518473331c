/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * databases: which databases an instance is for.  The options have names, and patterns (* and ?,
 * or "all"); what the patterns mean is asked of the server for a backup, and of the backup for a
 * restore, which also may give other names (rename_databases).
 */
#ifndef PG_SERVER_CONNECTION_DATABASES_H
#define PG_SERVER_CONNECTION_DATABASES_H

#include "server/instance/instance.h"
#include "text.h"

#define PG_NAME_SIZE 64 /* bytes of a name with its NUL: a server cuts longer ones */

/* Reads the options.  Without patterns this sets src->databases. */
enum hangar_rc pg_databases_read(struct pg_source *src);
void pg_databases_free(struct pg_source *src);

/* Sets src->databases: all that the options mean on the server as it is now.  Names stay even when
 * the server does not have them.  Templates, databases that accept no connections, what a dead
 * restore left, and a maintenance_db without tables match no pattern.  For a safety backup: all
 * that a restore with these options can replace, by their new names. */
enum hangar_rc pg_databases_find(struct pg_source *src);

/* Fails, reported to the host, where it is not known before a restore over live data which
 * databases it will replace. */
enum hangar_rc pg_databases_refuse_unsafe(struct pg_source *src);

/* Do the options mean this database of a backup? */
bool pg_selects_database(const struct pg_source *src, const char *database);

/* Its new name on a restore, for the caller to free; NULL when memory runs out.  `used`, if not
 * NULL, has a place for each entry of rename_databases; those that name this database are set. */
char *pg_new_database_name(const struct pg_source *src, const char *database, bool *used);

/* Adds what the options mean, for people: "databases all, except x, with the new names crm=crm2".
 * A core that replaces data tells targets apart by it. */
void pg_describe_databases(const struct pg_source *src, struct text *out);

/* Entry `index` of rename_databases; NULL: no more. */
const char *pg_rename_entry(const struct pg_source *src, size_t index);

#endif
