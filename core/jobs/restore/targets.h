/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * targets: the instances that the sources of a backup are restored into.  Restore and drills
 * use them in the same way, with different options.
 *
 *     init ──► add* ──► check? ──► prepare ──► load ──► free
 *
 * After prepare, end must be called, also when a later step fails; free calls it.
 */
#ifndef HG_JOBS_RESTORE_TARGETS_H
#define HG_JOBS_RESTORE_TARGETS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "catalog/manifest.h"
#include "inventory/object_infos.h"
#include "pipeline/push.h"
#include "session/plugin_set.h"
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
    bool prepared; /* restore_end must be called */
    int empty;     /* after check: a clean restore would replace no data */
};

/* The session, the manifest and what `from` points to belong to the caller and outlive this. */
struct hg_targets {
    struct hg_session *session;
    const struct hg_manifest *manifest;
    struct hg_object_reader from;
    struct hg_target *items; /* room for all sources of the manifest */
    size_t count;
    pthread_mutex_t mutex; /* guards running */
    bool running;          /* the pushes exist, and have figures for hg_targets_progress */
};

enum hangar_rc hg_targets_init(struct hg_targets *t, struct hg_session *session,
                               const struct hg_manifest *manifest,
                               const struct hg_object_reader *from, struct hg_error *err);
void hg_targets_free(struct hg_targets *t);

/* Finds the configured instance for a source of a manifest.  CONFIG: there is none, or it has
 * another plugin.  UNSUPPORTED: its plugin cannot restore. */
enum hangar_rc hg_target_instance(const struct hg_config *config,
                                  const struct hg_plugin_set *plugins,
                                  const struct hg_manifest_source *from, size_t *instance,
                                  struct hg_error *err);

/* Adds an open instance, which still belongs to the session; `flags` are HANGAR_RESTORE_... */
enum hangar_rc hg_targets_add(struct hg_targets *t, const struct hg_manifest_source *from,
                              struct hangar_ctx *ctx, uint32_t flags, struct hg_error *err);

/* Checks all targets and changes nothing: whether the restore is possible, and whether they hold
 * data.  If a hook of this name (NULL: none) will run before the restore, a target that is
 * refused with EXISTS is not a failure, because the hook may change that; the plan shows it. */
enum hangar_rc hg_targets_check(struct hg_targets *t, const char *hook, struct hg_error *err);
/* Prepares all targets for the load. */
enum hangar_rc hg_targets_prepare(struct hg_targets *t, struct hg_error *err);
/* Loads all targets in parallel and, when all of them are loaded, ends one after the other.
 * Then push->report of each contains what was done, and push.restored whether it is restored. */
enum hangar_rc hg_targets_load(struct hg_targets *t, struct hg_error *err);
/* Ends the targets that were prepared and not loaded. */
void hg_targets_end(struct hg_targets *t);

/* Adds the figures of the loads that run.  To be called in the monitor thread. */
void hg_targets_progress(struct hg_targets *t, struct hg_progress *progress);

#endif
