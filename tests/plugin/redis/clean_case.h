/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean_case: what the tests of --mode clean share: two servers, a backup of one, and what
 * is expected of the other.
 */
#ifndef CLEAN_CASE_H
#define CLEAN_CASE_H

#include "run.h"
#include "server.h"

#define MANY ((size_t)1 << 20)

extern struct server source, target;
extern struct run backup;
extern char before[64]; /* digest of the target */
extern const char *const no_arguments[];

void note_target(void); /* into `before` */

/* A source with all kinds of data, its backup, and a target, started with `arguments`,
 * with other data and a function that answers 7 where the backup's answers 42. */
void set_up(const char *const *arguments);
void tear_down(void);

/* Restores the backup into the target with --mode clean. */
void clean_with(struct run *run, const char *const *settings, uint32_t flags);
void clean(struct run *run, uint32_t flags);

/* What the target's function answers, -1 when there is none. */
long long answer(void);

/* It is done, and the target equals the source. */
void assert_replaced(struct run *run);

/* It failed so, and no key has changed in any database. */
void assert_untouched(struct run *run, enum hangar_rc rc, const char *text);

void assert_says(const char *all, const char *part);

#endif
