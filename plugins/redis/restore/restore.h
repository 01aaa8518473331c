/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore.h: the two ways of restoring, behind restore.c.  Each is one pointer
 * from prepare to drop; prepare may leave it set when it fails.
 */
#ifndef RD_RESTORE_H
#define RD_RESTORE_H

#include "redis.h"

/* An attribute of the backup's object as a number, 0 when it is not there. */
uint64_t rd_backup_number(const struct redis *redis, const struct hangar_restore *how,
                          const char *name);

/* Into a running server, key by key (restore/live.c). */
struct rd_live;
enum hangar_rc rd_live_prepare(struct redis *redis, const struct hangar_restore *how,
                               struct rd_live **out);
enum hangar_rc rd_live_open(struct rd_live *live); /* before the first write; may delete data */
enum hangar_rc rd_live_write(struct rd_live *live, const void *data, size_t size);
enum hangar_rc rd_live_complete(struct rd_live *live); /* all bytes are in */
/* What may still fail or take long: comparing, trying functions out. */
enum hangar_rc rd_live_check(struct rd_live *live);
enum hangar_rc rd_live_end(struct rd_live *live, struct hangar_attrs *report);
void rd_live_drop(struct rd_live *live);

/* As a file, for a stopped server (restore/file.c). */
struct rd_file;
enum hangar_rc rd_file_prepare(struct redis *redis, const struct hangar_restore *how,
                               struct rd_file **out);
enum hangar_rc rd_file_open(struct rd_file *file);
enum hangar_rc rd_file_write(struct rd_file *file, const void *data, size_t size);
enum hangar_rc rd_file_complete(struct rd_file *file);
enum hangar_rc rd_file_end(struct rd_file *file, struct hangar_attrs *report);
void rd_file_drop(struct rd_file *file); /* removes what was not put in place */

#endif
