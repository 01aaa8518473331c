/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * inspect: whether jobs can write what the state folder contains.  Files that hangar did not make
 * are ignored: the folder may be the home of a user.
 */
#ifndef HG_STATE_INSPECT_H
#define HG_STATE_INSPECT_H

#include "base/error.h"
#include "base/str.h"
#include "state/state.h"

/* Appends a line for each file or folder that is not of its kind or that this user may not write.
 * Changes nothing.  A state folder that is not there yet has none. */
enum hangar_rc hg_state_inspect(const struct hg_state *state, struct hg_str *problems,
                                struct hg_error *err);

#endif
