/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alerts: evaluates the alerts, notifies, and prints the active ones.
 */
#include "cli.h"
#include "document.h"

static const struct cli_option alerts_dry_run = {.name = "dry-run",
                                                 .help = "print the alerts and do not notify"};

static void alerts_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
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
        fprintf(out->file, " no alerts\n");
    }
}

static int alerts_command(struct cli *cli)
{
    uint32_t flags = cli_has_option(cli, &alerts_dry_run) ? HANGAR_REQUEST_DRY_RUN : 0;
    char *json = NULL;
    enum hangar_status status = hangar_alerts(cli->hangar, flags, &json);

    return cli_finish(cli, status, json, alerts_render, NULL);
}

static const struct cli_option *const alerts_options[] = {&alerts_dry_run, NULL};

CLI_COMMAND(alerts) = {
    .order = 180,
    .name = "alerts",
    .operands = "",
    .opens = true,
    .summary = "evaluate the alerts and notify",
    .text = "Print the active alerts: a failed run, a slow run, old backups, little free space, a "
            "sink that cannot be read, a damaged backup, a backup from the future, a backup of "
            "unusual size, a failed or overdue drill. Notify of alerts that started or ended since "
            "the last time, and repeat those that last. `hangar daemon` and every backup and "
            "verification do the same.",
    .options = alerts_options,
    .run = alerts_command,
    .render = alerts_render,
};
