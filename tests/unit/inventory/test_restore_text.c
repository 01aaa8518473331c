/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_text: names in RESTORE.txt, which a person runs as a script, stay within their comments.
 */
#include "inventory/restore_text.h"

#include "base/str.h"
#include "catalog/manifest.h"
#include "plugin/loader.h"
#include "suite.h"

START_TEST(a_line_end_in_a_name_does_not_end_the_comment)
{
    char id[] = "backup_20260115T020000Z_aaaaaa", pipeline[] = "p", version[] = "0.2";
    char host[] = "db1\ntouch host\n#", name[] = "db";
    char target[] = "PostgreSQL database a\r\ntouch target\x1b[2J on db1";
    struct hg_manifest_source source = {.name = name, .target = target};
    const struct hg_manifest m = {.id = id,
                                  .pipeline = pipeline,
                                  .host = host,
                                  .hangar = version,
                                  .sources = &source,
                                  .source_count = 1};
    const struct hg_plugin plugin = {0};
    struct hangar_ctx ctx = {.plugin = &plugin}, *const sources[] = {&ctx};
    struct hg_str text = {0};
    struct hg_error err = {0};
    ck_assert_int_eq(hg_restore_text(&m, sources, &text, &err), HANGAR_OK);
    ck_assert_ptr_nonnull(strstr(text.data, "# Pipeline p of db1\\x0atouch host\\x0a#, finished"));
    ck_assert_ptr_nonnull(
        strstr(text.data, "database a\\x0d\\x0atouch target\\x1b[2J on db1, as of"));
    ck_assert_ptr_null(strstr(text.data, "\ntouch"));
    ck_assert_ptr_null(strchr(text.data, '\r'));
    hg_str_free(&text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_line_end_in_a_name_does_not_end_the_comment};
    return SUITE_RUN("inventory/restore_text", tests, NULL, NULL);
}
