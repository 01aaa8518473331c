/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sidecar: small files beside a backup that have a signature of their own: NAME and NAME.sig, which
 * has the form of manifest.json.sig and covers the exact bytes of NAME.  The text itself must
 * contain its kind, pipeline and backup: a signature does not bind a file to its place.  It must
 * not know what the texts mean.
 */
#ifndef HG_CATALOG_SIDECAR_H
#define HG_CATALOG_SIDECAR_H

#include "base/error.h"
#include "base/str.h"
#include "plugin/instance.h"

#define HG_SIDECAR_SUFFIX ".sig"

/* Stores a text at `path`, and before it its signature where the sink has signing keys.
 * EXISTS with create_only when there is one of them.  A text of NULL is NO_MEMORY. */
enum hangar_rc hg_sidecar_put(struct hangar_ctx *sink, const char *path, const char *text,
                              bool create_only, struct hg_error *err);

/* Reads a file of at most `max` bytes.  Where the sink has signing keys: only when it is signed
 * with one of them; CORRUPT when it is not. */
enum hangar_rc hg_sidecar_get(struct hangar_ctx *sink, const char *path, size_t max,
                              struct hg_str *out, struct hg_error *err);

/* Removes the file, then its signature; OK when they do not exist. */
enum hangar_rc hg_sidecar_remove(struct hangar_ctx *sink, const char *path, struct hg_error *err);

#endif
