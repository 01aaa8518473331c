/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * signing: see signing.h.
 */
#include "catalog/signing.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hash.h"

#define HMAC_HEX 64
#define HEAD "hmac-sha256 "
#define MIDDLE " key-id "

enum hangar_rc hg_signing_add(struct hg_signing *signing, const char *key, struct hg_error *err)
{
    if (strlen(key) < HG_SIGNING_KEY_MIN) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "a signing key must have at least %d bytes; hint: make one with "
                       "`openssl rand -hex 32`",
                       HG_SIGNING_KEY_MIN);
    }
    if (signing->count == HG_SIGNING_KEYS) {
        return hg_fail(err, HANGAR_CONFIG, 0, "more than %d signing keys", HG_SIGNING_KEYS);
    }
    struct hg_signing_key *k = &signing->keys[signing->count];
    char hex[HG_SHA256_HEX];
    k->text = hg_sha256_of(key, strlen(key), hex) ? strdup(key) : NULL;
    if (!k->text) {
        return hg_no_memory(err);
    }
    memcpy(k->id, hex, HG_KEY_ID_SIZE - 1);
    k->id[HG_KEY_ID_SIZE - 1] = '\0';
    signing->count++;
    return HANGAR_OK;
}

void hg_signing_fini(struct hg_signing *signing)
{
    for (size_t i = 0; i < signing->count; i++) {
        explicit_bzero(signing->keys[i].text, strlen(signing->keys[i].text));
        free(signing->keys[i].text);
    }
    *signing = (struct hg_signing){0};
}

static bool signing_hmac(const struct hg_signing_key *key, const void *data, size_t size,
                         char hex[HMAC_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_size = 0;
    if (!HMAC(EVP_sha256(), key->text, (int)strlen(key->text), data, size, mac, &mac_size) ||
        mac_size != HMAC_HEX / 2) {
        return false;
    }
    for (size_t i = 0; i < mac_size; i++) {
        hex[2 * i] = digits[mac[i] >> 4];
        hex[2 * i + 1] = digits[mac[i] & 15];
    }
    hex[HMAC_HEX] = '\0';
    return true;
}

enum hangar_rc hg_signing_sign(const struct hg_signing *signing, const void *manifest, size_t size,
                               struct hg_str *out, struct hg_error *err)
{
    char hex[HMAC_HEX + 1];
    if (!signing_hmac(&signing->keys[0], manifest, size, hex)) {
        return hg_fail(err, HANGAR_INTERNAL, 0, "cannot sign the manifest: OpenSSL failed");
    }
    hg_str_addf(out, HEAD "%s" MIDDLE "%s\n", hex, signing->keys[0].id);
    return out->failed ? hg_no_memory(err) : HANGAR_OK;
}

/* The positions of the two numbers in a signature; false when the form is wrong. */
static bool signing_parse(const char *text, size_t size, const char **mac, const char **id)
{
    static const char hex[] = "0123456789abcdef";
    size_t head = strlen(HEAD), middle = strlen(MIDDLE), digits = HG_KEY_ID_SIZE - 1;
    if (size != head + HMAC_HEX + middle + digits + 1 || strnlen(text, size) != size) {
        return false;
    }
    *mac = text + head;
    *id = *mac + HMAC_HEX + middle;
    return memcmp(text, HEAD, head) == 0 && strspn(*mac, hex) == HMAC_HEX &&
           memcmp(*mac + HMAC_HEX, MIDDLE, middle) == 0 && strspn(*id, hex) == digits &&
           text[size - 1] == '\n';
}

bool hg_signature_ok(const char *signature, size_t size)
{
    const char *mac, *id;
    return signing_parse(signature, size, &mac, &id);
}

enum hangar_rc hg_signing_check(const struct hg_signing *signing, const void *manifest, size_t size,
                                const char *signature, size_t signature_size, struct hg_error *err)
{
    const char *mac, *id;
    if (!signature) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "unsigned: there is no " HG_SIGNATURE_NAME
                       ", and a configuration with a signing key accepts only signed backups");
    }
    if (!signing_parse(signature, signature_size, &mac, &id)) {
        return hg_fail(err, HANGAR_CORRUPT, 0, HG_SIGNATURE_NAME " is not a signature");
    }
    for (size_t i = 0; i < signing->count; i++) {
        if (memcmp(signing->keys[i].id, id, HG_KEY_ID_SIZE - 1) != 0) {
            continue;
        }
        char hex[HMAC_HEX + 1];
        if (!signing_hmac(&signing->keys[i], manifest, size, hex)) {
            return hg_fail(err, HANGAR_INTERNAL, 0, "cannot check the signature: OpenSSL failed");
        }
        if (CRYPTO_memcmp(hex, mac, HMAC_HEX) == 0) {
            return HANGAR_OK;
        }
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "signature mismatch: manifest.json or its signature was changed");
    }
    return hg_fail(
        err, HANGAR_CORRUPT, 0,
        "signature mismatch: signed with another key (key-id %.*s); hint: if it is an old key, "
        "add its file to `old_key_files` of `signing`",
        HG_KEY_ID_SIZE - 1, id);
}

bool hg_signing_mac_add(const struct hg_signing *signing, const struct hg_str *text, json_t *json)
{
    struct hg_str mac = {0};
    const bool done = !text->failed && hg_signing_sign(signing, hg_str_text(text), text->len, &mac,
                                                       NULL) == HANGAR_OK;
    if (done) {
        hg_json_set_string(json, "mac", hg_str_text(&mac));
    }
    hg_str_free(&mac);
    return done;
}

bool hg_signing_mac_check(const struct hg_signing *signing, const struct hg_str *text,
                          const char *mac)
{
    return !text->failed && mac &&
           hg_signing_check(signing, hg_str_text(text), text->len, mac, strlen(mac), NULL) ==
               HANGAR_OK;
}
