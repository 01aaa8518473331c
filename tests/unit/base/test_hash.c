/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hash: SHA-256 as sha256sum prints it.
 */
#include "base/hash.h"

#include "suite.h"

static const char of_nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char of_abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

START_TEST(digests_are_the_published_ones)
{
    struct hg_sha256 *h = hg_sha256_new();
    ck_assert_ptr_nonnull(h);
    char hex[HG_SHA256_HEX];
    hg_sha256_final(h, hex);
    ck_assert_str_eq(hex, of_nothing);
    hg_sha256_free(h);
    h = hg_sha256_new();
    hg_sha256_update(h, "a", 1);
    hg_sha256_update(h, "", 0);
    hg_sha256_update(h, "bc", 2);
    hg_sha256_final(h, hex);
    ck_assert_str_eq(hex, of_abc);
    hg_sha256_free(h);
    hg_sha256_free(NULL);
    ck_assert(hg_sha256_of("abc", 3, hex));
    ck_assert_str_eq(hex, of_abc);
}
END_TEST

START_TEST(pieces_of_any_size_give_the_same_digest)
{
    unsigned char data[100000];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (unsigned char)(i * i >> 3);
    }
    char whole[HG_SHA256_HEX], pieces[HG_SHA256_HEX];
    ck_assert(hg_sha256_of(data, sizeof(data), whole));
    static const size_t steps[] = {1, 63, 64, 65, 4096};
    for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
        struct hg_sha256 *h = hg_sha256_new();
        for (size_t at = 0; at < sizeof(data); at += steps[s]) {
            hg_sha256_update(h, data + at,
                             sizeof(data) - at < steps[s] ? sizeof(data) - at : steps[s]);
        }
        hg_sha256_final(h, pieces);
        hg_sha256_free(h);
        ck_assert_str_eq(pieces, whole);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        digests_are_the_published_ones,
        pieces_of_any_size_give_the_same_digest,
    };
    return SUITE_RUN("hash", tests, NULL, NULL);
}
