/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * targets: the instances that a backup's sources are restored into, for restore
 * and for drills: both do exactly the same, with other options.
 *
 *     init ──► add* ──► look? ──► prepare ──► push ──► free
 *
 * After prepare, end is due whatever happens; free calls it.
 */
#ifndef HG_RESTORE_TARGETS_H
#define HG_RESTORE_TARGETS_H

#include <stdbool.h>

#include "base/error.h"
#include "catalog/manifest.h"
#include "inventory/object_infos.h"
#include "pipeline/push.h"
#include "session/progress.h"
#include "session/session.h"

/* One source that is restored. */
struct hg_target {
    const struct hg_manifest_source *from;
    struct hangar_ctx *ctx;
    struct hg_infos infos;
    struct hangar_restore how;
    struct hangar_text plan;
    struct hg_push push;
    bool prepared; /* restore_end is due */
    int empty;     /* after look: nothing in the target would be lost */
};

/* What is the caller's and outlives them: the session, the manifest, the sink, the chain. */
struct hg_targets {
    struct hg_session *session;
    const struct hg_manifest *manifest;
    struct hangar_ctx *sink;
    struct hangar_ctx *const *chain;
    struct hg_target *items; /* room for all of the manifest's sources */
    size_t count;
    pthread_mutex_t mutex; /* guards running */
    bool running;          /* the pushes can be asked how far they are */
};

enum hangar_rc hg_targets_init(struct hg_targets *t, struct hg_session *session,
                               const struct hg_manifest *manifest, struct hangar_ctx *sink,
                               struct hangar_ctx *const *chain, struct hg_error *err);
void hg_targets_free(struct hg_targets *t);

/* The configured instance for a source of a manifest; CONFIG when there is none, or
 * it is of another plugin. */
enum hangar_rc hg_target_instance(const struct hangar *h, const struct hg_manifest_source *from,
                                  size_t *instance, struct hg_error *err);

/* Takes an opened instance, which stays the session's; `flags` are HANGAR_RESTORE_...  */
enum hangar_rc hg_targets_add(struct hg_targets *t, const struct hg_manifest_source *from,
                              struct hangar_ctx *ctx, uint32_t flags, struct hg_error *err);

/* Looks at all of them and changes nothing: would it work, and what do they hold?  Where a
 * hook of this name (NULL: none) comes before the restore itself, what is in the way now
 * (EXISTS) may be gone by then: it stands in the plan, and is no failure. */
enum hangar_rc hg_targets_look(struct hg_targets *t, const char *hook, struct hg_error *err);
/* Gets all of them ready to be restored into. */
enum hangar_rc hg_targets_prepare(struct hg_targets *t, struct hg_error *err);
/* Loads all of them at once, and when all are in ends one after the other; each
 * push->report then says what was done, and push.restored whether it was. */
enum hangar_rc hg_targets_push(struct hg_targets *t, struct hg_error *err);
/* Ends those that were prepared and not pushed. */
void hg_targets_end(struct hg_targets *t);

/* Adds the figures of the loads that run.  To be called in the monitor thread. */
void hg_targets_progress(struct hg_targets *t, struct hg_progress *progress);

#endif
