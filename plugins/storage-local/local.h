/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * local: what the files of this plugin share.
 *
 *     storage-local.c   the options, the instance, reading, removing
 *     put.c             storing
 *     list.c            listing
 *     probe.c           the check of a directory before the first backup
 *     tree.c            directories and file names below the root
 *
 * Names are resolved component by component, with one openat each, and symbolic links are not
 * followed.  So no file outside the root can be reached, on any kernel, and missing directories are
 * made on the way.
 *
 * The root is opened once per instance.  Everything that follows is below that descriptor, and the
 * path must still lead to it: a disk that is unmounted, a folder that is moved and a mount that
 * covers it are failures, and a root that was there is never made again.
 *
 * An object that is being stored is a file ".tmp-RANDOM" in the directory of its name, locked with
 * flock as long as its put lives.  The kernel releases the lock when the process ends: a temporary
 * file that can be locked is a leftover of a dead process.
 */
#ifndef STORAGE_LOCAL_LOCAL_H
#define STORAGE_LOCAL_LOCAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <hangar/plugin.h>

#define TEMP_PREFIX ".tmp-"
#define NAME_SIZE_MAX 500 /* bytes */
#define COMPONENT_MAX 255 /* bytes of one component; the limit of Linux file systems */

struct local_sink {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    const char *root; /* the option path, which is absolute */
    uint64_t min_free;
    bool create; /* the root, where it is missing */
    char *description;
    pthread_mutex_t root_mutex; /* guards root_fd until it is open */
    int root_fd;                /* -1: not open yet; then it stays open, and is the same */
    dev_t root_dev;
    ino_t root_ino;
    atomic_flag swept; /* leftovers were removed beside the first directory that was made */
};

/* error.c */

/* Records "cannot <fmt>: <text of error_number>[; hint: ...]" and returns the code for this error
 * number. */
enum hangar_rc local_fail(struct local_sink *local, int error_number, const char *fmt, ...)
    HANGAR_PRINTF(3, 4);

#define SIZE_TEXT_SIZE 32
/* Writes a size for people, "12.3 GiB". */
void local_size_text(uint64_t bytes, char out[SIZE_TEXT_SIZE]);

/* tree.c */

/* Is this a valid name of an object, and not of a temporary file?  Records the failure when it is
 * not. */
enum hangar_rc local_check_name(struct local_sink *local, const char *name);
/* Is this one component of a valid name? */
bool local_is_component(const char *name);

/* Opens the root, as a descriptor of the caller.  With `make` it makes the root and the directories
 * above it where they are missing; without, HANGAR_NOT_FOUND, not recorded.  IO: the path does not
 * lead to the root any more that this instance has opened before. */
enum hangar_rc local_open_root(struct local_sink *local, bool make, int *fd);

/* Does the path still lead to the root that this instance has opened?  Records the failure when it
 * does not. */
enum hangar_rc local_check_root(struct local_sink *local);

/* Opens the directory of `name`, and makes missing ones with `make`.  *base is the last component,
 * inside `name`.  HANGAR_NOT_FOUND, not recorded: a directory is missing and `make` is false. */
enum hangar_rc local_open_parent(struct local_sink *local, const char *name, bool make, int *fd,
                                 const char **base);

/* Syncs the directory and the `depth` directories above it up to the root, so that a file in it
 * exists after a loss of power.  0, or -1 with errno. */
int local_sync_up(int dir, size_t depth);
/* How many directories a name has. */
size_t local_depth(const char *name);

/* Opens a subdirectory, but no symbolic link.  -1 with errno. */
int local_open_dir(int dir, const char *name);

/* Removes the directory of `name` and those above it, except the root, as far as they contain no
 * object, with the leftovers in them.  What cannot be removed stays; nothing is recorded. */
void local_tidy(struct local_sink *local, const char *name);
/* Is there an object in the directory or below it?  1: yes; 0: no; -1: none was found, and a part
 * could not be read.  Closes the descriptor; -1 is a directory that could not be opened. */
int local_has_object(int dir);

/* Makes a locked temporary file in `dir`.  -1 with errno; ENOENT: another process has removed the
 * directory just now. */
#define TEMP_NAME_SIZE 32
int local_make_temp(int dir, char name[TEMP_NAME_SIZE]);

/* Renames `from` to `to`, and replaces a file there unless `exclusive`.  0, or -1 with errno;
 * EEXIST: `exclusive`, and there is one. */
int local_rename(int dir, const char *from, const char *to, bool exclusive);

enum hangar_rc local_space(void *inst, struct hangar_space *space);
void local_fill_entry(struct hangar_entry *entry, const struct stat *st);

/* put.c */
enum hangar_rc local_put_open(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                              struct hangar_put **out);
enum hangar_rc local_put_write(struct hangar_put *put, const void *data, size_t size);
enum hangar_rc local_put_commit(struct hangar_put *put, struct hangar_entry *entry);
void local_put_abort(struct hangar_put *put);

/* list.c */
enum hangar_rc local_list(void *inst, struct hangar_page *page);

/* probe.c */
enum hangar_rc local_probe(void *inst, struct hangar_attrs *capabilities);

#endif
