/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * page: a listing comes whole, page by page, and a sink that turns in circles is
 * found out.
 */
#include "plugin/host.h"
#include "plugin/page.h"

#include "suite.h"
#include "plugin_world.h"

/* A sink of `total` names, in pages of `per_page`, with a fault. */
static size_t total, per_page, pages;
static enum { HONEST, SAME_CURSOR, TWO_CURSORS, NAMELESS, OVERFULL, FAILING, EMPTY } fault;
static enum hangar_rc added;

static void name_of(size_t i, char *out, size_t size)
{
    snprintf(out, size, "p/%08zu", i);
}

static enum hangar_rc page_fake_list(void *inst, struct hangar_page *page)
{
    (void)inst;
    pages++;
    if (fault == FAILING && pages == 2) {
        return HANGAR_IO;
    }
    ck_assert_str_eq(page->prefix, "p/");
    ck_assert_int_eq(page->delimiter, '/');
    size_t at = page->cursor[0] ? strtoul(page->cursor, NULL, 10) : 0;
    for (size_t n = 0; n < per_page && at < total; n++, at++) {
        char name[64];
        name_of(at, name, sizeof(name));
        struct hangar_entry entry = {.struct_size = sizeof(entry),
                                     .flags = at % 2 ? HANGAR_ENTRY_PREFIX : 0,
                                     .name = fault == NAMELESS ? NULL : name,
                                     .size = at * 3,
                                     .time_ms = (int64_t)at,
                                     .etag = "e"};
        added = hg_host.page_add(page, &entry);
        if (added != HANGAR_OK) {
            return added;
        }
    }
    snprintf(page->cursor, sizeof(page->cursor), "%zu", at);
    if (fault == SAME_CURSOR) {
        snprintf(page->cursor, sizeof(page->cursor), "1");
    } else if (fault == TWO_CURSORS) {
        snprintf(page->cursor, sizeof(page->cursor), pages % 2 ? "1" : "2");
    } else if (fault == EMPTY) {
        snprintf(page->cursor, sizeof(page->cursor), "%zu", total + pages);
    } else if (at >= total) {
        page->cursor[0] = '\0';
    }
    return HANGAR_OK;
}

static struct hangar_ctx *ctx;

static void page_setup(void)
{
    folder_setup();
    ctx = world_open_listing(folder_path, page_fake_list);
    total = pages = 0;
    fault = HONEST;
}

static void page_teardown(void)
{
    world_close_listing(ctx);
    folder_teardown();
}

struct page_visits {
    size_t count, stop_at;
};

static enum hangar_rc page_check_entries(void *arg, const struct hg_page_entries *page,
                                         struct hg_error *err)
{
    struct page_visits *seen = arg;
    for (size_t i = 0; i < page->count; i++, seen->count++) {
        char name[64];
        name_of(seen->count, name, sizeof(name));
        const struct hg_page_entry *e = &page->items[i];
        if (strcmp(e->name, name) != 0 || e->size != seen->count * 3 ||
            e->is_prefix != (seen->count % 2 == 1) || strcmp(e->etag, "e") != 0) {
            ck_abort_msg("entry %zu is %s", seen->count, e->name);
        }
        if (seen->stop_at && seen->count == seen->stop_at) {
            return hg_fail(err, HANGAR_NO_SPACE, 0, "enough");
        }
    }
    return HANGAR_OK;
}

static enum hangar_rc page_run(struct page_visits *seen, struct hg_error *err)
{
    return hg_sink_list(ctx, "p/", '/', page_check_entries, seen, err);
}

START_TEST(all_entries_come_in_order_over_many_pages)
{
    static const size_t sizes[][2] = {{0, 10},     {1, 10},      {10, 10},    {11, 10},
                                      {2500, 999}, {3000, 1000}, {2345, 1000}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        total = sizes[i][0];
        per_page = sizes[i][1];
        struct page_visits seen = {0};
        ck_assert_int_eq(page_run(&seen, NULL), HANGAR_OK);
        ck_assert_uint_eq(seen.count, total);
    }
}
END_TEST

START_TEST(a_listing_that_does_not_advance_is_ended)
{
    total = 100;
    per_page = 0;
    fault = SAME_CURSOR;
    struct hg_error err = {0};
    struct page_visits seen = {0};
    ck_assert_int_eq(page_run(&seen, &err), HANGAR_INTERNAL);
    ck_assert_str_eq(err.text, "sink out: the listing is not in ascending order");
}
END_TEST

START_TEST(a_listing_that_turns_in_circles_is_ended)
{
    total = 100;
    per_page = 1;
    fault = TWO_CURSORS;
    struct page_visits seen = {0};
    struct hg_error err = {0};
    ck_assert_int_eq(page_run(&seen, &err), HANGAR_INTERNAL);
    ck_assert_str_eq(err.text, "sink out: the listing is not in ascending order");
    ck_assert_uint_lt(pages, 5);
}
END_TEST

START_TEST(pages_that_break_the_rules_are_refused)
{
    total = 5000;
    per_page = 1001;
    struct hg_error err = {0};
    struct page_visits seen = {0};
    ck_assert_int_eq(page_run(&seen, &err), HANGAR_INTERNAL);
    ck_assert_uint_eq(seen.count, 0);
    ck_assert_str_eq(err.text, "source out: a page of a listing has more than 1000 entries");
    hg_error_clear(&err);
    fault = NAMELESS;
    per_page = 1;
    ck_assert_int_eq(page_run(&seen, &err), HANGAR_INTERNAL);
    ck_assert_str_eq(err.text, "source out: an entry of a listing has no name");
}
END_TEST

START_TEST(failures_of_the_sink_and_of_the_caller_end_it)
{
    total = 100;
    per_page = 10;
    fault = FAILING;
    struct hg_error err = {0};
    struct page_visits seen = {0};
    ck_assert_int_eq(page_run(&seen, &err), HANGAR_IO);
    ck_assert_uint_eq(seen.count, 10);
    fault = HONEST;
    hg_error_clear(&err);
    pages = 0;
    seen = (struct page_visits){.stop_at = 35};
    ck_assert_int_eq(page_run(&seen, &err), HANGAR_NO_SPACE);
    ck_assert_str_eq(err.text, "enough");
    ck_assert_uint_eq(pages, 4);
}
END_TEST

START_TEST(a_cancelled_job_lists_no_further)
{
    total = 100;
    per_page = 10;
    hg_job_cancel(&world.job);
    struct hg_error err = {0};
    struct page_visits seen = {0};
    ck_assert_int_eq(page_run(&seen, &err), HANGAR_CANCELLED);
    ck_assert_uint_le(pages, 1);
}
END_TEST

START_TEST(empty_pages_without_an_end_are_detected)
{
    total = 3;
    per_page = 10;
    fault = EMPTY; /* each page has another cursor */
    struct hg_error err = {0};
    struct page_visits seen = {0};
    ck_assert_int_eq(page_run(&seen, &err), HANGAR_IO);
    ck_assert_str_eq(err.text, "sink out: the listing does not end: it has 10000 empty pages in a "
                               "row; hint: the store may be faulty");
}
END_TEST

START_TEST(more_than_100_million_entries_are_refused)
{
    struct hg_error err = {0};
    struct hg_page_count count = {0};
    for (int i = 0; i < 100000; i++) {
        ck_assert_int_eq(hg_page_count_add(&count, HG_PAGE_MAX, "out", &err), HANGAR_OK);
    }
    ck_assert_int_eq(hg_page_count_add(&count, 0, "out", &err), HANGAR_OK);
    ck_assert_int_eq(hg_page_count_add(&count, 1, "out", &err), HANGAR_IO);
    ck_assert_str_eq(err.text, "sink out: the listing does not end: it has more than 100 million "
                               "entries; hint: the store may be faulty");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        all_entries_come_in_order_over_many_pages,     a_listing_that_does_not_advance_is_ended,
        a_listing_that_turns_in_circles_is_ended,      pages_that_break_the_rules_are_refused,
        failures_of_the_sink_and_of_the_caller_end_it, a_cancelled_job_lists_no_further,
        empty_pages_without_an_end_are_detected,       more_than_100_million_entries_are_refused,
    };
    return SUITE_RUN("plugin/page", tests, page_setup, page_teardown);
}
