/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * export: writes a backup as an archive.
 */
#include <string.h>

#include "cli.h"
#include "document.h"
#include "interrupt.h"
#include "options.h"
#include "target.h"

static const struct cli_option export_output = {.letter = 'o',
                                                .name = "output",
                                                .value = "FILE",
                                                .help =
                                                    "the archive to write; - is standard output"};
static const struct cli_option export_force = {.name = "force",
                                               .help = "replace FILE if it exists"};

static int export_refuse(struct cli *cli, const struct cli_target *t)
{
    char text[1024];

    cli_target_text(t, "name another file, or add --force", text, sizeof(text));
    return cli_stop(cli, HANGAR_STATUS_FAILED, text);
}

static void export_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
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

static const char *export_wrong_call(struct cli *cli, const char *path)
{
    if (!path) {
        return "`export` requires --output; hint: -o FILE.tar.gz, or -o - for standard output";
    }
    if (strcmp(path, "-") != 0) {
        return NULL;
    }
    if (cli_has_option(cli, &cli_option_json)) {
        return "cannot write both the archive and a document to standard output; hint: omit "
               "--json, or name a file";
    }
    return cli->io->out_tty ? "cannot write an archive to a terminal; hint: -o FILE.tar.gz" : NULL;
}

static int export_command(struct cli *cli)
{
    struct hangar_selection which = cli_selection(cli);
    const char *path = cli_option_value(cli, &export_output), *wrong = export_wrong_call(cli, path);
    struct cli_target t = {.mode = 0600, .replace = cli_has_option(cli, &export_force)};

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
        return export_refuse(cli, &t);
    }
    char *json = NULL;
    enum hangar_status status = hangar_export(cli->hangar, &which, cli_target_write, &t, &json);
    cli_target_close(&t, status == HANGAR_STATUS_DONE);
    if (t.error && !cli_interrupted()) { /* the library has no errno of the write */
        cli_progress_clear(&cli->progress);
        hangar_free(json);
        return export_refuse(cli, &t);
    }
    return cli_finish(cli, status, json, export_render, NULL);
}

static const struct cli_option *const export_options[] = {
    &export_output, &export_force, &cli_option_pipeline, &cli_option_from, NULL};

CLI_COMMAND(export) = {
    .order = 160,
    .name = "export",
    .operands = "ID|latest",
    .min = 1,
    .max = 1,
    .opens = true,
    .summary = "write a backup as one tar.gz archive",
    .text = "Standard tools can unpack the archive and restore from it; its RESTORE.txt describes "
            "how. Every byte is compared, and FILE appears only when it is complete.",
    .options = export_options,
    .run = export_command,
    .render = export_render,
};
