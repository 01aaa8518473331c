/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * locale: the locale of a database that is to be created.
 */
#ifndef PG_RESTORE_DATABASE_LOCALE_H
#define PG_RESTORE_DATABASE_LOCALE_H

#include "restore/target/target.h"

/* When the server lacks the locale: sets target->locale to a substitute, or refuses. */
enum hangar_rc pg_locale_choose(struct pg_target *target, struct pg_conn *conn);

#endif
