/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * io: files as the core needs them.  Descriptors are close-on-exec, calls go on
 * after EINTR and short counts, and errors name the path.
 */
#ifndef HG_IO_H
#define HG_IO_H

#include <sys/types.h>
#include "base/error.h"
#include "base/str.h"

/* 0, or -1 with errno. */
int hg_write_all(int fd, const void *data, size_t size);
/* Reads until `size` or the end of the file; the count, or -1 with errno. */
ssize_t hg_read_full(int fd, void *data, size_t size);

/* A whole file of at most max bytes (HANGAR_CONFIG when larger). */
enum hangar_rc hg_read_file(const char *path, size_t max, struct hg_str *out, struct hg_error *err);

/* Writes a temporary file beside `path`, syncs, renames, syncs the folder. */
enum hangar_rc hg_write_file(const char *path, const void *data, size_t size, mode_t mode,
                             struct hg_error *err);

/* Makes the folder and those above it, mode as given for new ones. */
enum hangar_rc hg_make_dirs(const char *path, mode_t mode, struct hg_error *err);

/* Removes a file or a folder with all below it; follows no symlink.  What is not
 * there is no error. */
enum hangar_rc hg_remove_tree(const char *path, struct hg_error *err);

/* Bytes in all files below path (0 when it is not there). */
uint64_t hg_tree_bytes(const char *path);

#endif
