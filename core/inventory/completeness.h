/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * completeness: compares what is in the folder of a backup with its manifest, by names and sizes.
 * That needs one listing and reads no object.
 */
#ifndef HG_INVENTORY_COMPLETENESS_H
#define HG_INVENTORY_COMPLETENESS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "plugin/instance.h"

/* Does hangar store this file beside a backup, so that no manifest lists it?  The name is relative
 * to the folder of the backup. */
bool hg_completeness_ignores(const char *name);

/* Appends a line to `problems` for each object of the manifest, and for RESTORE.txt and
 * SHA256SUMS, that is missing in this sink or has another size: "NAME is missing".  Fails when
 * the sink cannot be read: then nothing is known. */
enum hangar_rc hg_completeness_check(struct hangar_ctx *sink, const struct hg_manifest *m,
                                     struct hg_str *problems, struct hg_error *err);

/* The same; CORRUPT with the first problem when there is one. */
enum hangar_rc hg_completeness_require(struct hangar_ctx *sink, const struct hg_manifest *m,
                                       struct hg_error *err);

#endif
