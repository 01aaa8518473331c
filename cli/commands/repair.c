/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * repair: rebuilds lost or damaged files of a backup, and prints a line for each sink.
 */
#include "cli.h"
#include "document.h"
#include "options.h"

static const struct cli_option repair_in = {
    .name = "in", .value = "SINK", .help = "repair the copy in this sink only"};
static const struct cli_option repair_dry_run = {
    .name = "dry-run", .help = "compare only, and print what would be repaired"};

static void repair_put_sink(const json_t *item, const json_t *doc, struct cli_view *out,
                            struct cli_view *err)
{
    const char *id = cli_string(doc, "id"), *sink = cli_string(item, "sink");
    char count[CLI_SHORT];
    bool damaged = cli_bytes(item, "damaged") > 0 || cli_flag(item, "manifest");

    if (!cli_done(item)) {
        cli_put_mark(err, CLI_CROSS);
        fprintf(err->file, " %s in %s: ", id, sink);
        cli_put_message(err, 0, CLI_RED, cli_string(item, "error"));
    } else if (damaged) {
        cli_put_mark(out, CLI_TICK);
        fprintf(out->file, " %s in %s %s from %s: %s%s\n", id, sink,
                cli_flag(doc, "dry_run") ? "can be repaired" : "repaired", cli_string(item, "from"),
                cli_count(cli_bytes(item, "damaged"), "file", count),
                cli_flag(item, "manifest") ? " and the manifest" : "");
    } else {
        cli_put_mark(out, CLI_TICK);
        fprintf(out->file, " %s in %s is whole: %s compared\n", id, sink,
                cli_count(cli_bytes(item, "files"), "file", count));
    }
    const json_t *problem;
    size_t i;
    json_array_foreach (cli_array(item, "problems"), i, problem) {
        cli_put_message(cli_done(item) ? out : err, 4, CLI_DIM, json_string_value(problem));
    }
}

static void repair_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach (cli_array(doc, "sinks"), i, item) {
        repair_put_sink(item, doc, out, err);
    }
    if (cli_flag(doc, "dry_run")) {
        cli_note(err, "nothing was changed: this was a dry run");
    }
}

static int repair_command(struct cli *cli)
{
    struct hangar_selection which = cli_selection(cli);
    char *json = NULL;

    which.sink = cli_option_value(cli, &repair_in);
    enum hangar_status status =
        hangar_repair(cli->hangar, &which,
                      cli_has_option(cli, &repair_dry_run) ? HANGAR_REQUEST_DRY_RUN : 0, &json);
    return cli_finish(cli, status, json, repair_render, "sinks");
}

static const struct cli_option *const repair_options[] = {&repair_in, &repair_dry_run,
                                                          &cli_option_pipeline, NULL};

CLI_COMMAND(repair) = {
    .order = 145,
    .name = "repair",
    .operands = "ID|latest",
    .min = 1,
    .max = 1,
    .opens = true,
    .summary = "rebuild lost or damaged files of a backup",
    .text =
        "Read every file of the backup in each sink that has it, and replace what does not match "
        "by the file of another sink: objects, the manifest and its signature. RESTORE.txt and "
        "SHA256SUMS can be made again from the manifest. Everything is compared before and "
        "after. A file that matches is never replaced. Exit status 4: something could not be "
        "repaired.",
    .options = repair_options,
    .run = repair_command,
    .render = repair_render,
};
