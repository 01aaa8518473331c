/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * target: a file that a command writes.  It is written under a temporary name in the same
 * folder, and gets its name only when it is complete and on disk.
 *
 *     cli_target_open ──► cli_target_write* ──► cli_target_close
 */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct cli_target {
    const char *path; /* NULL: fd is standard output, and stays open */
    mode_t mode;
    bool replace; /* an existing file; false: fail with EEXIST */
    int fd;
    char *folder, *temporary;
    int error;          /* errno of the first failure, or 0 */
    const char *failed; /* the action that failed: "write" */
};

/* Return 0, or -1 with t->error set.  Close the target in either case. */
int cli_target_open(struct cli_target *t);
int cli_target_write(void *target, const void *data, size_t size);

/* Gives a complete file its name, removes an incomplete one.  Sets t->error on failure. */
void cli_target_close(struct cli_target *t, bool whole);

/* The message of t->error: "cannot write a.tar.gz: the file exists"; `exists_hint` is the
 * hint for that case. */
void cli_target_text(const struct cli_target *t, const char *exists_hint, char *out, size_t size);

#endif
