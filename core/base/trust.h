/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * trust: opens a file only where no other user could have placed or changed it: plugins,
 * configurations, secrets.  It must not know them, only paths and permissions.
 */
#ifndef HG_BASE_TRUST_H
#define HG_BASE_TRUST_H

#include "base/error.h"

/* Opens the file at the absolute `path` for reading.  The file and every folder of its path
 * must belong to root or to this user, must not be a symbolic link, and must not be writable
 * by group or others.  (A sticky folder such as /tmp may be part of the path, but must not
 * contain the file itself.)  The error names the component that is refused, and a command
 * that corrects it.  The caller closes *fd. */
enum hangar_rc hg_trust_open(const char *path, int *fd, struct hg_error *err);

/* The same for a file that an operator names, with what is common there:
 *
 *  - Symbolic links are followed; every folder on the way is checked.
 *  - A group may write when only the owner is in it: its name is that of the owner, whose primary
 *    group it is, and it has no other member.
 *  - The file may lie in a sticky folder, and its owner must be root or this user.
 *  - On a file system that is mounted read-only nothing is checked: no user can change the file
 *    through it.  (A container gets its configuration so, with any owner and mode.)
 *
 * A relative path begins in the current folder. */
enum hangar_rc hg_trust_open_named(const char *path, int *fd, struct hg_error *err);

/* Checks the file of a program in the same way; one that is searched in PATH is not checked. */
enum hangar_rc hg_trust_program(const char *program, struct hg_error *err);

#endif
