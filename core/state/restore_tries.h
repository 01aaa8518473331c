/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_tries: the safety backups that the tries of a restore over live data have made, as long
 * as none of the tries succeeded.  A backup that was made before this file was written is not in
 * it, and nothing may rely on it but the removal of what it lists.  One file per pipeline,
 * "tries/PIPELINE".  The caller has the pipeline locked.
 */
#ifndef HG_STATE_RESTORE_TRIES_H
#define HG_STATE_RESTORE_TRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "state/state.h"

#define HG_TRIES_MAX 16 /* safety backups of one restore; further ones are left alone */
#define HG_TRIES_AGE_MS (INT64_C(7) * 86400000) /* then the last try is forgotten */

struct hg_try {
    char id[HG_BACKUP_ID_SIZE]; /* of the safety backup */
    char sink[80];              /* the name of the sink that has it */
};

/* Of the same targets, the oldest first. */
struct hg_tries {
    struct hg_try items[HG_TRIES_MAX];
    size_t count;
};

/* What a restore replaces, "SOURCE: TARGET" each.  Owns the texts; zeroed: none. */
struct hg_try_targets {
    char **items;
    size_t count, capacity;
};

/* Takes the text over, also after a failure; false for NULL, and when out of memory. */
bool hg_try_targets_add(struct hg_try_targets *targets, char *text);
void hg_try_targets_free(struct hg_try_targets *targets);

/* Reads the tries with exactly these targets. */
void hg_tries_load(const struct hg_state *state, const char *pipeline,
                   const struct hg_try_targets *targets, int64_t now_ms, struct hg_tries *out);
/* Replaces them. */
enum hangar_rc hg_tries_save(const struct hg_state *state, const char *pipeline,
                             const struct hg_try_targets *targets, int64_t now_ms,
                             const struct hg_tries *tries, struct hg_error *err);
/* Forgets the tries that have one of these targets: it is restored. */
void hg_tries_forget(const struct hg_state *state, const char *pipeline,
                     const struct hg_try_targets *targets, int64_t now_ms);

#endif
