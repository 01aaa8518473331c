/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * completeness: a folder with very many files that no manifest lists ends the comparison.
 */
#include "inventory/completeness.h"

#include "plugin/page.h"
#include "plugin_world.h"
#include "suite.h"

#define ID "backup_2026-01-15T02-00-00-000Z"
#define OTHERS 100000 /* that may lie beside the files of a backup */

/* A sink whose folder of the backup has the two files of it, and `others` that sort before them. */
static size_t others;

static enum hangar_rc completeness_list(void *inst, struct hangar_page *page)
{
    size_t at = page->cursor[0] ? strtoul(page->cursor, NULL, 10) : 0;
    (void)inst;
    for (size_t n = 0; n < HG_PAGE_MAX && at < others + 2; n++, at++) {
        char name[100];
        snprintf(name, sizeof(name), at < others ? "p/" ID "/%08zu" : "p/" ID "/x%zu",
                 at < others ? at : at - others);
        struct hangar_entry entry = {.struct_size = sizeof(entry), .name = name, .size = 7};
        ck_assert_int_eq(hg_page_add(page, &entry), HANGAR_OK);
    }
    snprintf(page->cursor, sizeof(page->cursor), "%zu", at);
    if (at == others + 2) {
        page->cursor[0] = '\0';
    }
    return HANGAR_OK;
}

static struct hangar_ctx *ctx;

static void completeness_setup(void)
{
    folder_setup();
    ctx = world_open_listing(folder_path, completeness_list);
}

static void completeness_teardown(void)
{
    world_close_listing(ctx);
    folder_teardown();
}

static enum hangar_rc completeness_check(struct hg_error *err)
{
    static char pipeline[] = "p", id[] = ID, first[] = "x0", second[] = "x1";
    struct hg_manifest m = {.pipeline = pipeline, .id = id, .file_count = 2};
    m.files[0].name = first;
    m.files[1].name = second;
    m.files[0].bytes = m.files[1].bytes = 7;
    return hg_completeness_require(ctx, &m, err);
}

START_TEST(files_that_no_manifest_lists_are_limited_to_100000)
{
    struct hg_error err = {0};
    others = OTHERS;
    ck_assert_int_eq(completeness_check(&err), HANGAR_OK);
    others = OTHERS + 1;
    ck_assert_int_eq(completeness_check(&err), HANGAR_IO);
    ck_assert_str_eq(err.text, "sink out: the folder of " ID
                               " has more than 100002 files, and its manifest lists fewer");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {files_that_no_manifest_lists_are_limited_to_100000};
    return SUITE_RUN("inventory/completeness", tests, completeness_setup, completeness_teardown);
}
