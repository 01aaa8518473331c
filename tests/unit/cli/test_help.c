/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * help: the help and the manual page name all commands and options.
 */
#include "cli_world.h"

#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "options.h"

/* The name with its operands, in the notation of the help and the manual. */
static const char *help_synopsis(const struct cli_command *command)
{
    static char text[128];

    snprintf(text, sizeof(text), "%s%s%s", command->name, *command->operands ? " " : "",
             command->operands);
    return text;
}

START_TEST(the_overview_names_every_command_and_global_option)
{
    char line[256];

    ck_assert_int_eq(world_run("help"), 0);
    ck_assert_str_eq(world.err, "");
    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        if (c->hidden) {
            continue;
        }
        snprintf(line, sizeof(line), "\n  %s ", help_synopsis(c));
        ck_assert_msg(strstr(world.out, line) != NULL, "help lacks %s", c->name);
    }
    for (const struct cli_option *const *at = cli_global_options; *at; at++) {
        const struct cli_option *o = *at;
        snprintf(line, sizeof(line), "--%s%s%s ", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        ck_assert_msg(strstr(world.out, line) != NULL, "help lacks --%s", o->name);
    }
}
END_TEST

START_TEST(each_form_of_help_names_the_options_of_a_command)
{
    static const char *const ways[] = {"help %s", "%s --help", "--help %s", "%s -h --json"};
    char words[128], line[256];

    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        if (c->hidden) {
            continue;
        }
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
            snprintf(words, sizeof(words), ways[i], c->name);
            ck_assert_int_eq(world_run(words), 0);
            ck_assert_str_eq(fake.calls, "");
            snprintf(line, sizeof(line), "usage: hangar %s", c->name);
            ck_assert_msg(strncmp(world.out, line, strlen(line)) == 0, "%s", world.out);
            for (const struct cli_option *const *at = c->options; at && *at; at++) {
                const struct cli_option *o = *at;
                snprintf(line, sizeof(line), "--%s%s%s ", o->name, o->value ? " " : "",
                         o->value ? o->value : "");
                ck_assert_msg(strstr(world.out, line) != NULL, "%s lacks %s", words, line);
            }
        }
    }
}
END_TEST

START_TEST(a_group_lists_its_commands)
{
    ck_assert_int_eq(world_run("help plugin"), 0);
    ck_assert_ptr_nonnull(strstr(world.out, "plugin list "));
    ck_assert_ptr_nonnull(strstr(world.out, "plugin show NAME "));
    ck_assert_int_eq(world_run("plugin --help"), 0);
    ck_assert_ptr_nonnull(strstr(world.out, "plugin show NAME "));
}
END_TEST

START_TEST(no_command_prints_the_overview_and_is_an_error)
{
    ck_assert_int_eq(world_run(""), 2);
    ck_assert_str_eq(world.out, "");
    ck_assert_ptr_nonnull(strstr(world.err, "usage: hangar"));
}
END_TEST

START_TEST(help_fits_a_terminal)
{
    world.io.out_tty = true;
    world.io.width = 70;
    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        if (c->hidden) {
            continue;
        }
        char words[128], *rest, *line;
        snprintf(words, sizeof(words), "help --color never %s", c->name);
        ck_assert_int_eq(world_run(words), 0);
        rest = world.out;
        while ((line = strsep(&rest, "\n"))) {
            ck_assert_msg(strlen(line) <= 70 || strstr(line, "usage:"), "%s", line);
        }
        free(world.out);
        world.out = NULL;
    }
}
END_TEST

START_TEST(the_version_is_that_of_the_library)
{
    ck_assert_int_eq(world_run("version"), 0);
    ck_assert_str_eq(world.out, "hangar 0.1.0\n");
    ck_assert_int_eq(world_run("--version"), 0);
    ck_assert_str_eq(world.out, "hangar 0.1.0\n");
    ck_assert_int_eq(world_run("--version --json"), 0);
    json_t *doc = json_loads(world.out, 0, NULL);
    ck_assert_str_eq(cli_string(doc, "version"), "0.1.0");
    json_decref(doc);
}
END_TEST

/* The part of the manual from a heading to the next; malloc'd. */
static char *help_section(const char *manual, const char *heading)
{
    char line[160];

    snprintf(line, sizeof(line), "\n%s\n", heading);
    const char *start = strstr(manual, line);
    ck_assert_msg(start != NULL, "the manual lacks \"%s\"", heading);
    start += strlen(line) - 1;
    const char *end = strstr(start, "\n#");
    return end ? strndup(start, (size_t)(end - start) + 1) : strdup(start);
}

START_TEST(the_options_of_each_command_fit_the_parser)
{
    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        size_t options = 0;
        for (const struct cli_option *const *at = cli_global_options; *at; at++) {
            options++;
        }
        for (const struct cli_option *const *at = c->options; at && *at; at++) {
            options++;
        }
        ck_assert_msg(options <= CLI_OPTIONS_MAX, "%s has %zu options", c->name, options);
    }
}
END_TEST

static int help_count(const char *text, const char *part)
{
    int n = 0;

    for (; (text = strstr(text, part)); text++) {
        n++;
    }
    return n;
}

static void has_just_these(const char *text, const char *where,
                           const struct cli_option *const *options)
{
    int expected = 0;

    for (; options && *options; options++, expected++) {
        const struct cli_option *o = *options;
        char line[160], letter[16] = "";
        if (o->letter) {
            snprintf(letter, sizeof(letter), "*-%c*, ", o->letter);
        }
        snprintf(line, sizeof(line), "\n%s*--%s*%s%s%s\n", letter, o->name, o->value ? " _" : "",
                 o->value ? o->value : "", o->value ? "_" : "");
        ck_assert_msg(strstr(text, line) != NULL, "the manual's %s lacks%s", where, line);
    }
    ck_assert_msg(help_count(text, "\n*-") == expected, "the manual's %s has an option too many",
                  where);
}

START_TEST(the_manual_has_exactly_the_registered_commands_and_options)
{
    char *manual = world_file(MANUAL), heading[160];
    int commands = 0;

    char *text = help_section(manual, "# OPTIONS");
    has_just_these(text, "OPTIONS", cli_global_options);
    free(text);
    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        if (c->hidden) {
            continue;
        }
        commands++;
        snprintf(heading, sizeof(heading), "## %s", help_synopsis(c));
        text = help_section(manual, heading);
        has_just_these(text, heading, c->options);
        free(text);
    }
    ck_assert_int_eq(help_count(manual, "\n## "), commands);
    free(manual);
}
END_TEST

static void help_add_tests(TCase *tests)
{
    tcase_add_test(tests, the_overview_names_every_command_and_global_option);
    tcase_add_test(tests, each_form_of_help_names_the_options_of_a_command);
    tcase_add_test(tests, a_group_lists_its_commands);
    tcase_add_test(tests, no_command_prints_the_overview_and_is_an_error);
    tcase_add_test(tests, help_fits_a_terminal);
    tcase_add_test(tests, the_options_of_each_command_fit_the_parser);
    tcase_add_test(tests, the_version_is_that_of_the_library);
    tcase_add_test(tests, the_manual_has_exactly_the_registered_commands_and_options);
}

int main(void)
{
    return world_main("cli help", help_add_tests);
}
