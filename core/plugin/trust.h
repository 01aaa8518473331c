/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * trust: opens the file of a plugin only where no other user could have placed or
 * changed it.  It must not know plugins, only paths and permissions.
 */
#ifndef HG_TRUST_H
#define HG_TRUST_H

#include "base/error.h"

/* Opens the file at the absolute `path` for reading.  The file and every folder of its path
 * must belong to root or to this user, must not be a symbolic link, and must not be writable
 * by group or others.  (A sticky folder such as /tmp may be part of the path, but must not
 * contain the file itself.)  The error names the component that is refused, and a command
 * that corrects it.  The caller closes *fd. */
enum hangar_rc hg_trust_open(const char *path, int *fd, struct hg_error *err);

#endif
