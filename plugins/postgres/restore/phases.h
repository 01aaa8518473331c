/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * phases: what happens between the phases of a restore.
 */
#ifndef PG_RESTORE_PHASES_H
#define PG_RESTORE_PHASES_H

#include "restore/target/target.h"

/* A function of struct hangar_source. */
enum hangar_rc pg_restore_phase_end(void *inst, uint32_t phase);

/* Does all that comes after the rows of a target. */
enum hangar_rc pg_finish_target(struct pg_target *target);

#endif
