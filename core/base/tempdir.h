/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tempdir: a private folder for temporary files.  The process that made it
 * holds a lock on the file `lock` in it.  A folder whose lock is free belonged
 * to a process that died: the next hg_tempdir_make in the same base folder
 * removes it.
 */
#ifndef HG_BASE_TEMPDIR_H
#define HG_BASE_TEMPDIR_H

#include "base/error.h"

struct hg_tempdir {
    char *path;  /* NULL: there is none */
    int lock_fd; /* of the lock; valid while there is a path */
};

/* Removes the folders that dead processes left in `base`, then makes a new one there,
 * with mode 0700 and a name that begins with "hangar-job-".  The caller owns *out. */
enum hangar_rc hg_tempdir_make(const char *base, struct hg_tempdir *out, struct hg_error *err);

/* Removes the folder with all files in it, and frees `dir`.  Files that cannot be
 * removed now are removed by a later hg_tempdir_make. */
enum hangar_rc hg_tempdir_remove(struct hg_tempdir *dir, struct hg_error *err);

#endif
