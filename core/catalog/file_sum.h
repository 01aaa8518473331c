/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * file_sum: the names and sizes of the files of a backup as three numbers, which do not depend on
 * the order.  A listing whose sum is that of the manifest has each file of the manifest, with its
 * size, and no other.  It must not know where the names come from.
 */
#ifndef HG_CATALOG_FILE_SUM_H
#define HG_CATALOG_FILE_SUM_H

#include <stdbool.h>
#include <stdint.h>

#include "catalog/manifest.h"

/* Zero: no files. */
struct hg_file_sum {
    uint64_t count, bytes, digest;
};

/* The name is relative to the folder of the backup. */
void hg_file_sum_add(struct hg_file_sum *sum, const char *name, uint64_t bytes);
bool hg_file_sum_equal(const struct hg_file_sum *a, const struct hg_file_sum *b);

/* Of the objects and files that a manifest lists. */
struct hg_file_sum hg_file_sum_of(const struct hg_manifest *m);

#endif
