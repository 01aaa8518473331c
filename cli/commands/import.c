/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * import: stores an exported backup, from a file or standard input, in a sink.  Prints the
 * id, as backup does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "document.h"
#include "interrupt.h"

static const struct cli_option import_pipeline = {
    .name = "pipeline", .value = "NAME", .help = "refuse a backup of another pipeline"};
static const struct cli_option import_to = {
    .name = "to",
    .value = "SINK",
    .help = "the sink to write to (default: the first sink of the pipeline)"};

struct import_input {
    int fd;
    int error; /* errno of the read that failed, or 0 */
};

static long import_read_some(void *arg, void *data, size_t size)
{
    struct import_input *in = arg;

    /* a signal may arrive just before read, so wait with a timeout and test for one */
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

static void import_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    char size[CLI_SHORT], count[CLI_SHORT], took[CLI_SHORT];

    if (!cli_done(doc)) {
        return;
    }
    fprintf(out->file, "%s\n", cli_string(doc, "id"));
    if (!cli_flag(doc, "imported")) {
        cli_note(err, "it is already in %s, and was not changed", cli_string(doc, "sink"));
        return;
    }
    cli_note(err, "imported into %s: %s, %s, in %s", cli_string(doc, "sink"),
             cli_count(cli_bytes(doc, "objects"), "object", count),
             cli_size(cli_bytes(doc, "stored_bytes"), size),
             cli_duration(cli_integer(doc, "duration_ms"), took));
}

static int import_refuse(struct cli *cli, const char *path, int error)
{
    char text[512];

    snprintf(text, sizeof(text), "cannot read %s: %s",
             strcmp(path, "-") == 0 ? "standard input" : path, strerror(error));
    return cli_stop(cli, HANGAR_STATUS_FAILED, text);
}

static int import_command(struct cli *cli)
{
    const char *path = cli->args.operands[0];
    bool standard = strcmp(path, "-") == 0;
    struct import_input in = {.fd = standard ? cli->io->in : open(path, O_RDONLY | O_CLOEXEC)};

    if (in.fd < 0) {
        return import_refuse(cli, path, errno);
    }
    char *json = NULL;
    enum hangar_status status =
        hangar_import(cli->hangar, cli_option_value(cli, &import_pipeline),
                      cli_option_value(cli, &import_to), import_read_some, &in, &json);
    if (!standard) {
        close(in.fd);
    }
    if (in.error && !cli_interrupted()) { /* the library has no errno of the read */
        cli_progress_clear(&cli->progress);
        hangar_free(json);
        return import_refuse(cli, path, in.error);
    }
    return cli_finish(cli, status, json, import_render, NULL);
}

static const struct cli_option *const import_options[] = {&import_pipeline, &import_to, NULL};

CLI_COMMAND(import) = {
    .order = 170,
    .name = "import",
    .operands = "FILE|-",
    .min = 1,
    .max = 1,
    .opens = true,
    .summary = "store an exported backup in a sink",
    .text = "Read an archive of `hangar export`, from a file or from standard input. Every byte is "
            "compared, and the backup appears only when it is complete.",
    .options = import_options,
    .run = import_command,
    .render = import_render,
};
