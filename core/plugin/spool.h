/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * spool: a byte queue of limited size in an unlinked file, for bytes that do not fit
 * into memory.  For one thread at a time.
 */
#ifndef HG_PLUGIN_SPOOL_H
#define HG_PLUGIN_SPOOL_H

#include <stdint.h>
#include "base/error.h"

/* Makes the file in the folder `dir`, with mode 0600.  The disk space of bytes that were
 * read is released. */
enum hangar_rc hg_spool_open(const char *dir, uint64_t max_bytes, struct hangar_spool **out,
                             struct hg_error *err);
enum hangar_rc hg_spool_write(struct hangar_spool *spool, const void *data, size_t size,
                              struct hg_error *err);
/* *got == 0: the queue is empty. */
enum hangar_rc hg_spool_read(struct hangar_spool *spool, void *data, size_t size, size_t *got,
                             struct hg_error *err);
uint64_t hg_spool_bytes(const struct hangar_spool *spool);
void hg_spool_close(struct hangar_spool *spool);

#endif
