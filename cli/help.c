/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * help: the pages are made from the registered commands.
 */
#include "help.h"

#include <string.h>

#include "options.h"
#include "table.h"

#define HELP_WIDTH 96

/* A view that also breaks lines without a terminal. */
static struct cli_view help_page(const struct cli_view *view)
{
    struct cli_view result = *view;

    if (result.width <= 0 || result.width > HELP_WIDTH) {
        result.width = HELP_WIDTH;
    }
    return result;
}

static void help_put_heading(const struct cli_view *view, const char *text)
{
    fprintf(view->file, "\n%s%s%s\n", cli_on(view, CLI_BOLD), text, cli_off(view));
}

static void help_put_paragraph(struct cli_view *view, const char *text)
{
    static const struct cli_column columns[] = {{NULL, CLI_WRAP, false, 0}};
    struct cli_table table;

    cli_table_init(&table, view, columns, 1, 0);
    cli_table_cell(&table, CLI_PLAIN, "%s", text);
    cli_table_print(&table);
}

static void help_put_options(struct cli_view *view, const struct cli_option *const *options)
{
    static const struct cli_column columns[] = {{NULL, CLI_LEFT, false, 0},
                                                {NULL, CLI_WRAP, false, 0}};
    struct cli_table table;

    cli_table_init(&table, view, columns, 2, 2);
    for (; *options; options++) {
        const struct cli_option *option = *options;
        char letter[8] = "    ";
        if (option->letter) {
            snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        }
        cli_table_cell(&table, CLI_PLAIN, "%s--%s%s%s", letter, option->name,
                       option->value ? " " : "", option->value ? option->value : "");
        cli_table_cell(&table, CLI_PLAIN, "%s", option->help);
    }
    cli_table_print(&table);
}

static bool help_is_of(const struct cli_command *command, const char *topic)
{
    size_t n = topic ? strlen(topic) : 0;

    return !topic || (strncmp(command->name, topic, n) == 0 &&
                      (!command->name[n] || command->name[n] == ' '));
}

static void help_put_commands(struct cli_view *view, const char *topic)
{
    static const struct cli_column columns[] = {{NULL, CLI_LEFT, false, 0},
                                                {NULL, CLI_WRAP, false, 0}};
    struct cli_table table;

    cli_table_init(&table, view, columns, 2, 2);
    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        if (!help_is_of(c, topic) || c->hidden) {
            continue;
        }
        cli_table_cell(&table, CLI_PLAIN, "%s%s%s", c->name, *c->operands ? " " : "", c->operands);
        cli_table_cell(&table, CLI_PLAIN, "%s", c->summary);
    }
    cli_table_print(&table);
}

void cli_help_overview(struct cli_view *view)
{
    struct cli_view v = help_page(view);

    fprintf(v.file, "hangar %s: backups of databases that are proven to restore\n",
            hangar_version());
    fputs("\nusage: hangar [OPTION...] COMMAND [ARGUMENT...]\n", v.file);
    help_put_heading(&v, "commands");
    help_put_commands(&v, NULL);
    help_put_heading(&v, "options, before or after the command");
    help_put_options(&v, cli_global_options);
    fputs("\nStart with `hangar init`. `hangar help COMMAND` describes one command.\n", v.file);
    view->failed |= v.failed;
}

static void help_put_command(struct cli_view *view, const struct cli_command *command)
{
    struct cli_view v = help_page(view);

    fprintf(v.file, "usage: hangar %s%s%s%s\n\n", command->name,
            command->options ? " [OPTION...]" : "", *command->operands ? " " : "",
            command->operands);
    help_put_paragraph(&v, command->text ? command->text : command->summary);
    if (command->options) {
        help_put_heading(&v, "options");
        help_put_options(&v, command->options);
    }
    help_put_heading(&v, "options of all commands");
    help_put_options(&v, cli_global_options);
    view->failed |= v.failed;
}

int cli_help_topic(struct cli *cli, const char *topic)
{
    const struct cli_command *only = NULL;
    int count = 0;

    if (!topic) {
        cli_help_overview(&cli->out);
        return HANGAR_STATUS_DONE;
    }
    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        if (help_is_of(c, topic) && !c->hidden) {
            only = c;
            count++;
        }
    }
    if (count == 0) {
        cli_errorf(cli, "unknown command `%s`; hint: see `hangar help`", topic);
        cli_error_document(cli, HANGAR_STATUS_USAGE, "unknown command");
        return HANGAR_STATUS_USAGE;
    }
    if (count == 1) {
        help_put_command(&cli->out, only);
        return HANGAR_STATUS_DONE;
    }
    struct cli_view v = help_page(&cli->out);
    fprintf(v.file, "usage: hangar %s COMMAND\n", topic);
    help_put_heading(&v, "commands");
    help_put_commands(&v, topic);
    cli->out.failed |= v.failed;
    return HANGAR_STATUS_DONE;
}

int cli_version(struct cli *cli)
{
    if (cli_has_option(cli, &cli_option_json)) {
        cli_print_document(cli, json_pack("{s:s, s:s, s:s}", "schema", "hangar.version/1", "status",
                                          "done", "version", hangar_version()));
    } else {
        fprintf(cli->out.file, "hangar %s\n", hangar_version());
    }
    return HANGAR_STATUS_DONE;
}
