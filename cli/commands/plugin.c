/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plugin: lists the plugins, and shows the options of one.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"
#include "table.h"

static void plugins_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    static const struct cli_column columns[] = {{"NAME", CLI_LEFT, false, 0},
                                                {"VERSION", CLI_LEFT, false, 0},
                                                {"ROLE", CLI_LEFT, false, 0},
                                                {"SUMMARY", CLI_WRAP, false, 0}};
    const json_t *plugins = cli_array(doc, "plugins"), *item;
    struct cli_table table;
    size_t i;

    cli_table_init(&table, out, columns, 4, 0);
    json_array_foreach (plugins, i, item) {
        if (cli_has(item, "error")) {
            continue;
        }
        char *roles = cli_join(cli_array(item, "roles"));
        cli_table_cell(&table, CLI_BOLD, "%s", cli_string(item, "name"));
        cli_table_cell(&table, CLI_PLAIN, "%s", cli_string(item, "version"));
        cli_table_cell(&table, CLI_PLAIN, "%s", roles ? roles : "");
        cli_table_cell(&table, CLI_PLAIN, "%s", cli_string(item, "summary"));
        out->failed |= !roles;
        free(roles);
    }
    cli_table_print(&table);
    fflush(out->file);
    json_array_foreach (plugins, i, item) {
        if (cli_has(item, "error")) {
            fprintf(err->file, "%swarning%s: %s: %s\n", cli_on(err, CLI_YELLOW), cli_off(err),
                    *cli_string(item, "file") ? cli_string(item, "file") : cli_string(item, "name"),
                    cli_string(item, "error"));
        }
    }
    if (json_array_size(plugins) == 0 && cli_done(doc)) {
        cli_note(err, "no plugins found");
    }
}

/* A bound of an option in the notation of its type; "" when there is none to print. */
static const char *plugin_bound_text(const json_t *option, const char *key, char out[CLI_SHORT])
{
    const char *type = cli_string(option, "type");
    int64_t value = cli_integer(option, key);

    if (!cli_has(option, key) || value == INT64_MAX || value == INT64_MIN) {
        return "";
    }
    if (strcmp(type, "size") == 0) {
        return cli_size(cli_bytes(option, key), out);
    }
    if (strcmp(type, "duration") == 0) {
        return cli_duration(value, out);
    }
    snprintf(out, CLI_SHORT, "%lld", (long long)value);
    return out;
}

/* "int, 1 to 64", "size, from 5.0 MiB", "a, b, c" */
static char *plugin_type_text(const json_t *option)
{
    char low[CLI_SHORT], high[CLI_SHORT], *text = NULL;
    const char *min = plugin_bound_text(option, "min", low),
               *max = plugin_bound_text(option, "max", high);
    const char *type = cli_string(option, "type");
    int rc;

    if (json_array_size(cli_array(option, "choices")) > 0) {
        return cli_join(cli_array(option, "choices"));
    }
    if (*min && *max) {
        rc = asprintf(&text, "%s, %s to %s", type, min, max);
    } else if (*max) {
        rc = asprintf(&text, "%s, up to %s", type, max);
    } else if (cli_integer(option, "min") > 0) {
        rc = asprintf(&text, "%s, from %s", type, min);
    } else {
        rc = asprintf(&text, "%s", type);
    }
    return rc < 0 ? NULL : text;
}

static void plugin_put_options(const json_t *options, struct cli_view *out)
{
    static const struct cli_column columns[] = {{"OPTION", CLI_LEFT, false, 0},
                                                {"TYPE", CLI_LEFT, false, 0},
                                                {"DEFAULT", CLI_LEFT, false, 0},
                                                {"MEANING", CLI_WRAP, false, 0}};
    struct cli_table table;
    const json_t *option;
    size_t i;

    cli_table_init(&table, out, columns, 4, 2);
    json_array_foreach (options, i, option) {
        char *type = plugin_type_text(option);
        bool required = cli_flag(option, "required");
        cli_table_cell(&table, CLI_BOLD, "%s", cli_string(option, "name"));
        cli_table_cell(&table, CLI_PLAIN, "%s", type ? type : "");
        char text[32];
        cli_table_cell(&table, required ? CLI_YELLOW : CLI_PLAIN, "%s",
                       required ? "required"
                       : cli_has(option, "default")
                           ? cli_scalar(json_object_get(option, "default"), text)
                           : "-");
        cli_table_cell(
            &table, CLI_PLAIN, "%s%s", cli_string(option, "help"),
            cli_flag(option, "secret") ? " (secret: also as _file, _command, _credential)" : "");
        out->failed |= !type;
        free(type);
    }
    cli_table_print(&table);
}

static void plugin_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *item;
    size_t i;

    (void)err;
    json_array_foreach (cli_array(doc, "plugins"), i, item) {
        char *roles = cli_join(cli_array(item, "roles"));
        fprintf(out->file, "%s%s%s %s: %s\n", cli_on(out, CLI_BOLD), cli_string(item, "name"),
                cli_off(out), cli_string(item, "version"), cli_string(item, "summary"));
        fprintf(out->file, "  %s, ABI %s, %s, %s\n", roles ? roles : "", cli_string(item, "abi"),
                cli_string(item, "license"), cli_string(item, "file"));
        out->failed |= !roles;
        free(roles);
        if (cli_has(item, "error")) {
            fprintf(out->file, "  %s%s%s\n", cli_on(out, CLI_RED), cli_string(item, "error"),
                    cli_off(out));
        }
        if (json_array_size(cli_array(item, "options")) > 0) {
            fputc('\n', out->file);
            plugin_put_options(cli_array(item, "options"), out);
        }
    }
}

static int plugin_list_command(struct cli *cli)
{
    char *json = NULL;
    enum hangar_status status = hangar_plugins(cli->hangar, NULL, &json);

    return cli_finish(cli, status, json, plugins_render, NULL);
}

static int plugin_show_command(struct cli *cli)
{
    char *json = NULL;
    enum hangar_status status = hangar_plugins(cli->hangar, cli->args.operands[0], &json);

    return cli_finish(cli, status, json, plugin_render, NULL);
}

CLI_COMMAND(plugin_list) = {
    .order = 200,
    .name = "plugin list",
    .operands = "",
    .opens = true,
    .no_config = true,
    .summary = "list the plugins",
    .run = plugin_list_command,
    .render = plugins_render,
};

CLI_COMMAND(plugin_show) = {
    .order = 210,
    .name = "plugin show",
    .operands = "NAME",
    .min = 1,
    .max = 1,
    .opens = true,
    .no_config = true,
    .summary = "show a plugin and its options",
    .run = plugin_show_command,
    .render = plugin_render,
};
