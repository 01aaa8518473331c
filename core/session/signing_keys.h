/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * signing_keys: the signing keys of the configuration, read when the first job needs them and
 * kept until the handle is closed: a key_command runs once.
 */
#ifndef HG_SESSION_SIGNING_KEYS_H
#define HG_SESSION_SIGNING_KEYS_H

#include "base/error.h"
#include "catalog/signing.h"
#include "session/handle.h"

/* The keys that sign and check manifests, read when first needed; *out is NULL when
 * the configuration has none (key.c). */
enum hangar_rc hg_key_load(struct hangar *h, const struct hg_signing **out, struct hg_error *err);

#endif
