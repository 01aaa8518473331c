/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean_case: what the tests of --mode clean share: two servers, a backup of one, and the expected
 * results in the other.
 */
#ifndef TEST_PLUGIN_REDIS_CLEAN_CASE_H
#define TEST_PLUGIN_REDIS_CLEAN_CASE_H

#include "run_asserts.h"
#include "server.h"

#define MANY ((size_t)1 << 20)

extern struct server source, target;
extern struct run backup;
extern char before[64]; /* digest of the target */
extern const char *const no_arguments[];

void note_target(void); /* stores it in `before` */

/* Starts a source with all kinds of data, makes its backup, and starts a target with `arguments`,
 * with other data and a function that returns 7; that of the backup returns 42. */
void set_up_clean(const char *const *arguments);
void tear_down_clean(void);

/* Restores the backup into the target with --mode clean. */
void restore_clean_with(struct run *run, const char *const *settings, uint32_t flags);
void restore_clean(struct run *run, uint32_t flags);

/* The result of the function of the target; -1 when there is none. */
long long target_answer(void);

/* The run is complete, and the target equals the source. */
void assert_replaced(struct run *run);

/* The run failed with this code and text, and no key has changed in any database. */
void assert_untouched(struct run *run, enum hangar_rc rc, const char *text);

/* `all` contains `part`. */
void assert_contains(const char *all, const char *part);

#endif
