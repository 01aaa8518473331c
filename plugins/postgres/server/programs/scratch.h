/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * scratch: the throw-away server of a drill, as functions of struct hangar_source.
 */
#ifndef PG_SERVER_PROGRAMS_SCRATCH_H
#define PG_SERVER_PROGRAMS_SCRATCH_H

#include <hangar/plugin.h>
#include "server/instance/instance.h"

enum hangar_rc pg_scratch_start(void *inst, const char *dir, const struct hangar_attrs *facts,
                                struct hangar_attrs *overrides);
void pg_scratch_stop(void *inst);

/* Sets the fact "drills" when a drill would be refused on this machine. */
void pg_scratch_check(struct pg_source *src, struct hangar_attrs *facts);

#endif
