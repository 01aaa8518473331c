/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * bin_dirs: the folders in which PostgreSQL's programs are searched for.
 */
#ifndef PG_SERVER_PROGRAMS_BIN_DIRS_H
#define PG_SERVER_PROGRAMS_BIN_DIRS_H

#include <stdbool.h>
#include "server/instance/instance.h"

/* Examines a folder.  `packaged`: its name states the version, see pg_packaged_major.
 * Returns whether any folder so far is usable. */
typedef bool pg_examine_dir(void *arg, const char *dir, bool packaged);

/* Calls `examine` for bin_dir alone when that option is set; else for the folders of
 * packages, and after them, unless one was usable, for those of PATH. */
void pg_each_bin_dir(const struct pg_source *src, pg_examine_dir *examine, void *arg);

/* The folders that pg_each_bin_dir calls, for messages. */
const char *pg_bin_dirs_text(const struct pg_source *src);

/* Whether a folder has all these programs; `names` ends with NULL. */
bool pg_has_programs(const char *dir, const char *const *names);

/* The major version in the name of a package's folder; 0: there is none. */
int pg_packaged_major(const char *dir);

#endif
