/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * by_hand: SHA256SUMS, and the commands that decode an object without hangar, follow from the
 * manifest.
 */
#include "base/str.h"
#include "catalog/manifest.h"
#include "sample.h"
#include "suite.h"

START_TEST(sums_follow_from_a_manifest)
{
    struct hg_manifest m;
    struct hg_str text = {0};
    sample_manifest(&m);
    hg_manifest_sums(&m, "f00", &text);
    char *expected =
        hg_format("%s  db/schema.sql.gz\n%s  db/data/0001.sql.gz\n"
                  "%s  cache/dump.rdb.gz\nf00  RESTORE.txt\n",
                  m.sources[0].objects[0].stored_sha256, m.sources[0].objects[1].stored_sha256,
                  m.sources[1].objects[0].stored_sha256);
    ck_assert_str_eq(hg_str_text(&text), expected);
    free(expected);
    hg_str_free(&text);
    hg_manifest_free(&m);
}
END_TEST

START_TEST(a_decode_command_runs_each_transform)
{
    struct hg_manifest m;
    struct hg_str text = {0};
    sample_manifest(&m);
    hg_manifest_decode_command(&m, &m.sources[0].objects[0], &text);
    ck_assert_str_eq(hg_str_text(&text), "gunzip -c < db/schema.sql.gz");
    hg_str_free(&text);
    hg_manifest_free(&m);
    sample_random(&m, 3);
    while (m.chain_count > 0) {
        struct hg_manifest_transform *t = &m.chain[--m.chain_count];
        free(t->name);
        free(t->plugin);
        free(t->version);
        free(t->suffix);
        free(t->decode);
    }
    struct hg_manifest_object plain = {.stored = (char[]){"db/x y"}};
    hg_manifest_decode_command(&m, &plain, &text);
    ck_assert_str_eq(hg_str_text(&text), "cat 'db/x y'");
    hg_str_free(&text);
    for (int i = 0; i < 2; i++) {
        m.chain[m.chain_count++] = (struct hg_manifest_transform){
            .name = strdup("x"), .decode = strdup(i ? "decrypt" : "gunzip -c")};
    }
    hg_manifest_decode_command(&m, &plain, &text);
    ck_assert_str_eq(hg_str_text(&text), "decrypt < 'db/x y' | gunzip -c");
    hg_str_free(&text);
    for (size_t i = 0; i < m.source_count; i++) {
        for (size_t k = 0; k < m.sources[i].count; k++) {
            for (size_t t = 0; t < HG_CHAIN_MAX; t++) {
                hg_attrs_free(m.sources[i].objects[k].transform[t]);
                m.sources[i].objects[k].transform[t] = NULL;
            }
        }
    }
    hg_manifest_free(&m);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {sums_follow_from_a_manifest,
                                  a_decode_command_runs_each_transform};
    return SUITE_RUN("catalog/by_hand", tests, NULL, NULL);
}
