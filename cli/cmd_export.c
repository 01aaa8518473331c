/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * export: a backup as an archive.  A file appears under its name only when it is
 * whole and on the disk: it is written beside it, under another name, first.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the archive goes. */
struct target {
    const char *path; /* NULL: standard output */
    char *folder, *temporary;
    int fd;
    bool force;
    int error;          /* errno of what failed, or 0 */
    const char *failed; /* and what that was: "write" */
};

static int fail(struct target *t, const char *what, int error)
{
    if (!t->error) {
        t->error = error ? error : EIO;
        t->failed = what;
    }
    return -1;
}

static int write_all(void *arg, const void *data, size_t size)
{
    struct target *t = arg;
    const char *at = data;

    while (size > 0) {
        ssize_t n = write(t->fd, at, size);
        if (n < 0 && errno == EINTR && !cli_interrupted())
            continue;
        if (n <= 0)
            return fail(t, "write", errno);
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

/* A temporary file in the same folder, hidden, readable by us alone. */
static int open_target(struct target *t)
{
    const char *slash = strrchr(t->path, '/'), *name = slash ? slash + 1 : t->path;

    if (!*name)
        return fail(t, "write", EISDIR);
    if (!t->force && access(t->path, F_OK) == 0)
        return fail(t, "write", EEXIST);
    t->folder = slash ? strndup(t->path, (size_t)(slash - t->path) + 1) : strdup("./");
    if (!t->folder || asprintf(&t->temporary, "%s.%s.XXXXXX", t->folder, name) < 0) {
        t->temporary = NULL;
        return fail(t, "write", ENOMEM);
    }
    t->fd = mkostemp(t->temporary, O_CLOEXEC);
    return t->fd < 0 ? fail(t, "write", errno) : 0;
}

static int sync_folder(struct target *t)
{
    int fd = open(t->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc =
        fd < 0 || (fsync(fd) != 0 && errno != EINVAL) ? fail(t, "sync the folder of", errno) : 0;

    if (fd >= 0)
        close(fd);
    return rc;
}

/* Gives the whole file its name; without --force never one that is taken. */
static int publish(struct target *t)
{
    if (fsync(t->fd) != 0)
        return fail(t, "sync", errno);
    if (t->force)
        return rename(t->temporary, t->path) == 0 ? 0 : fail(t, "replace", errno);
    if (renameat2(AT_FDCWD, t->temporary, AT_FDCWD, t->path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return fail(t, "write", errno);
    /* a file system that does not know how: a link does the same */
    if (link(t->temporary, t->path) != 0)
        return fail(t, "write", errno);
    unlink(t->temporary);
    return 0;
}

static void close_target(struct target *t, bool whole)
{
    if (!t->path)
        return;
    bool published = whole && publish(t) == 0;
    if (t->fd >= 0 && !published)
        unlink(t->temporary);
    if (t->fd >= 0 && close(t->fd) != 0 && whole)
        fail(t, "close", errno);
    if (published)
        sync_folder(t);
    free(t->folder);
    free(t->temporary);
}

static int refuse(struct cli *cli, const struct target *t)
{
    char text[1024];

    snprintf(text, sizeof(text), "cannot %s %s: %s%s", t->failed,
             t->path ? t->path : "standard output",
             t->error == EEXIST ? "it is there already" : strerror(t->error),
             t->error == EEXIST ? "; hint: name another file, or add --force" : "");
    return cli_stop(cli, HANGAR_STATUS_FAILED, text);
}

void cli_render_export(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    char size[CLI_SHORT], count[CLI_SHORT], took[CLI_SHORT];

    (void)out;
    if (cli_done(doc))
        cli_note(err, "exported %s from %s: %s, %s, in %s", cli_string(doc, "id"),
                 cli_string(doc, "sink"), cli_count(cli_bytes(doc, "objects"), "object", count),
                 cli_size(cli_bytes(doc, "bytes"), size),
                 cli_duration(cli_integer(doc, "duration_ms"), took));
}

static const char *wrong_call(struct cli *cli, const char *path)
{
    if (!path)
        return "`export` needs to know where to; hint: -o FILE.tar.gz, or -o - for standard output";
    if (strcmp(path, "-") != 0)
        return NULL;
    if (cli_has_option(cli, CLI_JSON))
        return "standard output cannot take the archive and a document; hint: leave out --json, or "
               "name a file";
    return cli->io->out_tty ? "an archive is nothing for a terminal; hint: -o FILE.tar.gz" : NULL;
}

int cli_command_export(struct cli *cli)
{
    struct hangar_selection which = cli_selection(cli);
    const char *path = cli_option_value(cli, CLI_OUTPUT), *wrong = wrong_call(cli, path);
    struct target t = {.fd = -1, .force = cli_has_option(cli, CLI_FORCE)};
    char *json = NULL;

    if (wrong)
        return cli_stop(cli, HANGAR_STATUS_USAGE, wrong);
    if (strcmp(path, "-") != 0)
        t.path = path;
    else
        t.fd = fileno(cli->out.file);
    if (t.path && open_target(&t) != 0) {
        close_target(&t, false);
        return refuse(cli, &t);
    }
    enum hangar_status status = hangar_export(cli->hangar, &which, write_all, &t, &json);
    close_target(&t, status == HANGAR_STATUS_DONE);
    if (t.error && !cli_interrupted()) { /* the library knows only that it could not write */
        cli_progress_clear(&cli->progress);
        hangar_free(json);
        return refuse(cli, &t);
    }
    return cli_finish(cli, status, json, cli_render_export, NULL);
}
