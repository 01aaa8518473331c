/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * choose: which databases of a backup a restore takes, and the names they get.
 */
#ifndef PG_RESTORE_CHOOSE_H
#define PG_RESTORE_CHOOSE_H

#include "server/instance/instance.h"

/* Makes the targets of src->restore.  A failure is reported to the host: the options name databases
 * that the backup does not have, or new names that cannot be. */
enum hangar_rc pg_choose_targets(struct pg_source *src);

#endif
