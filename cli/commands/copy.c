/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * copy: copies backups from one sink to another, and prints a line for each.
 */
#include "cli.h"
#include "document.h"
#include "options.h"

static const struct cli_option copy_from = {
    .name = "from", .value = "SINK", .help = "the sink to read from"};
static const struct cli_option copy_to = {
    .name = "to", .value = "SINK", .help = "the sink to write to"};
static const struct cli_option copy_missing = {
    .name = "missing", .help = "copy each backup that is missing or damaged in the sink of --to"};

static void copy_put_copy(const json_t *item, const json_t *doc, struct cli_view *out,
                          struct cli_view *err)
{
    char count[CLI_SHORT], size[CLI_SHORT], took[CLI_SHORT];

    if (!cli_done(item)) {
        cli_put_mark(err, CLI_CROSS);
        fprintf(err->file, " %s: ", cli_string(item, "id"));
        cli_put_message(err, 0, CLI_RED,
                        cli_was_printed(err, cli_string(item, "error"))
                            ? "not copied"
                            : cli_string(item, "error"));
        return;
    }
    cli_put_mark(out, CLI_TICK);
    fprintf(out->file, " %s%s%s", cli_on(out, CLI_BOLD), cli_string(item, "id"), cli_off(out));
    if (cli_flag(item, "copied") || cli_flag(item, "repaired")) {
        fprintf(out->file, " %s %s  %s, %s, %s\n",
                cli_flag(item, "copied") ? "copied to" : "repaired in", cli_string(doc, "to"),
                cli_count(cli_bytes(item, "objects"), "object", count),
                cli_size(cli_bytes(item, "stored_bytes"), size),
                cli_duration(cli_integer(item, "duration_ms"), took));
    } else {
        fprintf(out->file, " is already in %s\n", cli_string(doc, "to"));
    }
}

static void copy_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach (cli_array(doc, "backups"), i, item) {
        copy_put_copy(item, doc, out, err);
    }
    if (cli_done(doc) && json_array_size(cli_array(doc, "backups")) == 0) {
        cli_note(err, "nothing to copy: %s has every backup of %s", cli_string(doc, "to"),
                 cli_string(doc, "from"));
    }
}

static int copy_command(struct cli *cli)
{
    struct hangar_selection which = cli_selection(cli);
    const char *to = cli_option_value(cli, &copy_to);

    which.sink = cli_option_value(cli, &copy_from);
    if (cli_has_option(cli, &copy_missing) == (which.id != NULL) || !which.sink || !to) {
        return cli_stop(
            cli, HANGAR_STATUS_USAGE,
            "`copy` requires --from, --to, and either a backup or --missing; hint: see `hangar "
            "help copy`");
    }
    if (!which.id) {
        which.id = "missing";
    }
    char *json = NULL;
    enum hangar_status status = hangar_copy(cli->hangar, &which, to, &json);
    return cli_finish(cli, status, json, copy_render, "backups");
}

static const struct cli_option *const copy_options[] = {&copy_from, &copy_to, &copy_missing,
                                                        &cli_option_pipeline, NULL};

CLI_COMMAND(copy) = {
    .order = 140,
    .name = "copy",
    .operands = "[ID|latest]",
    .max = 1,
    .opens = true,
    .summary = "copy a backup from one sink to another",
    .text = "Both sinks must belong to the pipeline of the backup. Every byte is compared with the "
            "manifest, and the backup appears only when it is complete. A backup that the sink "
            "already has is not changed; one that lacks files there, or whose manifest is "
            "damaged, is repaired (see `hangar help repair`).",
    .options = copy_options,
    .run = copy_command,
    .render = copy_render,
};
