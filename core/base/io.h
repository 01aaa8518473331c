/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * io: functions for files.  Descriptors are close-on-exec, interrupted and short
 * calls are continued, and errors name the path.
 */
#ifndef HG_BASE_IO_H
#define HG_BASE_IO_H

#include <sys/types.h>
#include "base/error.h"
#include "base/str.h"

/* 0, or -1 with errno. */
int hg_write_all(int fd, const void *data, size_t size);
/* Reads `size` bytes, or up to the end of the file; returns the count, or -1 with errno. */
ssize_t hg_read_full(int fd, void *data, size_t size);

/* Reads a whole file of at most max bytes; CONFIG when it is larger. */
enum hangar_rc hg_read_file(const char *path, size_t max, struct hg_str *out, struct hg_error *err);

/* The same for an open file; `path` names it in errors. */
enum hangar_rc hg_read_open_file(int fd, const char *path, size_t max, struct hg_str *out,
                                 struct hg_error *err);

/* Writes a file durably: a temporary file beside `path`, fsync, rename, fsync of the
 * folder. */
enum hangar_rc hg_write_file(const char *path, const void *data, size_t size, mode_t mode,
                             struct hg_error *err);

/* Opens a file that is hangar's own for reading and writing, and makes it if it is missing; `flags`
 * are more flags of open.  IO for a symbolic link, a pipe and the like, without waiting. */
enum hangar_rc hg_open_own_file(const char *path, int flags, int *fd, struct hg_error *err);

/* Whether this process could write the file of this path, which need not exist, nor the folders
 * above it.  Makes nothing. */
enum hangar_rc hg_check_writable(const char *path, struct hg_error *err);

/* Makes the folder and those above it; new folders get the mode. */
enum hangar_rc hg_make_dirs(const char *path, mode_t mode, struct hg_error *err);

/* Removes a file, or a folder with all files below it; follows no symbolic link.  OK when
 * the path does not exist. */
enum hangar_rc hg_remove_tree(const char *path, struct hg_error *err);

/* The bytes of all files below path; 0 when it does not exist. */
uint64_t hg_tree_bytes(const char *path);

#endif
