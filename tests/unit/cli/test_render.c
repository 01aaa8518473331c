/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * render: how each command prints its document.  fixtures/COMMAND/NAME.json is a document,
 * NAME.out and NAME.err beside it are the expected output (a missing file: none).  A new command
 * needs a folder of fixtures and no change here.
 */
#include "cli_world.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "document.h"

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

static json_t *render_fixture(const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s.json", FIXTURES, name);
    char *text = world_file(path);
    json_t *doc = cli_document(text, out.utf8);
    free(text);
    ck_assert_msg(doc != NULL, "%s is not JSON", path);
    return doc;
}

static void render_expect(const char *name, const char *stream, const char *text)
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
    json_t *doc = render_fixture(name);
    render(doc, &out, &err);
    views_flush();
    render_expect(name, "out", out_text);
    render_expect(name, "err", err_text);
    json_decref(doc);
    views_close();
}

enum { FIXTURES_MAX = 256 };

static struct {
    char name[128]; /* "prune/prune_dry" */
    cli_render *render;
} fixtures[FIXTURES_MAX];
static int fixture_count;

/* The fixtures of a command; "plugin list" has those of the folder plugin-list. */
static int collect_fixtures(const struct cli_command *command)
{
    char folder[64], pattern[512];

    snprintf(folder, sizeof(folder), "%s", command->name);
    for (char *c = folder; *c; c++) {
        *c = *c == ' ' ? '-' : *c;
    }
    snprintf(pattern, sizeof(pattern), "%s/%s/*.json", FIXTURES, folder);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) {
        return 0;
    }
    int count = (int)found.gl_pathc;
    for (int i = 0; i < count && fixture_count < FIXTURES_MAX; i++) {
        const char *name = found.gl_pathv[i] + strlen(FIXTURES) + 1;
        snprintf(fixtures[fixture_count].name, sizeof(fixtures[0].name), "%.*s",
                 (int)(strlen(name) - strlen(".json")), name);
        fixtures[fixture_count++].render = command->render;
    }
    globfree(&found);
    return count;
}

static void collect_all_fixtures(void)
{
    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        if (c->render) {
            collect_fixtures(c);
        }
    }
}

START_TEST(each_command_that_prints_a_document_has_a_fixture)
{
    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        if (c->render) {
            ck_assert_msg(collect_fixtures(c) > 0, "%s has no fixture", c->name);
        }
    }
}
END_TEST

static cli_render *render_renderer(const char *command)
{
    const struct cli_command *found = cli_command_find(command);

    ck_assert_msg(found && found->render, "%s has no renderer", command);
    return found->render;
}

START_TEST(a_document_is_printed_as_its_fixture)
{
    expect_fixture(fixtures[_i].name, fixtures[_i].render);
}
END_TEST

START_TEST(nothing_but_printable_text_is_printed_whatever_a_document_holds)
{
    views_open();
    out.utf8 = err.utf8 = true;
    json_t *doc = render_fixture("list/list_hostile");
    render_renderer("list")(doc, &out, &err);
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
    json_decref(doc);
    views_close();
}
END_TEST

START_TEST(a_backup_and_a_plan_survive_an_empty_document)
{
    static const char *const lines[] = {"backup", "restore latest --yes"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        fake_reset();
        fake.answers[0] = fake.answers[1] = (struct fake_answer){.json = "{}"};
        world_run(lines[i]);
        ck_assert_ptr_null(strstr(world.err, "out of memory"));
    }
}
END_TEST

/* Every member becomes null, a number, an empty array, one after the other. */
START_TEST(a_renderer_survives_members_of_another_type)
{
    views_open();
    json_t *doc = render_fixture(fixtures[_i].name);
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

/* Runs a command line; the library returns a fixture. */
static void run_on_fixture(const char *words, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s.json", FIXTURES, name);
    char *json = world_file(path);
    fake_reset();
    fake.answers[0] = (struct fake_answer){.json = json};
    ck_assert_int_eq(world_run(words), 0);
    free(json);
}

START_TEST(the_summary_of_a_backup_names_the_next_step)
{
    static const char *const names[] = {"backup/backup", "backup/backup_degraded"};

    for (size_t i = 0; i < 2; i++) {
        run_on_fixture("-c my.yaml backup", names[i]);
        render_expect(names[i], "err", world.err);
    }
}
END_TEST

START_TEST(a_quiet_backup_prints_no_summary)
{
    run_on_fixture("backup -q", "backup/backup");
    ck_assert_str_eq(world.err, "");
}
END_TEST

START_TEST(a_plan_names_every_target)
{
    run_on_fixture("restore latest --dry-run", "plan");
    render_expect("plan", "out", world.out);
}
END_TEST

START_TEST(details_are_shown_when_asked_for)
{
    views_open();
    out.verbose = true;
    json_t *doc = render_fixture("status/status");
    render_renderer("status")(doc, &out, &err);
    views_flush();
    ck_assert_ptr_nonnull(strstr(out_text, "password  ***"));
    ck_assert_ptr_nonnull(strstr(out_text, "memory 128.0 MiB"));
    json_decref(doc);
    views_close();
}
END_TEST

/* "skipping a damaged copy: ..." has it, with a hint. */
START_TEST(the_damage_of_a_backup_is_shown_once)
{
    struct cli_printed_failures printed = {0};
    views_open();
    err.printed = &printed;
    json_t *doc = render_fixture("show/show");
    json_object_set_new(doc, "verified",
                        json_pack("{s:s, s:s, s:s, s:s}", "sink", "local", "level", "full",
                                  "status", "corrupt", "error", "db is gone"));
    render_renderer("show")(doc, &out, &err);
    views_flush();
    ck_assert_ptr_nonnull(strstr(out_text, "db is gone"));
    cli_record(&err, "skipping a damaged copy: db is gone; hint: judge it again");
    size_t first = out_size;
    render_renderer("show")(doc, &out, &err);
    views_flush();
    ck_assert_ptr_null(strstr(out_text + first, "db is gone"));
    ck_assert(!cli_was_printed(&err, "is gone"));
    ck_assert(!cli_was_printed(&err, "db is"));
    cli_printed_failures_free(&printed);
    json_decref(doc);
    views_close();
}
END_TEST

START_TEST(a_backup_that_was_not_judged_is_not_called_bad)
{
    views_open();
    json_t *doc = render_fixture("verify/verify_interrupted");
    render_renderer("verify")(doc, &out, &err);
    views_flush();
    ck_assert_ptr_nonnull(strstr(out_text, "in local: interrupted, not judged\n"));
    ck_assert_ptr_nonnull(strstr(out_text, "the backup is not judged: neither good nor bad\n"));
    ck_assert_ptr_null(strstr(out_text, "not good"));
    ck_assert_ptr_null(strstr(out_text, "FAILED"));
    json_decref(doc);
    views_close();
}
END_TEST

START_TEST(symbols_and_colours_are_used_where_they_can_be)
{
    views_open();
    out.utf8 = out.colour = true;
    json_t *doc = render_fixture("verify/verify_good");
    render_renderer("verify")(doc, &out, &err);
    views_flush();
    ck_assert_ptr_nonnull(strstr(out_text, "\033[32m✓\033[0m"));
    json_decref(doc);
    views_close();
}
END_TEST

START_TEST(tables_fit_a_narrow_terminal)
{
    static const struct {
        const char *command, *fixture;
    } rows[] = {{"list", "list/list"},
                {"list", "list/list_pipelines"},
                {"status", "status/status"},
                {"plugin list", "plugin-list/plugins"},
                {"plugin show", "plugin-show/plugin"}};
    static const int widths[] = {60, 80, 96, 120};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * 4; i++) {
        const int width = widths[i % 4];
        size_t lines = 0;
        views_open();
        out.width = width;
        json_t *doc = render_fixture(rows[i / 4].fixture);
        render_renderer(rows[i / 4].command)(doc, &out, &err);
        views_flush();
        char *rest = out_text, *line;
        while ((line = strsep(&rest, "\n"))) {
            /* lines that are not of a table may be longer */
            bool sentence = strstr(line, "last run") || strstr(line, "next prune") ||
                            strstr(line, "lacks") || strncmp(line, "  ", 2) != 0;
            sentence = sentence && strcmp(rows[i / 4].command, "status") == 0;
            sentence = sentence || strstr(line, ", ABI ");
            ck_assert_msg(sentence || strstr(line, ": ") || cli_text_width(line) <= width,
                          "%s at %d: %s", rows[i / 4].command, width, line);
            lines++;
        }
        ck_assert_uint_gt(lines, 2);
        json_decref(doc);
        views_close();
    }
}
END_TEST

static void render_add_tests(TCase *tests)
{
    collect_all_fixtures();
    tcase_add_loop_test(tests, a_document_is_printed_as_its_fixture, 0, fixture_count);
    tcase_add_loop_test(tests, a_renderer_survives_an_empty_document, 0, fixture_count);
    tcase_add_loop_test(tests, a_renderer_survives_members_of_another_type, 0, fixture_count);
    tcase_add_test(tests, each_command_that_prints_a_document_has_a_fixture);
    tcase_add_test(tests, a_backup_and_a_plan_survive_an_empty_document);
    tcase_add_test(tests, nothing_but_printable_text_is_printed_whatever_a_document_holds);
    tcase_add_test(tests, the_summary_of_a_backup_names_the_next_step);
    tcase_add_test(tests, a_quiet_backup_prints_no_summary);
    tcase_add_test(tests, a_plan_names_every_target);
    tcase_add_test(tests, details_are_shown_when_asked_for);
    tcase_add_test(tests, the_damage_of_a_backup_is_shown_once);
    tcase_add_test(tests, a_backup_that_was_not_judged_is_not_called_bad);
    tcase_add_test(tests, symbols_and_colours_are_used_where_they_can_be);
    tcase_add_test(tests, tables_fit_a_narrow_terminal);
}

int main(void)
{
    return world_main("cli render", render_add_tests);
}
