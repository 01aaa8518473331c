/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * target: a file that a command writes.  It appears under its name only when it is
 * whole and on the disk: it is written beside it, under another name, first.
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
    bool replace; /* one that is there; without it that is EEXIST */
    int fd;
    char *folder, *temporary;
    int error;          /* errno of what failed first, or 0 */
    const char *failed; /* and what that was: "write" */
};

/* Whatever becomes of it, close it.  0, or -1 with t->error. */
int cli_target_open(struct cli_target *t);
int cli_target_write(void *target, const void *data, size_t size);

/* Gives what is whole its name, and removes what is not; t->error says how that went. */
void cli_target_close(struct cli_target *t, bool whole);

/* Why it could not be written, for a person: "cannot write a.tar.gz: it is there already";
 * `taken` is what to do about that. */
void cli_target_text(const struct cli_target *t, const char *taken, char *out, size_t size);

#endif
