/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cat: writes one object of a backup, and nothing else, to standard output.
 */
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "interrupt.h"
#include "options.h"

struct output {
    FILE *file;
    int error; /* errno of the write that failed, or 0 */
};

static int cat_write_out(void *arg, const void *data, size_t size)
{
    struct output *out = arg;

    errno = 0;
    if (fwrite(data, 1, size, out->file) == size) {
        return 0;
    }
    out->error = errno ? errno : EIO;
    return -1;
}

static int cat_command(struct cli *cli)
{
    struct hangar_selection which = cli_selection(cli);
    struct output out = {.file = cli->out.file};

    if (cli_has_option(cli, &cli_option_json)) {
        return cli_stop(cli, HANGAR_STATUS_USAGE,
                        "`cat` writes the object itself, not a document; hint: omit --json");
    }
    enum hangar_status status =
        hangar_cat(cli->hangar, &which, cli->args.operands[1], cat_write_out, &out);
    errno = 0;
    if (status == HANGAR_STATUS_DONE && fflush(out.file) != 0) {
        out.error = errno ? errno : EIO;
        status = HANGAR_STATUS_FAILED;
    }
    if (out.error && !cli_interrupted()) {
        cli_progress_clear(&cli->progress);
        cli_errorf(cli, "cannot write to standard output: %s; discard what was written",
                   strerror(out.error));
        return (int)status;
    }
    return cli_finish(cli, status, NULL, NULL, NULL);
}

CLI_COMMAND(cat) = {
    .order = 150,
    .name = "cat",
    .operands = "ID|latest OBJECT",
    .min = 2,
    .max = 2,
    .opens = true,
    .summary = "write one object of a backup to standard output",
    .text = "Write the plain bytes of the object and verify them while writing. If the exit status "
            "is not 0, discard the output. OBJECT is a name such as app_db/globals.sql, with or "
            "without the suffixes of its stored name; RESTORE.txt and SHA256SUMS are objects, too.",
    .options = cli_selection_options,
    .run = cat_command,
};
