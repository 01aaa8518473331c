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

static int s3_compare_pairs(const void *a, const void *b)
{
    const struct s3_pair *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->value, y->value);
}

/* The order must be that of the escaped names; none of the names used here needs an escape. */
bool s3_add_query(const struct s3_pair *pairs, size_t count, struct text *out)
{
    struct s3_pair sorted[S3_HEADERS_MAX];
    if (count > S3_HEADERS_MAX) {
        return false;
    }
    if (count) {
        memcpy(sorted, pairs, count * sizeof(sorted[0]));
    }
    qsort(sorted, count, sizeof(sorted[0]), s3_compare_pairs);
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

static bool s3_hmac(const void *key, size_t key_size, const char *text, unsigned char out[32])
{
    return HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, strlen(text), out,
                NULL) != NULL;
}

/* Computes the key of the day, unless `day` holds it already. */
static bool s3_day_key_make(const struct s3_signing *signing, const char *scope,
                            struct s3_day_key *day)
{
    unsigned char digest[32], key[32];
    char date[9] = "";
    const char *secret = signing->secret_access_key;
    if (!EVP_Digest(secret, strlen(secret), digest, NULL, EVP_sha256(), NULL)) {
        return false;
    }
    if (strcmp(day->scope, scope) == 0 && memcmp(day->secret_digest, digest, sizeof(digest)) == 0) {
        return true;
    }
    memcpy(date, signing->date, 8);
    struct text first = {0};
    text_addf(&first, "AWS4%s", secret);
    bool made = !first.failed && strlen(scope) < sizeof(day->scope) &&
                s3_hmac(first.data, first.size, date, key) &&
                s3_hmac(key, sizeof(key), signing->region, key) &&
                s3_hmac(key, sizeof(key), signing->service, key) &&
                s3_hmac(key, sizeof(key), "aws4_request", key);
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

/* Appends a value without blanks at its ends, and with one blank for several within. */
static void s3_add_trimmed(struct text *out, const char *value)
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

/* Sorted by the names alone: with the colon included, "a:" would sort after "a-b:". */
static void s3_add_canonical_headers(const struct s3_pair *sorted, size_t count,
                                     struct text *canonical, struct text *names)
{
    for (size_t i = 0; i < count; i++) {
        text_addf(canonical, "%s:", sorted[i].name);
        s3_add_trimmed(canonical, sorted[i].value);
        text_add(canonical, "\n");
        text_addf(names, "%s%s", i ? ";" : "", sorted[i].name);
    }
}

bool s3_add_signature(const struct s3_signing *signing, struct s3_day_key *day, struct text *out)
{
    struct text canonical = {0}, names = {0}, to_sign = {0}, scope = {0};
    char digest[S3_SHA256_HEX], signature[S3_SHA256_HEX];
    if (signing->header_count > S3_HEADERS_MAX) {
        return false;
    }
    struct s3_pair sorted[S3_HEADERS_MAX];
    memcpy(sorted, signing->headers, signing->header_count * sizeof(sorted[0]));
    qsort(sorted, signing->header_count, sizeof(sorted[0]), s3_compare_pairs);
    text_addf(&canonical, "%s\n%s\n%s\n", signing->method, signing->path, signing->query);
    s3_add_canonical_headers(sorted, signing->header_count, &canonical, &names);
    text_addf(&canonical, "\n%s\n%s", text_str(&names), signing->payload);
    text_addf(&scope, "%.8s/%s/%s/aws4_request", signing->date, signing->region, signing->service);
    bool done = !canonical.failed && !names.failed && !scope.failed &&
                s3_sha256_hex(canonical.data, canonical.size, digest) &&
                s3_day_key_make(signing, scope.data, day);
    if (done) {
        text_addf(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", signing->date, scope.data, digest);
    }
    unsigned char mac[32];
    done = done && !to_sign.failed && s3_hmac(day->key, sizeof(day->key), to_sign.data, mac);
    if (done) {
        s3_hex(mac, sizeof(mac), signature);
        text_addf(out, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                  signing->access_key_id, scope.data, text_str(&names), signature);
    }
    text_free(&canonical);
    text_free(&names);
    text_free(&to_sign);
    text_free(&scope);
    return done && !out->failed;
}
