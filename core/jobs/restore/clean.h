/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean: what a restore over live data does before it changes anything.
 */
#ifndef HG_JOBS_RESTORE_CLEAN_H
#define HG_JOBS_RESTORE_CLEAN_H

#include "base/error.h"
#include "base/json.h"
#include "jobs/restore/restore_state.h"

/* Locks the pipeline of the selected backup until the end of the restore: a backup would block
 * the swap, and a prune could remove the backup that is restored.  Does nothing without
 * HANGAR_REQUEST_CLEAN or in a dry run.  EXISTS, and r->busy: another job holds the lock. */
enum hangar_rc hg_clean_lock(struct hg_restoration *r, struct hg_error *err);

/* Checks all targets and makes the safety backup of those that hold data.  A dry run only
 * checks. */
enum hangar_rc hg_clean_begin(struct hg_restoration *r, struct hg_error *err);

/* Sets the field "safety" of hangar.restore/1. */
void hg_clean_document(const struct hg_restoration *r, json_t *doc);

/* The line about the safety backup in the plan of a target, for the caller to free; NULL: none. */
char *hg_clean_plan_line(const struct hg_restoration *r, const struct hg_target *target);

#endif
