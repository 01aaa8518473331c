/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * roles: globals.sql on restore.
 */
#ifndef PG_RESTORE_ROLES_ROLES_H
#define PG_RESTORE_ROLES_ROLES_H

#include "server/instance/instance.h"

enum hangar_rc pg_roles_restore(struct pg_source *src, const char *path);

#endif
