/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_s3_sign: the signatures that AWS publishes for its examples, and rules that other
 * implementations got wrong.
 */
#include <string.h>
#include "format/escape.h"
#include "format/sign.h"
#include "suite.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct vector {
    const char *method, *path, *query;
    struct s3_pair headers[8];
    const char *payload, *date, *service;
    const char *key, *secret;
    const char *signed_headers, *signature;
};

#define S3_DOC                                                                                     \
    .date = "20130524T000000Z", .service = "s3", .key = "AKIAIOSFODNN7EXAMPLE",                    \
    .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define S3_HOST {"host", "examplebucket.s3.amazonaws.com"}
#define S3_DATE {"x-amz-date", "20130524T000000Z"}
#define SUITE                                                                                      \
    .payload = EMPTY, .date = "20150830T123600Z", .service = "service", .key = "AKIDEXAMPLE",      \
    .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SUITE_HOST {"host", "example.amazonaws.com"}
#define SUITE_DATE {"x-amz-date", "20150830T123600Z"}

/* The examples of "Authenticating Requests: Using the Authorization Header" of the S3 API
 * reference, and cases of the Signature Version 4 test suite. */
static const struct vector vectors[] = {
    {S3_DOC, .method = "GET", .path = "/test.txt", .query = "",
     .headers = {S3_HOST, {"range", "bytes=0-9"}, {"x-amz-content-sha256", EMPTY}, S3_DATE},
     .payload = EMPTY, .signed_headers = "host;range;x-amz-content-sha256;x-amz-date",
     .signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {S3_DOC, .method = "PUT", .path = "/test%24file.text", .query = "",
     .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                 S3_HOST,
                 {"x-amz-content-sha256",
                  "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
                 S3_DATE,
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
     .payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     .signed_headers = "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
     .signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {S3_DOC, .method = "GET", .path = "/",
     .query = "lifecycle=", .headers = {S3_HOST, {"x-amz-content-sha256", EMPTY}, S3_DATE},
     .payload = EMPTY, .signed_headers = "host;x-amz-content-sha256;x-amz-date",
     .signature = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {S3_DOC, .method = "GET", .path = "/", .query = "max-keys=2&prefix=J",
     .headers = {S3_HOST, {"x-amz-content-sha256", EMPTY}, S3_DATE}, .payload = EMPTY,
     .signed_headers = "host;x-amz-content-sha256;x-amz-date",
     .signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    {SUITE, .method = "GET", .path = "/", .query = "", .headers = {SUITE_HOST, SUITE_DATE},
     .signed_headers = "host;x-amz-date",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {SUITE, .method = "GET", .path = "/", .query = "Param1=value1&Param2=value2",
     .headers = {SUITE_HOST, SUITE_DATE}, .signed_headers = "host;x-amz-date",
     .signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {SUITE, .method = "POST", .path = "/", .query = "", .headers = {SUITE_HOST, SUITE_DATE},
     .signed_headers = "host;x-amz-date",
     .signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {SUITE, .method = "GET", .path = "/", .query = "",
     .headers =
         {SUITE_HOST, {"my-header1", " value1"}, {"my-header2", " \"a   b   c\" "}, SUITE_DATE},
     .signed_headers = "host;my-header1;my-header2;x-amz-date",
     .signature = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {SUITE, .method = "GET",
     .path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", .query = "",
     .headers = {SUITE_HOST, SUITE_DATE}, .signed_headers = "host;x-amz-date",
     .signature = "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
};

static size_t count_headers(const struct vector *vector)
{
    size_t count = 0;
    while (vector->headers[count].name) {
        count++;
    }
    return count;
}

static struct s3_signing example_signing(const struct vector *vector)
{
    return (struct s3_signing){.method = vector->method,
                               .path = vector->path,
                               .query = vector->query,
                               .headers = vector->headers,
                               .header_count = count_headers(vector),
                               .payload = vector->payload,
                               .date = vector->date,
                               .region = "us-east-1",
                               .service = vector->service,
                               .access_key_id = vector->key,
                               .secret_access_key = vector->secret};
}

START_TEST(signatures_are_those_that_aws_publishes)
{
    /* all share one cached key: it must be computed again when it does not fit */
    struct s3_day_key day = {0};
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct text made = {0}, expected = {0};
        const struct s3_signing what = example_signing(&vectors[i]);
        ck_assert(s3_add_signature(&what, &day, &made));
        text_addf(&expected,
                  "AWS4-HMAC-SHA256 Credential=%s/%.8s/us-east-1/%s/aws4_request, "
                  "SignedHeaders=%s, Signature=%s",
                  vectors[i].key, vectors[i].date, vectors[i].service, vectors[i].signed_headers,
                  vectors[i].signature);
        ck_assert_str_eq(made.data, expected.data);
        text_free(&made);
        text_free(&expected);
    }
}
END_TEST

static void must_sign_alike(const struct s3_signing *a, const struct s3_signing *b, bool alike)
{
    struct s3_day_key day = {0};
    struct text one = {0}, other = {0};
    ck_assert(s3_add_signature(a, &day, &one));
    ck_assert(s3_add_signature(b, &day, &other));
    ck_assert_int_eq(strcmp(one.data, other.data) == 0, alike);
    text_free(&one);
    text_free(&other);
}

START_TEST(headers_are_sorted_by_name)
{
    /* a colon sorts after a hyphen: whole lines have another order */
    const struct s3_pair given[] = {
        {"x-amz-meta-a-b", "1"}, {"host", "h"}, {"x-amz-meta-a", "2"}, {"x-amz-date", "d"}};
    const struct s3_pair sorted[] = {
        {"host", "h"}, {"x-amz-date", "d"}, {"x-amz-meta-a", "2"}, {"x-amz-meta-a-b", "1"}};
    struct s3_signing a = example_signing(&vectors[0]), b = a;
    a.headers = given;
    b.headers = sorted;
    a.header_count = b.header_count = 4;
    must_sign_alike(&a, &b, true);
    struct text text = {0};
    struct s3_day_key day = {0};
    ck_assert(s3_add_signature(&a, &day, &text));
    ck_assert_ptr_nonnull(strstr(text.data, "=host;x-amz-date;x-amz-meta-a;x-amz-meta-a-b,"));
    text_free(&text);
}
END_TEST

START_TEST(each_part_of_a_request_changes_the_signature)
{
    const struct s3_signing base = example_signing(&vectors[0]);
    struct s3_signing other = base;
    other.method = "HEAD";
    must_sign_alike(&base, &other, false);
    other = base;
    other.path = "/test.tx";
    must_sign_alike(&base, &other, false);
    other = base;
    other.query = "a=";
    must_sign_alike(&base, &other, false);
    other = base;
    other.payload = S3_UNSIGNED;
    must_sign_alike(&base, &other, false);
    other = base;
    other.secret_access_key = "x";
    must_sign_alike(&base, &other, false);
    other = base;
    other.region = "eu-west-1";
    must_sign_alike(&base, &other, false);
    other = base;
    other.date = "20130525T000000Z";
    must_sign_alike(&base, &other, false);
}
END_TEST

START_TEST(queries_are_sorted_and_always_have_an_equals_sign)
{
    const struct s3_pair pairs[] = {{"uploads", ""},
                                    {"prefix", "li st+/\xc3\xbc=1"},
                                    {"continuation-token", "a/b=="},
                                    {"list-type", "2"}};
    struct text text = {0};
    ck_assert(s3_add_query(pairs, 4, &text));
    ck_assert_str_eq(text.data, "continuation-token=a%2Fb%3D%3D&list-type=2&prefix=li%20st%2B%2F"
                                "%C3%BC%3D1&uploads=");
    text_free(&text);
}
END_TEST

START_TEST(keys_are_escaped_once_and_never_normalised)
{
    struct text text = {0};
    s3_add_escaped(&text, "a b+c//d/./e/../f'(g)*!@:&\x7f\xc3\xbc~/", true);
    ck_assert_str_eq(text.data, "a%20b%2Bc//d/./e/../f%27%28g%29%2A%21%40%3A%26%7F%C3%BC~/");
    text_free(&text);
}
END_TEST

START_TEST(escapes_are_replaced_or_refused)
{
    char good[] = "a%20b%2Bc+d%2f%C3%BC", cut[] = "a%2", wrong[] = "a%zz", nul[] = "a%00b";
    ck_assert(s3_unescape(good));
    ck_assert_str_eq(good, "a b+c d/\xc3\xbc");
    ck_assert(!s3_unescape(cut));
    ck_assert(!s3_unescape(wrong));
    ck_assert(!s3_unescape(nul));
}
END_TEST

START_TEST(checksums_are_those_of_aws)
{
    char base64[S3_CHECKSUM_SIZE], hex[S3_SHA256_HEX], payload[S3_SHA256_HEX];
    const struct s3_checksum *crc32 = s3_checksum_find("crc32"),
                             *sha256 = s3_checksum_find("sha256");
    ck_assert_ptr_null(s3_checksum_find("none"));
    ck_assert(s3_checksum_make(crc32, "123456789", 9, base64));
    ck_assert_str_eq(base64, "y/Q5Jg=="); /* 0xcbf43926 */
    ck_assert(s3_checksum_make(crc32, "", 0, base64));
    ck_assert_str_eq(base64, "AAAAAA==");
    ck_assert(s3_checksum_make(sha256, "", 0, base64));
    ck_assert_str_eq(base64, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    ck_assert(s3_sha256("", 0, hex, base64) && s3_sha256_hex("", 0, payload));
    ck_assert_str_eq(hex, EMPTY);
    ck_assert_str_eq(payload, EMPTY);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        signatures_are_those_that_aws_publishes,
        headers_are_sorted_by_name,
        each_part_of_a_request_changes_the_signature,
        queries_are_sorted_and_always_have_an_equals_sign,
        keys_are_escaped_once_and_never_normalised,
        escapes_are_replaced_or_refused,
        checksums_are_those_of_aws,
    };
    return SUITE_RUN("s3 signatures", tests, NULL, NULL);
}
