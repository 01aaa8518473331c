/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * signing_keys: reads the signing keys of the configuration when the first job needs them.
 */
#ifndef HG_SESSION_SIGNING_KEYS_H
#define HG_SESSION_SIGNING_KEYS_H

#include "base/error.h"
#include "catalog/signing.h"
#include "config/config.h"

/* Reads the keys that sign and check manifests into `signing`, unless they are there already:
 * a key_command runs once per handle.  *out is `signing`, or NULL when the configuration has no
 * key. */
enum hangar_rc hg_key_load(const struct hg_config *config, struct hg_signing *signing,
                           const struct hg_signing **out, struct hg_error *err);

#endif
