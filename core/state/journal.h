/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * journal: files of the state folder to which each job appends a line of JSON.  The journal
 * does not interpret the lines: history and verification records do.
 */
#ifndef HG_STATE_JOURNAL_H
#define HG_STATE_JOURNAL_H

#include "base/error.h"
#include "base/json.h"
#include "state/state.h"

/* Appends a line to the journal of this name.  A failure is only logged: no job fails because
 * its line cannot be written. */
void hg_journal_append(const struct hg_state *state, const char *name, const json_t *line);

/* Both fail when there is a journal that cannot be read: nothing is known then, which is not the
 * same as that nothing was done.  A line that a crash has cut is skipped. */

/* Calls fn with each line, the oldest first.  `line` lives until fn returns, unless fn takes a
 * reference. */
enum hangar_rc hg_journal_each(const struct hg_state *state, const char *name,
                               void (*fn)(void *arg, const json_t *line), void *arg,
                               struct hg_error *err);

/* The last line, for the caller to free; NULL when there is none. */
enum hangar_rc hg_journal_last(const struct hg_state *state, const char *name, json_t **line,
                               struct hg_error *err);

#endif
