/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * failures: the statements that failed in a restore that goes on after failures.
 */
#ifndef PG_RESTORE_TARGET_FAILURES_H
#define PG_RESTORE_TARGET_FAILURES_H

#include "restore/target/target.h"

#define PG_FAILURES_SHOWN 100 /* of more only the number is reported */

struct pg_failures {
    char *texts[PG_FAILURES_SHOWN]; /* "CREATE INDEX ...: the reason"; owned */
    size_t count;
};

/* Adds the statements that failed from what pg_restore printed.  False, and nothing is added:
 * pg_restore did not finish, as its last line shows; `ended`: that line was there, and was cut
 * off. */
bool pg_failures_add(struct pg_failures *failures, const struct pg_target *target,
                     const char *printed, bool ended);

/* Sets "failed" and "failed.1" and so on; nothing when no statement failed. */
void pg_failures_report(const struct pg_failures *failures, const struct hangar_host *host,
                        struct hangar_attrs *report);

void pg_failures_free(struct pg_failures *failures);

#endif
