/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * init: writes the sample configuration.  Its mode is 0600 because people will
 * write passwords into it.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* 0, or an errno. */
static int write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            text += n;
            left -= (size_t)n;
        }
    }
    return fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

static int refuse(struct cli *cli, const char *path, int why)
{
    char text[512];
    bool exists = why == EEXIST;

    snprintf(text, sizeof(text), "cannot write %s: %s%s", path,
             exists ? "it is there already" : strerror(why),
             exists ? "; hint: name another file, or move that one away" : "");
    cli_error(cli, text);
    cli_error_document(cli, HANGAR_STATUS_FAILED, text);
    return HANGAR_STATUS_FAILED;
}

static void tell(struct cli *cli, const char *path)
{
    bool found = strcmp(path, "backup.yaml") == 0 || strcmp(path, "./backup.yaml") == 0;
    char *safe = cli_escape(path, cli->err.utf8);
    char *program = cli_program(cli, found ? NULL : path);

    if (safe && program)
        cli_note(&cli->err,
                 "wrote %s\nnext: name your servers in it, then run\n  %s check\n  %s backup", safe,
                 program, program);
    else
        cli->err.failed = true;
    free(safe);
    free(program);
}

int cli_command_init(struct cli *cli)
{
    const char *config = cli_option_value(cli, CLI_CONFIG);
    const char *path = cli->args.operand_count ? cli->args.operands[0]
                       : config                ? config
                                               : "backup.yaml";

    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refuse(cli, path, errno);
    int why = write_all(fd, hangar_sample_config());
    if (close(fd) != 0 && why == 0)
        why = errno;
    if (why) {
        unlink(path);
        return refuse(cli, path, why);
    }
    tell(cli, path);
    if (cli_has_option(cli, CLI_JSON)) {
        json_t *doc =
            json_pack("{s:s, s:s, s:s}", "schema", "hangar.init/1", "status", "done", "file", path);
        if (!doc || json_dumpf(doc, cli->out.file, JSON_INDENT(2)) < 0)
            cli->out.failed = true;
        fputc('\n', cli->out.file);
        json_decref(doc);
    }
    return HANGAR_STATUS_DONE;
}
