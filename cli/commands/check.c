/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * check: prints each check, grouped by kind, and the result of all.
 */
#include <string.h>

#include "cli.h"
#include "document.h"
#include "table.h"

static enum cli_symbol check_mark_of(const char *status)
{
    return strcmp(status, "ok") == 0        ? CLI_TICK
           : strcmp(status, "warning") == 0 ? CLI_BANG
                                            : CLI_CROSS;
}

static void check_put_facts(struct cli_view *out, const json_t *facts, int indent)
{
    static const struct cli_column columns[] = {{NULL, CLI_LEFT, false, 0},
                                                {NULL, CLI_WRAP, false, 0}};
    struct cli_table table;
    const char *key;
    const json_t *value;

    cli_table_init(&table, out, columns, 2, indent);
    json_object_foreach ((json_t *)facts, key, value) {
        cli_table_cell(&table, CLI_DIM, "%s", key);
        char text[32];
        cli_table_cell(&table, CLI_PLAIN, "%s", cli_scalar(value, text));
    }
    cli_table_print(&table);
}

static void check_put_item(struct cli_view *out, const json_t *item)
{
    static const enum cli_style styles[] = {
        [CLI_TICK] = CLI_PLAIN, [CLI_BANG] = CLI_YELLOW, [CLI_CROSS] = CLI_RED};
    enum cli_symbol mark = check_mark_of(cli_string(item, "status"));

    fputs("  ", out->file);
    cli_put_mark(out, mark);
    fprintf(out->file, " %s%s%s", cli_on(out, CLI_BOLD), cli_string(item, "name"), cli_off(out));
    if (cli_has(item, "plugin")) {
        fprintf(out->file, " (%s)", cli_string(item, "plugin"));
    }
    if (*cli_string(item, "target")) {
        fprintf(out->file, ": %s", cli_string(item, "target"));
    }
    fputc('\n', out->file);
    const json_t *message;
    size_t i;
    json_array_foreach (cli_array(item, "messages"), i, message) {
        if (json_is_string(message)) {
            cli_put_message(out, 6, styles[mark],
                            cli_without(json_string_value(message), cli_string(item, "kind"),
                                        cli_string(item, "name")));
        }
    }
    check_put_facts(out, json_object_get(item, "facts"), 6);
}

static void check_put_verdict(struct cli_view *out, size_t items, size_t warnings, size_t failed)
{
    char checks[CLI_SHORT], doubts[CLI_SHORT];

    cli_put_mark(out, failed ? CLI_CROSS : warnings ? CLI_BANG : CLI_TICK);
    if (failed) {
        fprintf(out->file, " not ready: %zu of %s failed", failed,
                cli_count(items, "check", checks));
    } else {
        fprintf(out->file, " ready for a backup: %s passed", cli_count(items, "check", checks));
    }
    if (warnings) {
        fprintf(out->file, ", %s", cli_count(warnings, "warning", doubts));
    }
    fputc('\n', out->file);
}

static void check_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    static const char *const kinds[][2] = {{"config", "configuration"}, {"signing", "signing"},
                                           {"source", "sources"},       {"transform", "transforms"},
                                           {"sink", "sinks"},           {"notifier", "notifiers"},
                                           {"pipeline", "pipelines"}};
    const json_t *items = cli_array(doc, "items"), *item;
    size_t i, warnings = 0, failed = 0;

    (void)err;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        bool titled = false;
        json_array_foreach (items, i, item) {
            if (strcmp(cli_string(item, "kind"), kinds[k][0]) != 0) {
                continue;
            }
            if (!titled) {
                fprintf(out->file, "%s\n", kinds[k][1]);
            }
            titled = true;
            check_put_item(out, item);
        }
    }
    json_array_foreach (items, i, item) {
        enum cli_symbol mark = check_mark_of(cli_string(item, "status"));
        warnings += mark == CLI_BANG;
        failed += mark == CLI_CROSS;
    }
    if (json_array_size(items) > 0 && strcmp(cli_string(doc, "status"), "interrupted") != 0) {
        check_put_verdict(out, json_array_size(items), warnings, failed);
    }
}

static int check_command(struct cli *cli)
{
    char *json = NULL;
    enum hangar_status status = hangar_check(cli->hangar, &json);

    return cli_finish(cli, status, json, check_render, "items");
}

CLI_COMMAND(check) = {
    .order = 20,
    .name = "check",
    .operands = "",
    .opens = true,
    .summary = "check everything that a backup needs",
    .text =
        "Check the configuration, the plugins, the servers, their client programs, the sinks and "
        "the notifiers, and rehearse each pipeline: do what a backup does before it reads data. "
        "Send no message. Change nothing but the state folder, which records what each sink can "
        "do; test objects in sinks are removed again.",
    .run = check_command,
    .render = check_render,
};
