/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * metrics: the status for Prometheus, on standard output or in a file for the
 * textfile collector of node_exporter.  The format is daemon/metrics.c's.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <metrics.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A name beside `path` that the collector does not read: it wants ".prom" at the end. */
static char *temporary_beside(const char *path)
{
    char *name = NULL;

    return asprintf(&name, "%s.%ld.tmp", path, (long)getpid()) < 0 ? NULL : name;
}

/* Puts the text where it can be read whole at any time.  0, or an errno. */
static int replace_file(const char *path, const char *text)
{
    char *temporary = temporary_beside(path);
    size_t size = strlen(text), done = 0;
    int error = 0;
    int fd = temporary ? open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644)
                       : -1;

    if (fd < 0) {
        error = temporary ? errno : ENOMEM;
        free(temporary);
        return error;
    }
    while (done < size && error == 0) {
        ssize_t n = write(fd, text + done, size - done);
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno != EINTR)
            error = errno;
    }
    /* others read it: there is nothing secret in it */
    if (error == 0 && fchmod(fd, 0644) != 0)
        error = errno;
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(temporary, path) != 0)
        error = errno;
    if (error != 0)
        unlink(temporary);
    free(temporary);
    return error;
}

int cli_command_metrics(struct cli *cli)
{
    const char *path = cli_option_value(cli, CLI_OUTPUT);
    char *json = NULL, *text = NULL;
    enum hangar_status status = hangar_overview(cli->hangar, &json);
    json_t *doc = json ? json_loads(json, 0, NULL) : NULL;

    hangar_free(json);
    if (status != HANGAR_STATUS_DONE) {
        json_decref(doc);
        return cli_stop(cli, status, hangar_error(cli->hangar));
    }
    if (doc)
        text = daemon_metrics(doc, hangar_version(), cli->io->now_ms);
    json_decref(doc);
    if (!text)
        return cli_stop(cli, HANGAR_STATUS_FAILED, "out of memory");
    int error = 0;
    if (!path || strcmp(path, "-") == 0)
        fputs(text, cli->out.file);
    else
        error = replace_file(path, text);
    free(text);
    if (error == 0)
        return HANGAR_STATUS_DONE;
    cli_errorf(cli, "cannot write %s: %s", path, strerror(error));
    return HANGAR_STATUS_FAILED;
}
