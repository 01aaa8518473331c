/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * export: a backup as an archive.
 */
#include "commands.h"

#include <string.h>

#include "target.h"

static int refuse(struct cli *cli, const struct cli_target *t)
{
    char text[1024];

    cli_target_text(t, "name another file, or add --force", text, sizeof(text));
    return cli_stop(cli, HANGAR_STATUS_FAILED, text);
}

void cli_render_export(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    char size[CLI_SHORT], count[CLI_SHORT], took[CLI_SHORT];

    (void)out;
    if (cli_done(doc)) {
        cli_note(err, "exported %s from %s: %s, %s, in %s", cli_string(doc, "id"),
                 cli_string(doc, "sink"), cli_count(cli_bytes(doc, "objects"), "object", count),
                 cli_size(cli_bytes(doc, "bytes"), size),
                 cli_duration(cli_integer(doc, "duration_ms"), took));
    }
}

static const char *wrong_call(struct cli *cli, const char *path)
{
    if (!path) {
        return "`export` needs to know where to; hint: -o FILE.tar.gz, or -o - for standard output";
    }
    if (strcmp(path, "-") != 0) {
        return NULL;
    }
    if (cli_has_option(cli, CLI_JSON)) {
        return "standard output cannot take the archive and a document; hint: leave out --json, or "
               "name a file";
    }
    return cli->io->out_tty ? "an archive is nothing for a terminal; hint: -o FILE.tar.gz" : NULL;
}

int cli_command_export(struct cli *cli)
{
    struct hangar_selection which = cli_selection(cli);
    const char *path = cli_option_value(cli, CLI_OUTPUT), *wrong = wrong_call(cli, path);
    struct cli_target t = {.mode = 0600, .replace = cli_has_option(cli, CLI_FORCE)};
    char *json = NULL;

    if (wrong) {
        return cli_stop(cli, HANGAR_STATUS_USAGE, wrong);
    }
    if (strcmp(path, "-") != 0) {
        t.path = path;
    } else {
        t.fd = fileno(cli->out.file);
    }
    if (cli_target_open(&t) != 0) {
        cli_target_close(&t, false);
        return refuse(cli, &t);
    }
    enum hangar_status status = hangar_export(cli->hangar, &which, cli_target_write, &t, &json);
    cli_target_close(&t, status == HANGAR_STATUS_DONE);
    if (t.error && !cli_interrupted()) { /* the library knows only that it could not write */
        cli_progress_clear(&cli->progress);
        hangar_free(json);
        return refuse(cli, &t);
    }
    return cli_finish(cli, status, json, cli_render_export, NULL);
}
