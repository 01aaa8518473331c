/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * project: which folder in the state folder belongs to the open configuration, so that two
 * configurations with a pipeline `nightly` share neither lock nor history nor alerts.
 *
 * A project is one or more configurations of one origin.  The file project.json of its folder
 * lists them by their canonical path, with their pipelines and the sinks of each.  A configuration
 * belongs to
 *   1. the project that lists its path and origin, else
 *   2. the project of the same origin with which it shares a sink of a pipeline of the same name
 *      (it was renamed or moved, or is a second one, such as restore.yaml beside backup.yaml), else
 *   3. the state folder itself, when no project has it: the first project, or that of hangar 0.1,
 *      which knew no projects, if that has no history or one of a pipeline of this configuration;
 *      else
 *   4. a new project, in projects/ID.
 *
 * Reading changes nothing.  The first write registers the configuration, under a lock, and may
 * then move to another folder than was read: only when two configurations begin at once.
 */
#ifndef HG_STATE_PROJECT_H
#define HG_STATE_PROJECT_H

#include <stdbool.h>

#include "base/error.h"
#include "state/project_members.h"
#include "state/state.h"

struct hg_project;

/* Finds the project of a configuration for state->dir, and sets state->project.  Takes what *mine
 * owns, also after a failure; its path need not be canonical yet. */
enum hangar_rc hg_project_open(struct hg_state *state, struct hg_project_member *mine,
                               const char *origin, struct hg_error *err);
void hg_project_close(struct hg_state *state);

/* The folder of the project; state->dir when there is none.  Valid until hg_project_close. */
const char *hg_project_dir(const struct hg_state *state);

/* Registers the configuration, once; to be called before a file is written. */
enum hangar_rc hg_project_enter(const struct hg_state *state, struct hg_error *err);

/* True when another configuration of the project, whose file exists, has this pipeline. */
bool hg_project_has_pipeline(const struct hg_state *state, const char *pipeline);

#endif
