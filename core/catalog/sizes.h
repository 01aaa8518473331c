/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sizes: the most bytes of each file in a sink that is read whole into memory.  A larger one is
 * refused as damaged, so that a hostile store cannot fill the memory.
 */
#ifndef HG_CATALOG_SIZES_H
#define HG_CATALOG_SIZES_H

#include <stddef.h>

#define HG_MANIFEST_MAX ((size_t)64 << 20)
#define HG_RECORD_MAX ((size_t)1 << 20) /* of a verification */
#define HG_MARK_MAX ((size_t)64 << 10)  /* origin.json, run.json, hold.json, deleted.json */
#define HG_SIGNATURE_MAX ((size_t)256)  /* of the manifest, a hold or a record */

#endif
