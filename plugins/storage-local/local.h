/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * local.h: what the files of this plugin share.  tree.c opens, makes and removes
 * directories beneath the root, put.c stores, list.c lists, probe.c tries
 * everything out, storage-local.c is the plugin's border and reads.
 *
 * A name is resolved by walking it, one openat per component, following no
 * symbolic link.  So nothing outside the root is ever reached, on any kernel,
 * and the same walk makes the directories that are missing.
 *
 * An object being stored is a file ".tmp-RANDOM" in the directory of its name,
 * locked with flock while its put lives.  The lock goes with the process: a
 * temporary file that can be locked was left behind by a dead one.
 */
#ifndef LOCAL_H
#define LOCAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <hangar/plugin.h>

#define TEMP_PREFIX ".tmp-"
#define NAME_SIZE_MAX 500
#define COMPONENT_MAX 255 /* of a name; the limit of Linux file systems */

struct local {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    const char *root; /* the option, which is absolute */
    uint64_t min_free;
    char *description;
    atomic_flag swept; /* the leftovers beside the first directory made were looked for */
};

/* Records "cannot <what>: <cause of error_number>[; hint: ...]" and returns the
 * code that fits the error number. */
enum hangar_rc local_fail(struct local *local, int error_number, const char *fmt, ...)
    HANGAR_PRINTF(3, 4);

/* tree.c */

/* Is this a name the core may give, and not one of a temporary file?  Records
 * the failure when it is not. */
enum hangar_rc local_check_name(struct local *local, const char *name);
/* One component of such a name. */
bool local_is_component(const char *name);

/* Opens the root; with `make`, makes it first, with all directories above it. */
enum hangar_rc local_open_root(struct local *local, bool make, int *fd);

/* Opens the directory that holds `name`, making what is missing when `make`.
 * *base points at the last component, inside `name`.  HANGAR_NOT_FOUND, not
 * recorded, when a directory is missing and may not be made. */
enum hangar_rc local_open_parent(struct local *local, const char *name, bool make, int *fd,
                                 const char **base);

/* Syncs the directory and all above it up to the root, so that a file in it
 * can be found after a loss of power.  `depth` is how far the root is.  0, or
 * -1 with errno. */
int local_sync_up(int dir, size_t depth);
size_t local_depth(const char *name); /* of the directory of a name: its slashes */

/* Opens a subdirectory for reading, following no symbolic link. */
int local_open_dir(int dir, const char *name);

/* Removes the directory of `name` and those above it, as far as they hold no
 * object, with temporary files of dead processes in them.  Never the root. */
void local_tidy(struct local *local, const char *name);
/* Does the directory, or one below it, hold an object?  Takes the descriptor. */
bool local_has_object(int dir);

/* Makes a locked temporary file in `dir`.  -1 with errno; ENOENT: the directory
 * has just been removed. */
#define TEMP_NAME_SIZE 32
int local_make_temp(int dir, char name[TEMP_NAME_SIZE]);

/* Gives `from` the name `to`; with `exclusive` only when that is free, else
 * -1 with EEXIST.  `from` is gone then. */
int local_rename(int dir, const char *from, const char *to, bool exclusive);

/* storage-local.c */
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
/* "12.3 GiB" */
#define SIZE_TEXT_SIZE 32
void local_size_text(uint64_t bytes, char out[SIZE_TEXT_SIZE]);

#endif
