/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * Renderers: what each command makes of its document, as plain text: fixtures
 * NAME.json with NAME.out and NAME.err beside them (a missing one: nothing).
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

static char *out_text, *err_text;
static size_t out_size, err_size;
static struct cli_view out, err;

static void views_open(void)
{
    out = (struct cli_view){.file = open_memstream(&out_text, &out_size), .now_ms = TEST_NOW_MS};
    err = (struct cli_view){.file = open_memstream(&err_text, &err_size), .now_ms = TEST_NOW_MS};
}

static void views_flush(void)
{
    fflush(out.file);
    fflush(err.file);
}

static void views_close(void)
{
    fclose(out.file);
    fclose(err.file);
    free(out_text);
    free(err_text);
}

static json_t *fixture(const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s.json", FIXTURES, name);
    char *text = world_file(path);
    json_t *doc = cli_document(text, out.utf8);
    free(text);
    ck_assert_msg(doc != NULL, "%s is not JSON", path);
    return doc;
}

static void expect(const char *name, const char *stream, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s.%s", FIXTURES, name, stream);
    char *expected = access(path, R_OK) == 0 ? world_file(path) : strdup("");
    ck_assert_msg(strcmp(text, expected) == 0, "%s is not as expected:\n%s", path, text);
    free(expected);
}

static void expect_fixture(const char *name, cli_render *render)
{
    views_open();
    json_t *doc = fixture(name);
    render(doc, &out, &err);
    views_flush();
    expect(name, "out", out_text);
    expect(name, "err", err_text);
    json_decref(doc);
    views_close();
}

static const struct {
    const char *name;
    cli_render *render;
} fixtures[] = {
    {"prune", cli_render_prune},         {"prune_dry", cli_render_prune},
    {"hold", cli_render_hold},           {"unhold", cli_render_hold},
    {"copy", cli_render_copy},           {"copy_none", cli_render_copy},
    {"remove", cli_render_remove},       {"check", cli_render_check},
    {"check_failed", cli_render_check},  {"list", cli_render_list},
    {"list_pipelines", cli_render_list}, {"list_empty", cli_render_list},
    {"list_hostile", cli_render_list},   {"show", cli_render_show},
    {"status", cli_render_status},       {"restore", cli_render_restore},
    {"verify", cli_render_verify},       {"verify_good", cli_render_verify},
    {"plugins", cli_render_plugins},     {"plugin", cli_render_plugin},
};

START_TEST(a_document_is_printed_as_its_fixture_says)
{
    expect_fixture(fixtures[_i].name, fixtures[_i].render);
}
END_TEST

START_TEST(nothing_but_printable_text_is_printed_whatever_a_document_holds)
{
    views_open();
    out.utf8 = err.utf8 = true;
    json_t *doc = fixture("list_hostile");
    cli_render_list(doc, &out, &err);
    views_flush();
    for (const char *c = out_text; *c; c++) {
        ck_assert((unsigned char)*c >= 0x20 || *c == '\n');
    }
    ck_assert_ptr_null(strchr(err_text, '\a'));
    ck_assert_ptr_null(strstr(out_text, "\xc2\x9b"));
    ck_assert_ptr_nonnull(strstr(out_text, "größe\\xe2\\x80\\xae"));
    json_decref(doc);
    views_close();
}
END_TEST

START_TEST(a_renderer_survives_an_empty_document)
{
    views_open();
    json_t *doc = cli_document("{}", false);
    fixtures[_i].render(doc, &out, &err);
    cli_render_backup(doc, &err, "hangar");
    cli_render_plan(doc, &err);
    json_decref(doc);
    views_close();
}
END_TEST

/* Every member becomes null, a number, an empty array, one after the other. */
START_TEST(a_renderer_survives_members_of_another_type)
{
    views_open();
    json_t *doc = fixture(fixtures[_i].name);
    const char *key;
    json_t *value;
    json_object_foreach (doc, key, value) {
        json_t *replacements[] = {json_null(), json_integer(7), json_array(), json_object(),
                                  json_pack("[n,i,s,{},[]]", 1, "x")};
        for (size_t i = 0; i < sizeof(replacements) / sizeof(replacements[0]); i++) {
            json_t *copy = json_copy(doc);
            json_object_set_new(copy, key, replacements[i]);
            fixtures[_i].render(copy, &out, &err);
            json_decref(copy);
        }
    }
    ck_assert(!out.failed && !err.failed);
    json_decref(doc);
    views_close();
}
END_TEST

START_TEST(a_backup_is_summed_up_with_the_next_step)
{
    static const char *const names[] = {"backup", "backup_degraded"};

    for (size_t i = 0; i < 2; i++) {
        views_open();
        json_t *doc = fixture(names[i]);
        cli_render_backup(doc, &err, "hangar -c my.yaml");
        views_flush();
        expect(names[i], "err", err_text);
        json_decref(doc);
        views_close();
    }
}
END_TEST

START_TEST(a_quiet_backup_prints_no_summary)
{
    views_open();
    err.quiet = true;
    json_t *doc = fixture("backup");
    cli_render_backup(doc, &err, "hangar");
    views_flush();
    ck_assert_str_eq(err_text, "");
    json_decref(doc);
    views_close();
}
END_TEST

START_TEST(a_plan_names_every_target)
{
    views_open();
    json_t *doc = fixture("plan");
    cli_render_plan(doc, &out);
    views_flush();
    expect("plan", "out", out_text);
    char *question = cli_restore_question(doc, false);
    ck_assert_str_eq(question, "restore 2 sources into PostgreSQL database area51_bot on "
                               "localhost:5432 and Redis localhost:6379?");
    free(question);
    json_array_remove(json_object_get(doc, "sources"), 0);
    question = cli_restore_question(doc, true);
    ck_assert_str_eq(question, "replace what is in cache (Redis localhost:6379)?");
    free(question);
    json_decref(doc);
    views_close();
}
END_TEST

START_TEST(details_are_shown_when_asked_for)
{
    views_open();
    out.verbose = true;
    json_t *doc = fixture("status");
    cli_render_status(doc, &out, &err);
    views_flush();
    ck_assert_ptr_nonnull(strstr(out_text, "password  ***"));
    ck_assert_ptr_nonnull(strstr(out_text, "memory 128.0 MiB"));
    json_decref(doc);
    views_close();
}
END_TEST

START_TEST(symbols_and_colours_are_used_where_they_can_be)
{
    views_open();
    out.utf8 = out.colour = true;
    json_t *doc = fixture("verify_good");
    cli_render_verify(doc, &out, &err);
    views_flush();
    ck_assert_ptr_nonnull(strstr(out_text, "\033[32m✓\033[0m"));
    json_decref(doc);
    views_close();
}
END_TEST

START_TEST(a_table_fits_a_narrow_terminal)
{
    views_open();
    out.width = 96;
    json_t *doc = fixture("list");
    cli_render_list(doc, &out, &err);
    views_flush();
    char *rest = out_text, *line;
    while ((line = strsep(&rest, "\n"))) {
        ck_assert_msg(cli_text_width(line) <= 96, "%s", line);
    }
    json_decref(doc);
    views_close();
}
END_TEST

static void add_tests(TCase *tests)
{
    int count = (int)(sizeof(fixtures) / sizeof(fixtures[0]));

    tcase_add_loop_test(tests, a_document_is_printed_as_its_fixture_says, 0, count);
    tcase_add_loop_test(tests, a_renderer_survives_an_empty_document, 0, count);
    tcase_add_loop_test(tests, a_renderer_survives_members_of_another_type, 0, count);
    tcase_add_test(tests, nothing_but_printable_text_is_printed_whatever_a_document_holds);
    tcase_add_test(tests, a_backup_is_summed_up_with_the_next_step);
    tcase_add_test(tests, a_quiet_backup_prints_no_summary);
    tcase_add_test(tests, a_plan_names_every_target);
    tcase_add_test(tests, details_are_shown_when_asked_for);
    tcase_add_test(tests, symbols_and_colours_are_used_where_they_can_be);
    tcase_add_test(tests, a_table_fits_a_narrow_terminal);
}

int main(void)
{
    return world_main("cli render", add_tests);
}
