/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hold, unhold: whether a backup stays whatever retention says.
 */
#include "commands.h"

void cli_render_hold(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const char *id = cli_string(doc, "id");
    bool hold = cli_flag(doc, "hold");
    const json_t *sink;
    size_t i;

    json_array_foreach (cli_array(doc, "sinks"), i, sink) {
        if (cli_done(sink)) {
            cli_put_mark(out, CLI_TICK);
            fprintf(out->file, " %s%s%s is %s in %s\n", cli_on(out, CLI_BOLD), id, cli_off(out),
                    hold ? "held" : "not held any more", cli_string(sink, "sink"));
        } else {
            cli_put_mark(err, CLI_CROSS);
            fprintf(err->file, " %s: ", cli_string(sink, "sink"));
            cli_put_message(err, 0, CLI_RED, cli_string(sink, "error"));
        }
    }
}

static int set_hold(struct cli *cli, int hold)
{
    struct hangar_selection which = cli_selection(cli);
    char *json = NULL;
    enum hangar_status status = hangar_hold(cli->hangar, &which, hold, &json);

    return cli_finish(cli, status, json, cli_render_hold, "sinks");
}

int cli_command_hold(struct cli *cli)
{
    return set_hold(cli, 1);
}

int cli_command_unhold(struct cli *cli)
{
    return set_hold(cli, 0);
}
