/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * scratch.h: throw-away servers for drills (scratch.c).
 */
#ifndef PG_SCRATCH_H
#define PG_SCRATCH_H

#include "server/pg.h"

enum hangar_rc pg_scratch_start(void *inst, const char *dir, const struct hangar_attrs *facts,
                                struct hangar_attrs *overrides);
void pg_scratch_stop(void *inst);
enum hangar_rc pg_inspect(void *inst, struct hangar_attrs *facts);

#endif
