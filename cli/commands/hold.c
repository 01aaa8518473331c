/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hold, unhold: protect a backup from removal, and end that protection.
 */
#include "cli.h"
#include "document.h"
#include "options.h"

static void hold_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const char *id = cli_string(doc, "id");
    bool hold = cli_flag(doc, "hold");
    const json_t *sink;
    size_t i;

    json_array_foreach (cli_array(doc, "sinks"), i, sink) {
        if (cli_done(sink)) {
            cli_put_mark(out, CLI_TICK);
            fprintf(out->file, " %s%s%s is %s in %s\n", cli_on(out, CLI_BOLD), id, cli_off(out),
                    hold ? "on hold" : "no longer on hold", cli_string(sink, "sink"));
        } else {
            cli_put_mark(err, CLI_CROSS);
            fprintf(err->file, " %s: ", cli_string(sink, "sink"));
            cli_put_message(err, 0, CLI_RED, cli_string(sink, "error"));
        }
    }
}

static int hold_set(struct cli *cli, int hold)
{
    struct hangar_selection which = cli_selection(cli);
    char *json = NULL;
    enum hangar_status status = hangar_hold(cli->hangar, &which, hold, &json);

    return cli_finish(cli, status, json, hold_render, "sinks");
}

static int hold_command(struct cli *cli)
{
    return hold_set(cli, 1);
}

static int unhold_command(struct cli *cli)
{
    return hold_set(cli, 0);
}

CLI_COMMAND(hold) = {
    .order = 120,
    .name = "hold",
    .operands = "ID|latest",
    .min = 1,
    .max = 1,
    .opens = true,
    .summary = "protect a backup from removal",
    .text =
        "Put the backup on hold in each sink that has it, or only in the sink of --from. Neither "
        "retention nor `hangar remove` removes it until `hangar unhold`.",
    .options = cli_selection_options,
    .run = hold_command,
    .render = hold_render,
};

CLI_COMMAND(unhold) = {
    .order = 130,
    .name = "unhold",
    .operands = "ID|latest",
    .min = 1,
    .max = 1,
    .opens = true,
    .summary = "end the protection of a backup",
    .options = cli_selection_options,
    .run = unhold_command,
    .render = hold_render,
};
