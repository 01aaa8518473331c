/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * patterns: whether each pattern of include_tables, exclude_tables and exclude_table_data names
 * something.  One that names nothing is a mistake: a backup without rows that it should have, which
 * is found out at a restore, or with rows that it should not have.
 */
#ifndef PG_BACKUP_CHECKS_PATTERNS_H
#define PG_BACKUP_CHECKS_PATTERNS_H

#include "server/connection/connection.h"

/* Zero it before use; pg_patterns_free ends it. */
struct pg_patterns {
    bool *matched; /* of each pattern of each option, in their order */
    size_t count;
};

/* Records which patterns match a relation of this database. */
enum hangar_rc pg_patterns_match(struct pg_conn *conn, const char *database,
                                 struct pg_patterns *patterns);

/* Fails when a pattern has matched in none of the databases.  One without a letter ("*") may. */
enum hangar_rc pg_patterns_refuse_unmatched(struct pg_source *src,
                                            const struct pg_patterns *patterns);

/* Adds each pattern to the facts of a backup, as OPTION.NUMBER: what is not in it. */
void pg_patterns_set(struct pg_source *src, struct hangar_attrs *facts);

void pg_patterns_free(struct pg_patterns *patterns);

#endif
