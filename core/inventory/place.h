/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * place: the folder of one backup in one sink, for what brings a whole backup there
 * from elsewhere, import and copy.  To the sink they are runs as any other: with a mark,
 * a lease, and the manifest at the very end; hg_run_clean_up removes what failed.
 */
#ifndef HG_INVENTORY_PLACE_H
#define HG_INVENTORY_PLACE_H

#include "base/error.h"
#include "inventory/lease.h"
#include "jobs/backup/backup.h"

/* Takes the place of run->id in this sink, one of run->pipeline's, which is locked; it
 * becomes run->sinks[0].  EXISTS, and nothing is touched, when the backup is there
 * already, when its objects are not to be touched yet, and when another host is at it. */
enum hangar_rc hg_place_take(struct hg_run *run, size_t instance, struct hangar_ctx *ctx,
                             struct hg_error *err);

/* Stores the last files; those that are empty are stored already, or not there. */
enum hangar_rc hg_place_commit(struct hg_run *run, struct hg_lease *lease,
                               const struct hg_run_texts *texts, struct hg_error *err);

#endif
