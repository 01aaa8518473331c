/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sign: see sign.h.
 */
#include "format/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "format/escape.h"

void s3_hex(const unsigned char *bytes, size_t size, char *out)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

static int compare_names(const void *a, const void *b)
{
    const struct s3_pair *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->value, y->value);
}

/* The order is that of the escaped names; what we use as names is not escaped. */
bool s3_query(const struct s3_pair *pairs, size_t count, struct text *out)
{
    struct s3_pair sorted[S3_HEADERS_MAX];
    if (count > S3_HEADERS_MAX) {
        return false;
    }
    if (count) {
        memcpy(sorted, pairs, count * sizeof(sorted[0]));
    }
    qsort(sorted, count, sizeof(sorted[0]), compare_names);
    for (size_t i = 0; i < count; i++) {
        if (i) {
            text_add(out, "&");
        }
        s3_add_escaped(out, sorted[i].name, false);
        text_add(out, "=");
        s3_add_escaped(out, sorted[i].value, false);
    }
    return !out->failed;
}

static bool hmac(const void *key, size_t key_size, const char *text, unsigned char out[32])
{
    return HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, strlen(text), out,
                NULL) != NULL;
}

/* Makes the key of the day, unless it is that already. */
static bool make_day_key(const struct s3_signing *what, const char *scope, struct s3_day_key *day)
{
    unsigned char digest[32], key[32];
    char date[9] = "";
    struct text first = {0};
    const char *secret = what->secret_access_key;
    if (!EVP_Digest(secret, strlen(secret), digest, NULL, EVP_sha256(), NULL)) {
        return false;
    }
    if (!strcmp(day->scope, scope) && !memcmp(day->secret_digest, digest, sizeof(digest))) {
        return true;
    }
    memcpy(date, what->date, 8);
    text_addf(&first, "AWS4%s", secret);
    bool made =
        !first.failed && strlen(scope) < sizeof(day->scope) &&
        hmac(first.data, first.size, date, key) && hmac(key, sizeof(key), what->region, key) &&
        hmac(key, sizeof(key), what->service, key) && hmac(key, sizeof(key), "aws4_request", key);
    if (made) {
        strcpy(day->scope, scope);
        memcpy(day->secret_digest, digest, sizeof(digest));
        memcpy(day->key, key, sizeof(key));
    }
    if (first.data) {
        OPENSSL_cleanse(first.data, first.size);
    }
    OPENSSL_cleanse(key, sizeof(key));
    text_free(&first);
    return made;
}

/* A value without blanks at its ends, and with single ones within. */
static void add_trimmed(struct text *out, const char *value)
{
    while (*value == ' ' || *value == '\t') {
        value++;
    }
    for (; *value; value++) {
        if (*value != ' ' && *value != '\t') {
            text_add_bytes(out, value, 1);
        } else if (value[1] && value[1] != ' ' && value[1] != '\t') {
            text_add(out, " ");
        }
    }
}

/* By name alone: a colon behind the names would sort after a hyphen within one. */
static void add_headers(const struct s3_pair *sorted, size_t count, struct text *canonical,
                        struct text *names)
{
    for (size_t i = 0; i < count; i++) {
        text_addf(canonical, "%s:", sorted[i].name);
        add_trimmed(canonical, sorted[i].value);
        text_add(canonical, "\n");
        text_addf(names, "%s%s", i ? ";" : "", sorted[i].name);
    }
}

bool s3_sign(const struct s3_signing *what, struct s3_day_key *day, struct text *out)
{
    struct s3_pair sorted[S3_HEADERS_MAX];
    struct text canonical = {0}, names = {0}, to_sign = {0}, scope = {0};
    char digest[S3_SHA256_HEX], signature[S3_SHA256_HEX];
    unsigned char mac[32];
    if (what->header_count > S3_HEADERS_MAX) {
        return false;
    }
    memcpy(sorted, what->headers, what->header_count * sizeof(sorted[0]));
    qsort(sorted, what->header_count, sizeof(sorted[0]), compare_names);
    text_addf(&canonical, "%s\n%s\n%s\n", what->method, what->path, what->query);
    add_headers(sorted, what->header_count, &canonical, &names);
    text_addf(&canonical, "\n%s\n%s", text_str(&names), what->payload);
    text_addf(&scope, "%.8s/%s/%s/aws4_request", what->date, what->region, what->service);
    bool done = !canonical.failed && !names.failed && !scope.failed &&
                s3_sha256_hex(canonical.data, canonical.size, digest) &&
                make_day_key(what, scope.data, day);
    if (done) {
        text_addf(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", what->date, scope.data, digest);
    }
    done = done && !to_sign.failed && hmac(day->key, sizeof(day->key), to_sign.data, mac);
    if (done) {
        s3_hex(mac, sizeof(mac), signature);
        text_addf(out, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                  what->access_key_id, scope.data, text_str(&names), signature);
    }
    text_free(&canonical);
    text_free(&names);
    text_free(&to_sign);
    text_free(&scope);
    return done && !out->failed;
}
