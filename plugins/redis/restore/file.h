/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * file: restores dump.rdb into the data folder of a stopped server (method: file).
 *
 *     rd_file_prepare ──► rd_file_open ──► rd_file_write* ──► rd_file_complete
 *                     ──► rd_file_end ──► rd_file_drop
 *
 * The file appears whole or not at all: it has its name only after rd_file_end.
 */
#ifndef RD_RESTORE_FILE_H
#define RD_RESTORE_FILE_H

#include "instance.h"

struct rd_file;

/* Refuses what cannot succeed, and writes the plan.  *out may be set after a failure. */
enum hangar_rc rd_file_prepare(struct redis *redis, const struct hangar_restore *how,
                               struct rd_file **out);
enum hangar_rc rd_file_open(struct rd_file *file);
enum hangar_rc rd_file_write(struct rd_file *file, const void *data, size_t size);
/* After the last byte: stores the file durably. */
enum hangar_rc rd_file_complete(struct rd_file *file);
/* Renames the file to dump.rdb, and fills the report. */
enum hangar_rc rd_file_end(struct rd_file *file, struct hangar_attrs *report);
/* Removes a file that was not renamed. */
void rd_file_drop(struct rd_file *file);

#endif
