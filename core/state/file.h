/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * file: reads and writes the files of the state folder by their names in it ("counters.json",
 * "manifests/nightly.local").  A file is replaced in one step; missing folders are made.  The
 * contents are the concern of the other modules.
 */
#ifndef HG_STATE_FILE_H
#define HG_STATE_FILE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "state/state.h"

/* The path of a file, for the caller to free.  Makes its folder if it is missing. */
enum hangar_rc hg_state_path(const struct hg_state *state, const char *name, char **path,
                             struct hg_error *err);

/* Locks a file, which is made if it is missing, until *fd is closed or the process ends.  If
 * another process holds the lock: waits, or returns EXISTS when `wait` is false. */
enum hangar_rc hg_state_lock_file(const struct hg_state *state, const char *name, bool wait,
                                  int *fd, struct hg_error *err);

/* True when a process holds the lock of a file.  Changes nothing. */
bool hg_state_is_locked(const struct hg_state *state, const char *name);

/* Reads a file of at most `max` bytes.  NOT_FOUND: there is none; CONFIG: it is larger. */
enum hangar_rc hg_state_read(const struct hg_state *state, const char *name, size_t max,
                             struct hg_str *out, struct hg_error *err);
enum hangar_rc hg_state_write(const struct hg_state *state, const char *name, const char *text,
                              size_t size, struct hg_error *err);

/* Reads a JSON object.  A file that is missing, too large (8 MiB) or damaged gives an empty
 * object.  *doc is set on OK only, for the caller to free. */
enum hangar_rc hg_state_load(const struct hg_state *state, const char *name, json_t **doc,
                             struct hg_error *err);
enum hangar_rc hg_state_save(const struct hg_state *state, const char *name, const json_t *doc,
                             struct hg_error *err);

#endif
