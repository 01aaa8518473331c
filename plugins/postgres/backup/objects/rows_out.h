/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rows_out: objects that hold rows.
 */
#ifndef PG_BACKUP_OBJECTS_ROWS_OUT_H
#define PG_BACKUP_OBJECTS_ROWS_OUT_H

#include "backup/objects/object.h"

/* Reads the next bytes; *got 0 after the end. */
enum hangar_rc pg_rows_read(struct pg_reader *reader, void *buffer, size_t size, size_t *got);

/* The first lines of an object. */
void pg_add_rows_head(struct text *text, const char *encoding);

/*
 * A table, read by a COPY TO on reader->worker; its text goes to reader->text.
 *
 *     pg_begin_table ──► pg_count_rows* ──► pg_end_table
 *
 * A failure is stored in worker->err and not reported to the host.
 */

/* Starts the COPY, and appends the head of the table (COPY "s"."t" ("a") FROM stdin;). */
enum hangar_rc pg_begin_table(struct pg_reader *reader, const char *sql, const char *table,
                              const char *columns, const char *kind);

/* Counts and digests rows that libpq returned.  The server sends one row at a time, but a
 * digest must not depend on that. */
enum hangar_rc pg_count_rows(struct pg_reader *reader, const char *rows, size_t size);

/* Checks that as many rows arrived as the server sent, and appends the trailer. */
enum hangar_rc pg_end_table(struct pg_reader *reader);

#endif
