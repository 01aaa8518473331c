/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state: the state of the schedules that must survive the daemon, as one file in the state
 * folder that is replaced atomically; and the lock that refuses a second daemon.
 */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include "plan.h"

/* Returns 0 and the descriptor of the lock, which lasts until it is closed; or an errno:
 * EWOULDBLOCK when another daemon uses the folder. */
int daemon_state_lock(const char *state_dir, int *fd);

/* The state of the schedules of a plan. */
struct daemon_state {
    struct daemon_state_entry {
        char *pipeline, *cron;
        char *timezone; /* NULL: the machine's */
        enum daemon_kind kind;
        int64_t last_ms, started_ms; /* as in struct daemon_schedule, and the next ones */
        char run[DAEMON_RUN_SIZE];
        unsigned lost, tries;
        int64_t retry_ms;
    } *entries;
    size_t count;
};

/* A copy of the state of a plan; NULL when out of memory. */
struct daemon_state *daemon_state_of(const struct daemon_plan *plan);

/* Sets the state of the schedules of a plan; NULL: none is known.  A schedule whose times
 * differ from those in the state continues from now. */
void daemon_state_apply(const struct daemon_state *state, struct daemon_plan *plan, int64_t now_ms);
void daemon_state_free(struct daemon_state *state); /* accepts NULL */

/* Parses a document hangar.daemon/1.  An entry that is not of a schedule is ignored.  NULL
 * when out of memory. */
struct daemon_state *daemon_state_parse(const json_t *document);

/* Returns 0 or an errno; EILSEQ when the file is not a state file.  *state is NULL when
 * there is no file; else it is the caller's. */
int daemon_state_load(const char *state_dir, struct daemon_state **state);
int daemon_state_save(const char *state_dir, const struct daemon_plan *plan);

#endif
