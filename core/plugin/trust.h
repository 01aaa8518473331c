/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * trust: opens a plugin's file only where nobody else could have put or changed
 * it.  Knows paths and permissions, not plugins.
 */
#ifndef HG_TRUST_H
#define HG_TRUST_H

#include "base/error.h"

/* Opens the file at the absolute `path` for reading.  Every folder on the way
 * and the file belong to root or to us, are no symlink, and are not writable by
 * group or others (a sticky folder such as /tmp is passed through, but does not
 * hold the file itself).  The error names the component that is not so and the
 * command that mends it.  The caller closes *fd. */
enum hangar_rc hg_trust_open(const char *path, int *fd, struct hg_error *err);

#endif
