/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * history: how the runs of each pipeline ended on this machine.  Reports and alerts read the
 * last one; which backups exist is read from the sinks alone.
 */
#ifndef HG_STATE_HISTORY_H
#define HG_STATE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <hangar/hangar.h>

#include "base/error.h"
#include "base/json.h"
#include "state/state.h"

/* One run of a pipeline.  Strings may be NULL. */
struct hg_history_run {
    const char *run, *id; /* id: of the backup that the run left in a sink */
    enum hangar_status status;
    const char *error;
    int64_t started_ms;
    int64_t duration_ms, stored_bytes; /* -1: not known */
    int64_t retry_ms; /* of one that failed: the daemon tries again then; -1 or 0: it does not */
    /* Of one that was read: */
    bool exists;  /* false: there is none */
    json_t *line; /* owns the strings */
};

/* Appends a run to the history of a pipeline.  A failure is only logged. */
void hg_history_append(const struct hg_state *state, const char *pipeline,
                       const struct hg_history_run *run);

/* Jobs that are not runs of the whole pipeline have journals of their own: its name and this.
 * They are never the last run. */
#define HG_HISTORY_RUNS ""
#define HG_HISTORY_RESTORES ".restores"
#define HG_HISTORY_VERIFY ".verify"
#define HG_HISTORY_PARTIAL ".partial" /* backups of some sources */

/* Appends such a job.  A failure is only logged. */
void hg_history_append_apart(const struct hg_state *state, const char *pipeline, const char *suffix,
                             const struct hg_history_run *run);

/* Reads the last run of a pipeline; see `exists`.  Fails when its history is there and cannot be
 * read; then there is none, too.  Free *last with hg_history_free. */
enum hangar_rc hg_history_last(const struct hg_state *state, const char *pipeline,
                               struct hg_history_run *last, struct hg_error *err);
void hg_history_free(struct hg_history_run *run);

/* Calls fn with each run of a journal, the oldest first.  `run` lives until fn returns; its strings
 * as long as fn keeps a reference to its line.  Fails as hg_history_last does. */
enum hangar_rc hg_history_each(const struct hg_state *state, const char *pipeline,
                               const char *suffix,
                               void (*fn)(void *arg, const struct hg_history_run *run), void *arg,
                               struct hg_error *err);

/* A run that was read, as documents show it: a new object, or null when there is none. */
json_t *hg_history_json(const struct hg_history_run *run);

#endif
