/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * superseded: removes the safety backups that repeated tries of one restore no longer need.  The
 * first has the data from before all tries and the newest has the data of now: both stay, and so
 * does one that is held or that is being restored.  Those between them are removed.
 */
#ifndef HG_JOBS_RESTORE_SUPERSEDED_H
#define HG_JOBS_RESTORE_SUPERSEDED_H

#include "jobs/restore/restore_state.h"

/* After the safety backup of this try was stored.  What cannot be removed stays, with a line in
 * the log, and the next try removes it. */
void hg_superseded_remove(struct hg_restoration *r);

/* After a restore over live data that succeeded: the next one is another restore. */
void hg_superseded_end(struct hg_restoration *r);

#endif
