/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cat: one object of a backup to standard output, and nothing else there.
 */
#include "commands.h"

#include <errno.h>
#include <string.h>

struct output {
    FILE *file;
    int error; /* errno of the write that failed, or 0 */
};

static int write_out(void *arg, const void *data, size_t size)
{
    struct output *out = arg;

    errno = 0;
    if (fwrite(data, 1, size, out->file) == size) {
        return 0;
    }
    out->error = errno ? errno : EIO;
    return -1;
}

int cli_command_cat(struct cli *cli)
{
    struct hangar_selection which = cli_selection(cli);
    struct output out = {.file = cli->out.file};

    if (cli_has_option(cli, CLI_JSON)) {
        return cli_stop(cli, HANGAR_STATUS_USAGE,
                        "`cat` writes the object itself; hint: leave out --json");
    }
    enum hangar_status status =
        hangar_cat(cli->hangar, &which, cli->args.operands[1], write_out, &out);
    errno = 0;
    if (status == HANGAR_STATUS_DONE && fflush(out.file) != 0) {
        out.error = errno ? errno : EIO;
        status = HANGAR_STATUS_FAILED;
    }
    if (out.error && !cli_interrupted()) {
        cli_progress_clear(&cli->progress);
        cli_errorf(cli, "cannot write to standard output: %s; what was written must not be used",
                   strerror(out.error));
        return (int)status;
    }
    return cli_finish(cli, status, NULL, NULL, NULL);
}
