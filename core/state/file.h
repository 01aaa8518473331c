/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state_file: the files of the state folder, by their names in it ("counters.json",
 * "manifests/nightly.local").  Each is whole at any time; folders are made when they
 * are written to.  What the files say is their owners'.
 */
#ifndef HG_STATE_FILE_H
#define HG_STATE_FILE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "state/state.h"

/* The path, whose folder is there; free it. */
enum hangar_rc hg_state_path(const struct hg_state *state, const char *name, char **path,
                             struct hg_error *err);

/* Locks a file of this name, which is made if need be, until *fd is closed or the process
 * ends.  Waits for whoever has it, or does not: EXISTS. */
enum hangar_rc hg_state_lock_file(const struct hg_state *state, const char *name, bool wait,
                                  int *fd, struct hg_error *err);

/* NOT_FOUND when there is none. */
enum hangar_rc hg_state_read(const struct hg_state *state, const char *name, size_t max,
                             struct hg_str *out, struct hg_error *err);
enum hangar_rc hg_state_write(const struct hg_state *state, const char *name, const char *text,
                              size_t size, struct hg_error *err);

/* The same of a JSON object.  One that is not there, too large or damaged is as good as an
 * empty one; *doc is set on OK only. */
enum hangar_rc hg_state_load(const struct hg_state *state, const char *name, json_t **doc,
                             struct hg_error *err);
enum hangar_rc hg_state_save(const struct hg_state *state, const char *name, const json_t *doc,
                             struct hg_error *err);

#endif
