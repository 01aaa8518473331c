/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * copy: whole backups from one sink into another; a line for each.
 */
#include "commands.h"

static void put_copy(const json_t *item, const json_t *doc, struct cli_view *out,
                     struct cli_view *err)
{
    char count[CLI_SHORT], size[CLI_SHORT], took[CLI_SHORT];

    if (!cli_done(item)) {
        cli_put_mark(err, CLI_CROSS);
        fprintf(err->file, " %s: ", cli_string(item, "id"));
        cli_put_message(err, 0, CLI_RED, cli_string(item, "error"));
        return;
    }
    cli_put_mark(out, CLI_TICK);
    fprintf(out->file, " %s%s%s is in %s", cli_on(out, CLI_BOLD), cli_string(item, "id"),
            cli_off(out), cli_string(doc, "to"));
    if (cli_flag(item, "copied")) {
        fprintf(out->file, "  %s, %s, %s\n", cli_count(cli_bytes(item, "objects"), "object", count),
                cli_size(cli_bytes(item, "stored_bytes"), size),
                cli_duration(cli_integer(item, "duration_ms"), took));
    } else {
        fputs(" already\n", out->file);
    }
}

void cli_render_copy(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach (cli_array(doc, "backups"), i, item) {
        put_copy(item, doc, out, err);
    }
    if (cli_done(doc) && json_array_size(cli_array(doc, "backups")) == 0) {
        cli_note(err, "%s has every backup of %s", cli_string(doc, "to"), cli_string(doc, "from"));
    }
}

int cli_command_copy(struct cli *cli)
{
    struct hangar_selection which = cli_selection(cli);
    const char *to = cli_option_value(cli, CLI_TO);
    char *json = NULL;

    if (cli_has_option(cli, CLI_MISSING) == (which.id != NULL) || !which.sink || !to) {
        return cli_stop(cli, HANGAR_STATUS_USAGE,
                        "`copy` needs --from, --to, and either a backup or --missing; hint: see "
                        "`hangar help copy`");
    }
    if (!which.id) {
        which.id = "missing";
    }
    enum hangar_status status = hangar_copy(cli->hangar, &which, to, &json);
    return cli_finish(cli, status, json, cli_render_copy, "backups");
}
