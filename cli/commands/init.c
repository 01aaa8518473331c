/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * init: writes the sample configuration.  Its mode is 0600 because users write
 * passwords into it.
 */
#include <string.h>

#include "cli.h"
#include "options.h"
#include "target.h"

static void init_print_next_step(struct cli *cli, const char *path)
{
    bool found = strcmp(path, "backup.yaml") == 0 || strcmp(path, "./backup.yaml") == 0;
    char *safe = cli_escape(path, cli->err.utf8);
    char *program = cli_program(cli, found ? NULL : path);

    if (safe && program) {
        cli_note(&cli->err,
                 "wrote %s\nnext: name your servers in it, then run\n  %s check\n  %s backup", safe,
                 program, program);
    } else {
        cli->err.failed = true;
    }
    free(safe);
    free(program);
}

static int init_command(struct cli *cli)
{
    const char *config = cli_option_value(cli, &cli_option_config);
    const char *path = cli->args.operands[0] ? cli->args.operands[0]
                       : config              ? config
                                             : "backup.yaml";
    const char *sample = hangar_sample_config();
    struct cli_target t = {.path = path, .mode = 0600};
    cli_target_close(&t,
                     cli_target_open(&t) == 0 && cli_target_write(&t, sample, strlen(sample)) == 0);
    if (t.error) {
        char text[512];
        cli_target_text(&t, "name another file, or move the existing one", text, sizeof(text));
        return cli_stop(cli, HANGAR_STATUS_FAILED, text);
    }
    init_print_next_step(cli, path);
    if (cli_has_option(cli, &cli_option_json)) {
        cli_print_document(cli, json_pack("{s:s, s:s, s:s}", "schema", "hangar.init/1", "status",
                                          "done", "file", path));
    }
    return HANGAR_STATUS_DONE;
}

CLI_COMMAND(init) = {
    .order = 10,
    .name = "init",
    .operands = "[FILE]",
    .max = 1,
    .summary = "write a sample configuration",
    .text =
        "Write a commented sample to FILE (default: backup.yaml), readable only by its owner. An "
        "existing file is not changed.",
    .run = init_command,
};
