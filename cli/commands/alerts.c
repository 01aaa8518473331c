/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alerts: looks for what somebody should know, and has the notifiers told.
 */
#include "commands.h"

void cli_render_alerts(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *alert;
    size_t i;

    (void)err;
    json_array_foreach (cli_array(doc, "alerts"), i, alert) {
        cli_put_mark(out, CLI_BANG);
        fprintf(out->file, " %s%s%s: %s, since %s\n", cli_on(out, CLI_BOLD),
                cli_string(alert, "pipeline"), cli_off(out), cli_string(alert, "text"),
                cli_string(alert, "since"));
    }
    if (i == 0 && !out->quiet) {
        cli_put_mark(out, CLI_TICK);
        fprintf(out->file, " nothing that somebody should know\n");
    }
}

int cli_command_alerts(struct cli *cli)
{
    uint32_t flags = cli_has_option(cli, CLI_DRY_RUN) ? HANGAR_REQUEST_DRY_RUN : 0;
    char *json = NULL;
    enum hangar_status status = hangar_alerts(cli->hangar, flags, &json);

    return cli_finish(cli, status, json, cli_render_alerts, NULL);
}
