/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_text: writes RESTORE.txt, the instructions for a restore with stock tools.
 */
#ifndef HG_INVENTORY_RESTORE_TEXT_H
#define HG_INVENTORY_RESTORE_TEXT_H

#include "base/error.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "plugin/instance.h"

/* Writes RESTORE.txt for a manifest that is complete except for its files.  `sources` are the
 * open instances, one for each source of the manifest.  The caller frees *out. */
enum hangar_rc hg_restore_text(const struct hg_manifest *m, struct hangar_ctx *const *sources,
                               struct hg_str *out, struct hg_error *err);

#endif
