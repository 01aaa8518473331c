/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * signing: manifest.json.sig, which reveals changes to a backup that were made without
 * the key.  It is the HMAC-SHA256 of the exact bytes of manifest.json, which contains
 * the hashes of all other files.  It must not know sinks.
 *
 *     hmac-sha256 <64 hex digits> key-id <8 hex digits>
 *
 * The key-id is the beginning of the SHA-256 of the key.  It only identifies the key.
 */
#ifndef HG_CATALOG_SIGNING_H
#define HG_CATALOG_SIGNING_H

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "catalog/sizes.h"
#include "config/config.h"

#define HG_SIGNATURE_NAME "manifest.json.sig"
#define HG_SIGNING_KEYS 16
#define HG_KEY_ID_SIZE 9

/* The keys of a configuration: the first one signs, a signature by any of them is accepted.
 * Zero it before use; any thread may read it after the keys were added. */
struct hg_signing {
    struct hg_signing_key {
        char *text;
        char id[HG_KEY_ID_SIZE];
    } keys[HG_SIGNING_KEYS];
    size_t count;
};

/* Adds a copy of a key.  CONFIG when it is too short, or there are too many. */
enum hangar_rc hg_signing_add(struct hg_signing *signing, const char *key, struct hg_error *err);
void hg_signing_fini(struct hg_signing *signing); /* overwrites the keys */

/* Appends the text of manifest.json.sig for a manifest. */
enum hangar_rc hg_signing_sign(const struct hg_signing *signing, const void *manifest, size_t size,
                               struct hg_str *out, struct hg_error *err);

/* OK when `signature` is a signature of the manifest; CORRUPT otherwise.  NULL: there is
 * none. */
enum hangar_rc hg_signing_check(const struct hg_signing *signing, const void *manifest, size_t size,
                                const char *signature, size_t signature_size, struct hg_error *err);

/* For small JSON files: the MAC of `text` (which contains its kind, pipeline and backup) is stored
 * in the file itself, as "mac".  False: out of memory; and that it is not the MAC of this text
 * (NULL: the file has none). */
bool hg_signing_mac_add(const struct hg_signing *signing, const struct hg_str *text, json_t *json);
bool hg_signing_mac_check(const struct hg_signing *signing, const struct hg_str *text,
                          const char *mac);

/* Does a text have the form of a signature? */
bool hg_signature_ok(const char *signature, size_t size);

#endif
