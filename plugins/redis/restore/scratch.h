/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * scratch: the throw-away server of a drill.  It listens only on a Unix socket in its folder, has
 * no persistence, and reads no configuration file; throwaway.h describes the rest.
 */
#ifndef RD_RESTORE_SCRATCH_H
#define RD_RESTORE_SCRATCH_H

#include "instance.h"

/* Starts redis-server, and writes the options that lead to it into `overrides`. */
enum hangar_rc redis_scratch_start(void *inst, const char *dir, const struct hangar_attrs *facts,
                                   struct hangar_attrs *overrides);
void redis_scratch_stop(void *inst);

/* Sets the fact "drills" when a drill would be refused on this machine. */
void redis_scratch_check(struct redis *redis, struct hangar_attrs *facts);

#endif
