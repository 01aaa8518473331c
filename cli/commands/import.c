/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * import: an exported backup into a sink, from a file or standard input.  Prints the
 * id, as backup does.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

struct input {
    int fd;
    int error; /* errno of the read that failed, or 0 */
};

static long read_some(void *arg, void *data, size_t size)
{
    struct input *in = arg;

    /* a signal may come just before read: so it waits where one is looked for */
    while (!cli_interrupted()) {
        struct pollfd ready = {.fd = in->fd, .events = POLLIN};
        int rc = poll(&ready, 1, 250);
        ssize_t n = rc > 0 ? read(in->fd, data, size) : -1;
        if (n >= 0) {
            return (long)n;
        }
        if (rc != 0 && errno != EINTR) {
            in->error = errno;
            return -1;
        }
    }
    return -1;
}

void cli_render_import(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    char size[CLI_SHORT], count[CLI_SHORT], took[CLI_SHORT];

    if (!cli_done(doc)) {
        return;
    }
    fprintf(out->file, "%s\n", cli_string(doc, "id"));
    cli_note(err, "imported into %s: %s, %s, in %s", cli_string(doc, "sink"),
             cli_count(cli_bytes(doc, "objects"), "object", count),
             cli_size(cli_bytes(doc, "stored_bytes"), size),
             cli_duration(cli_integer(doc, "duration_ms"), took));
}

static int refuse(struct cli *cli, const char *path, int error)
{
    char text[512];

    snprintf(text, sizeof(text), "cannot read %s: %s",
             strcmp(path, "-") == 0 ? "standard input" : path, strerror(error));
    return cli_stop(cli, HANGAR_STATUS_FAILED, text);
}

int cli_command_import(struct cli *cli)
{
    const char *path = cli->args.operands[0];
    bool standard = strcmp(path, "-") == 0;
    struct input in = {.fd = standard ? cli->io->in : open(path, O_RDONLY | O_CLOEXEC)};
    char *json = NULL;

    if (in.fd < 0) {
        return refuse(cli, path, errno);
    }
    enum hangar_status status = hangar_import(cli->hangar, cli_option_value(cli, CLI_PIPELINE),
                                              cli_option_value(cli, CLI_TO), read_some, &in, &json);
    if (!standard) {
        close(in.fd);
    }
    if (in.error && !cli_interrupted()) { /* the library knows only that it could not read */
        cli_progress_clear(&cli->progress);
        hangar_free(json);
        return refuse(cli, path, in.error);
    }
    return cli_finish(cli, status, json, cli_render_import, NULL);
}
