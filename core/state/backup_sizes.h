/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup_sizes: how many bytes each source of a pipeline had in its last backup by this machine:
 * the estimate for the progress of the next one.  Nothing else may rely on it.
 */
#ifndef HG_STATE_BACKUP_SIZES_H
#define HG_STATE_BACKUP_SIZES_H

#include <stdint.h>
#include <hangar/hangar.h>

#include "catalog/manifest.h"
#include "state/state.h"

/* Stores the sizes of this backup; a partial one leaves those of the other sources.  A failure is
 * ignored. */
void hg_sizes_save(const struct hg_state *state, const struct hg_manifest *m);

/* The plain bytes of each of these sources; 0: unknown. */
void hg_sizes_load(const struct hg_state *state, const char *pipeline, const char *const *sources,
                   size_t count, uint64_t *bytes);

/* Fills the expected bytes of the running sources from their estimates (0: unknown), and returns
 * those of all; 0: unknown.  A source that has ended, or that has exceeded its estimate, counts
 * with what it has: so the share of the whole never decreases. */
uint64_t hg_sizes_expect(const uint64_t *estimates, struct hangar_progress_source *sources,
                         size_t count);

#endif
