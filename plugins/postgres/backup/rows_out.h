/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rows_out.h: objects that hold rows.
 */
#ifndef PG_ROWS_OUT_H
#define PG_ROWS_OUT_H

#include "backup/object.h"

/* Reads the next bytes; *got 0 after the end. */
enum hangar_rc pg_rows_read(struct pg_reader *reader, void *buffer, size_t size, size_t *got);

/* The head of an object; the head of a table (COPY "s"."t" ("a") FROM stdin;), and the
 * lines after its rows. */
void pg_add_rows_head(struct text *text, const char *encoding);
void pg_add_copy_head(struct text *text, const char *table, const char *columns, const char *kind);
void pg_add_copy_end(struct text *text, uint64_t rows, const struct pg_digest *digest);

/* Counts and digests the rows that libpq returned.  The server sends one row at a time,
 * but a digest must not depend on that. */
enum hangar_rc pg_count_rows(struct pg_conn *conn, const char *rows, size_t size, uint64_t *count,
                             struct pg_digest *digest);

#endif
