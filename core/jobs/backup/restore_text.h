/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_text: RESTORE.txt, how a backup is restored with stock tools.
 */
#ifndef HG_BACKUP_RESTORE_TEXT_H
#define HG_BACKUP_RESTORE_TEXT_H

#include "base/error.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "plugin/instance.h"

/* RESTORE.txt for a backup whose manifest is complete but for its files.
 * `sources` are the instances, beside m->sources. */
enum hangar_rc hg_restore_text(const struct hg_manifest *m, struct hangar_ctx *const *sources,
                               struct hg_str *out, struct hg_error *err);

#endif
