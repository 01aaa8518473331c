/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state: what the daemon remembers of its schedules between two lives, one file in the
 * state folder, always whole; and the lock that keeps a second daemon out.
 */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include "plan.h"

/* 0 and the lock's descriptor, which its end frees; an errno: EWOULDBLOCK when another
 * daemon has the folder. */
int daemon_state_lock(const char *state_dir, int *fd);

/* What is remembered of the schedules of a plan; NULL when out of memory. */
json_t *daemon_state_make(const struct daemon_plan *plan);
/* Sets it in those of another plan.  A schedule that was changed goes on from now. */
void daemon_state_apply(const json_t *state, struct daemon_plan *plan, int64_t now_ms);

/* 0, or an errno; EILSEQ when there is a file that is none of ours.  *state is NULL
 * when there is none. */
int daemon_state_load(const char *state_dir, json_t **state);
int daemon_state_save(const char *state_dir, const struct daemon_plan *plan);

#endif
