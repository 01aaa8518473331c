/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * history: prints the last jobs on this machine, newest first.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"
#include "table.h"

#define HISTORY_LAST 20 /* when --last is not given */

static const struct cli_option history_last = {
    .name = "last",
    .value = "N",
    .help = "how many jobs to print, 0 for all (default: 20)",
};

static void history_put_job(struct cli_table *table, const json_t *job)
{
    const char *status = cli_string(job, "status"), *error = cli_string(job, "error");
    enum cli_style style = strcmp(status, "done") == 0          ? CLI_GREEN
                           : strcmp(status, "degraded") == 0    ? CLI_YELLOW
                           : strcmp(status, "interrupted") == 0 ? CLI_YELLOW
                                                                : CLI_RED;
    char text[CLI_SHORT];

    cli_table_cell(table, CLI_PLAIN, "%s", cli_time(cli_instant(job, "time"), text));
    cli_table_cell(table, CLI_PLAIN, "%s", cli_string(job, "job"));
    cli_table_cell(table, CLI_PLAIN, "%s", cli_string(job, "pipeline"));
    cli_table_cell(table, style, "%s", status);
    cli_table_cell(table, CLI_PLAIN, "%s",
                   cli_has(job, "duration_ms") ? cli_duration(cli_integer(job, "duration_ms"), text)
                                               : "-");
    if (cli_has(job, "retry")) {
        cli_table_cell(table, CLI_PLAIN, "%s (tried again)", error);
    } else {
        cli_table_cell(table, CLI_PLAIN, "%s", *error ? error : cli_string(job, "id"));
    }
}

static void history_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    static const struct cli_column columns[] = {
        {"TIME", CLI_LEFT, false, 0},     {"JOB", CLI_LEFT, false, 0},
        {"PIPELINE", CLI_LEFT, false, 0}, {"RESULT", CLI_LEFT, false, 0},
        {"TOOK", CLI_RIGHT, false, 0},    {"BACKUP OR REASON", CLI_WRAP, false, 0},
    };
    const json_t *jobs = cli_array(doc, "jobs"), *job;
    struct cli_table table;
    size_t i;

    cli_table_init(&table, out, columns, 6, 0);
    json_array_foreach (jobs, i, job) {
        history_put_job(&table, job);
    }
    cli_table_print(&table);
    if (i == 0 && cli_done(doc)) {
        cli_note(err, "no job has run on this machine with this configuration");
    }
}

static int history_command(struct cli *cli)
{
    const char *text = cli_option_value(cli, &history_last);
    char *end = NULL, *json = NULL;
    unsigned long last = text ? strtoul(text, &end, 10) : HISTORY_LAST;

    if (text && (*text < '0' || *text > '9' || *end || last > UINT32_MAX)) {
        return cli_stop(cli, HANGAR_STATUS_USAGE, "--last must be a number");
    }
    enum hangar_status status =
        hangar_history(cli->hangar, cli->args.operands[0], (uint32_t)last, &json);

    return cli_finish(cli, status, json, history_render, NULL);
}

static const struct cli_option *const history_options[] = {&history_last, NULL};

CLI_COMMAND(history) = {
    .order = 65,
    .name = "history",
    .operands = "[PIPELINE]",
    .max = 1,
    .opens = true,
    .summary = "show the last jobs on this machine",
    .text =
        "Print when the last backups, restores, verifications and drills of the pipeline, or of "
        "all pipelines, began on this machine, how they ended, and why. `hangar list` shows which "
        "backups exist.",
    .options = history_options,
    .run = history_command,
    .render = history_render,
};
