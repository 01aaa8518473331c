/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * overrides: the options that a restore request sets for its targets ("SOURCE.OPTION=VALUE").
 */
#ifndef HG_JOBS_RESTORE_OVERRIDES_H
#define HG_JOBS_RESTORE_OVERRIDES_H

#include <stddef.h>

#include "base/error.h"
#include "catalog/manifest.h"
#include "config/options.h"

#define HG_RESTORE_OVERRIDES_MAX 64 /* in one request */

struct hg_restore_overrides {
    char *text; /* copies of the settings, cut at "." and "="; the items point into it */
    struct hg_override items[HG_RESTORE_OVERRIDES_MAX];
    const char *sources[HG_RESTORE_OVERRIDES_MAX]; /* beside items */
    size_t count;
};

/* Parses the NULL-terminated settings (NULL: none), whose sources must be in the manifest.
 * CONFIG when one is not valid.  Free with hg_restore_overrides_free, also after a failure. */
enum hangar_rc hg_restore_overrides_parse(struct hg_restore_overrides *overrides,
                                          const char *const *settings,
                                          const struct hg_manifest *manifest, struct hg_error *err);
void hg_restore_overrides_free(struct hg_restore_overrides *overrides);

/* Copies those of one source, at most `room`, to `out` and returns their number. */
size_t hg_restore_overrides_of(const struct hg_restore_overrides *overrides, const char *source,
                               struct hg_override *out, size_t room);

#endif
