/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * health: compares the age of the newest good backup in each sink with max_age.
 */
#include <string.h>

#include "cli.h"
#include "document.h"

static void health_put_sink(const json_t *pipeline, const json_t *sink, struct cli_view *out)
{
    int64_t newest = cli_instant(sink, "newest_time");
    char age[CLI_SHORT], limit[CLI_SHORT];
    bool required = cli_flag(sink, "required");

    cli_put_mark(out, cli_done(sink) ? CLI_TICK : required ? CLI_CROSS : CLI_BANG);
    fprintf(out->file, " %s%s%s in %s%s: ", cli_on(out, CLI_BOLD), cli_string(pipeline, "name"),
            cli_off(out), cli_string(sink, "name"), required ? "" : " (optional)");
    if (!cli_done(sink) && strcmp(cli_string(sink, "status"), "stale") != 0) {
        fprintf(out->file, "%s\n", cli_string(sink, "error"));
    } else if (newest < 0) {
        fputs("no good backup\n", out->file);
    } else if (cli_done(sink)) {
        fprintf(out->file, "%s old\n", cli_age(cli_integer(sink, "age_ms"), age));
    } else {
        fprintf(out->file, "%s old (limit %s)\n", cli_age(cli_integer(sink, "age_ms"), age),
                cli_age(cli_integer(pipeline, "max_age_ms"), limit));
    }
}

static void health_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *pipeline, *sink;
    size_t i, k;

    (void)err;
    json_array_foreach (cli_array(doc, "pipelines"), i, pipeline) {
        json_array_foreach (cli_array(pipeline, "sinks"), k, sink) {
            health_put_sink(pipeline, sink, out);
        }
    }
}

static int health_command(struct cli *cli)
{
    char *json = NULL;
    enum hangar_status status = hangar_health(cli->hangar, cli->args.operands[0], &json);

    return cli_finish(cli, status, json, health_render, "pipelines");
}

CLI_COMMAND(health) = {
    .order = 70,
    .name = "health",
    .operands = "[PIPELINE]",
    .max = 1,
    .opens = true,
    .summary = "check the age of the newest backups",
    .text = "Compare the age of the newest good backup in each sink with the `max_age` of the "
            "pipeline, or of all pipelines. The exit status is 7 if a required sink has no backup "
            "within that age, and 3 if only optional sinks have none.",
    .run = health_command,
    .render = health_render,
};
