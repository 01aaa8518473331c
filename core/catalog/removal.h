/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * removal: the content of deleted.json, which marks that hangar has begun to remove this backup.
 * Where the sink has signing keys, a MAC covers it, so that no one else can begin a removal.  It
 * must not know when a backup is removed.
 */
#ifndef HG_CATALOG_REMOVAL_H
#define HG_CATALOG_REMOVAL_H

#include <stdbool.h>

#include "base/str.h"
#include "catalog/signing.h"

struct hg_removal {
    const char *pipeline, *id; /* of the backup */
    const char *host, *reason;
};

/* The text of deleted.json; `signing` may be NULL.  malloc'd, NULL when out of memory. */
char *hg_removal_text(const struct hg_signing *signing, const struct hg_removal *removal);

/* Does this text prove that hangar has begun to remove this backup? */
bool hg_removal_is_proven(const struct hg_signing *signing, const char *pipeline, const char *id,
                          const struct hg_str *text);

#endif
