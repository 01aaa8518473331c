/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tables_in: tables.jsonl on restore.
 */
#ifndef PG_RESTORE_ROWS_TABLES_IN_H
#define PG_RESTORE_ROWS_TABLES_IN_H

#include "restore/target/target.h"

/* A line of tables.jsonl. */
struct pg_table_line {
    struct text table;   /* "s"."t" */
    struct text columns; /* "\"a\", \"b\"" or "" */
    bool partitioned;
    uint64_t rows;
    struct pg_digest digest;
    struct text computed; /* generated columns, as columns; "": none, or of hangar 0.1 */
    struct pg_digest computed_digest; /* of the rows with them behind */
};

/* How many columns a list has. */
uint32_t pg_count_columns(const char *list);

/* HANGAR_CORRUPT, reported to the host, when the generated columns have other values. */
enum hangar_rc pg_table_verify_computed(struct pg_target *target, const struct pg_table_line *line,
                                        const struct pg_digest *digest);

/* Reads a line; false when hangar did not write it.  Both texts are reused. */
bool pg_table_line_parse(const char *text, bool utf8, struct pg_table_line *line);
void pg_table_line_free(struct pg_table_line *line);

/* Calls `each` for every line, until it fails. */
enum hangar_rc pg_each_table(struct pg_target *target,
                             enum hangar_rc (*each)(void *arg, const struct pg_table_line *line),
                             void *arg);

/* HANGAR_CORRUPT, reported to the host, when the rows of a table are not those of its line. */
enum hangar_rc pg_table_verify(struct pg_target *target, const struct pg_table_line *line,
                               uint64_t rows, const struct pg_digest *digest);

/* Checks that every table of tables.jsonl got its rows, and no other table any. */
enum hangar_rc pg_tables_check(struct pg_target *target);

#endif
