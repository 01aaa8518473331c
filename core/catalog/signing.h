/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * signing: manifest.json.sig, by which a change to a backup shows that was made by
 * somebody without the key: HMAC-SHA256 over the exact bytes of manifest.json, which
 * holds the hash of everything else.  Knows neither sinks nor the configuration.
 *
 *     hmac-sha256 <64 hex digits> key-id <8 hex digits>
 *
 * The key-id is the beginning of the SHA-256 of the key: it tells which key is
 * meant, and nothing else.
 */
#ifndef HG_SIGNING_H
#define HG_SIGNING_H

#include "base/error.h"
#include "base/str.h"
#include "config/config.h"

#define HG_SIGNATURE_NAME "manifest.json.sig"
#define HG_SIGNATURE_MAX 256
#define HG_SIGNING_KEYS 16
#define HG_KEY_ID_SIZE 9

/* The keys of a configuration: the first signs, each of them is believed.  Zero it
 * before use; any thread may read it once it is filled. */
struct hg_signing {
    struct hg_signing_key {
        char *text;
        char id[HG_KEY_ID_SIZE];
    } keys[HG_SIGNING_KEYS];
    size_t count;
};

/* Adds a copy of a key.  CONFIG when it is too short, or there are too many. */
enum hangar_rc hg_signing_add(struct hg_signing *signing, const char *key, struct hg_error *err);
void hg_signing_fini(struct hg_signing *signing); /* wipes them */

/* The signature of a manifest, as it is stored. */
enum hangar_rc hg_signing_sign(const struct hg_signing *signing, const void *manifest, size_t size,
                               struct hg_str *out, struct hg_error *err);

/* CORRUPT unless `signature` (NULL: there is none) is that of the manifest. */
enum hangar_rc hg_signing_check(const struct hg_signing *signing, const void *manifest, size_t size,
                                const char *signature, size_t signature_size, struct hg_error *err);

/* Is it of that form at all? */
bool hg_signature_ok(const char *signature, size_t size);

#endif
