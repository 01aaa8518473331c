/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * spool: a bounded byte queue in an unlinked file, for bytes that cannot wait
 * for memory.  One thread at a time.
 */
#ifndef HG_SPOOL_H
#define HG_SPOOL_H

#include <stdint.h>
#include "base/error.h"

/* In the folder `dir`, mode 0600.  The space of what was read is given back. */
enum hangar_rc hg_spool_open(const char *dir, uint64_t max_bytes, struct hangar_spool **out,
                             struct hg_error *err);
enum hangar_rc hg_spool_write(struct hangar_spool *spool, const void *data, size_t size,
                              struct hg_error *err);
/* *got == 0: empty just now. */
enum hangar_rc hg_spool_read(struct hangar_spool *spool, void *data, size_t size, size_t *got,
                             struct hg_error *err);
uint64_t hg_spool_bytes(const struct hangar_spool *spool);
void hg_spool_close(struct hangar_spool *spool);

#endif
