/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify-command: runs a program for each event, with the event as one JSON document on its
 * standard input.  The document is a file in memory and not a pipe, so that a program that does
 * not read it delays nothing.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>
#include <hangar/plugin.h>

#include "failure.h"
#include "program.h"

enum { ARGS_MAX = 256, OUTPUT_MAX = 400 /* bytes, for the error */ };

struct command {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    char *argv[ARGS_MAX + 1];
    int64_t timeout_ms;
    atomic_bool cancelled;
};

static const struct hangar_option options[] = {
    {.name = "command",
     .type = HANGAR_OPT_LIST,
     .flags = HANGAR_OPT_REQUIRED,
     .help =
         "The program and its arguments; no shell is used. The program reads the event from its "
         "standard input, as one JSON document."},
    {.name = "timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "20s",
     .min = 100,
     .max = 300000,
     .help = "Time limit of one run; the program is killed after it."},
    {.name = NULL}};

static enum hangar_rc command_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                     void **out)
{
    struct command *c = calloc(1, sizeof(*c));
    if (!c) {
        return failure_raise_no_memory(host, ctx, "create the notifier");
    }
    c->host = host;
    c->ctx = ctx;
    c->timeout_ms = host->opt_int(ctx, "timeout");
    size_t n = 0;
    const char *arg;
    while ((arg = host->opt_list(ctx, "command", n)) && n < ARGS_MAX) {
        c->argv[n++] = (char *)arg; /* lives until destroy; exec does not change it */
    }
    if (arg || n == 0 || !c->argv[0][0]) {
        free(c);
        return host->fail_option(ctx, "command", "must be a program with at most %d arguments",
                                 ARGS_MAX - 1);
    }
    enum hangar_rc rc = program_require_trusted(host, ctx, c->argv[0]);
    if (rc != HANGAR_OK) {
        free(c);
        return rc;
    }
    *out = c;
    return HANGAR_OK;
}

static void command_cancel(void *inst)
{
    struct command *c = inst;
    atomic_store(&c->cancelled, true);
}

/* Makes a file in memory that holds the document, positioned at its beginning; -1 with errno. */
static int command_event_file(const char *json)
{
    int fd = memfd_create("event", MFD_CLOEXEC);
    size_t size = strlen(json);
    if (fd >= 0 && (write(fd, json, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        errno = ENOSPC;
        return -1;
    }
    return fd;
}

/* A program that runs, and the end of its output, for the error. */
struct command_run {
    struct command *command;
    char output[OUTPUT_MAX + 1];
    size_t size;
};

static bool command_is_cancelled(void *arg)
{
    struct command_run *run = arg;
    return atomic_load(&run->command->cancelled);
}

/* Keeps the last OUTPUT_MAX bytes, on one line. */
static bool command_keep_output(void *arg, const char *data, size_t size)
{
    struct command_run *run = arg;
    if (size > OUTPUT_MAX) {
        data += size - OUTPUT_MAX;
        size = OUTPUT_MAX;
    }
    size_t over = run->size + size > OUTPUT_MAX ? run->size + size - OUTPUT_MAX : 0;
    run->size -= over;
    memmove(run->output, run->output + over, run->size);
    for (size_t i = 0; i < size; i++) {
        run->output[run->size++] = (unsigned char)data[i] < ' ' ? ' ' : data[i];
    }
    return true;
}

static enum hangar_rc command_check_result(const struct command *c, struct program_result result,
                                           const char *output)
{
    const char *name = c->argv[0];
    const char *sep = output[0] ? ": " : "";
    switch (result.end) {
    case PROGRAM_NOT_STARTED:
        return c->host->fail(c->ctx, HANGAR_CONFIG, result.value, "cannot run %s", name);
    case PROGRAM_CANCELLED:
        return HANGAR_CANCELLED;
    case PROGRAM_TIMED_OUT:
        return c->host->fail(c->ctx, HANGAR_RETRY, 0, "%s did not exit within %lld ms", name,
                             (long long)c->timeout_ms);
    case PROGRAM_SIGNALLED:
        return c->host->fail(c->ctx, HANGAR_INTERNAL, 0, "%s was killed by signal %d%s%s", name,
                             result.value, sep, output);
    case PROGRAM_EXITED:
        if (result.value == 0) {
            return HANGAR_OK;
        }
        return c->host->fail(c->ctx, result.value == EX_TEMPFAIL ? HANGAR_RETRY : HANGAR_INTERNAL,
                             0, "%s failed with exit status %d%s%s", name, result.value, sep,
                             output);
    default: /* PROGRAM_LOST: no output is too much here */
        return c->host->fail(c->ctx, HANGAR_INTERNAL, result.value, "cannot wait for %s", name);
    }
}

static enum hangar_rc command_notify(void *inst, const struct hangar_event *event)
{
    struct command *c = inst;
    struct command_run run = {.command = c};
    enum hangar_rc rc = program_require_trusted(c->host, c->ctx, c->argv[0]); /* once more */
    if (rc != HANGAR_OK) {
        return rc;
    }
    const struct program program = {.argv = c->argv,
                                    .input = command_event_file(event->json),
                                    .errors = PROGRAM_ERRORS_IN_OUTPUT,
                                    .timeout_ms = c->timeout_ms,
                                    .cancelled = command_is_cancelled,
                                    .output = command_keep_output,
                                    .arg = &run};
    if (program.input < 0) {
        return c->host->fail(c->ctx, HANGAR_IO, errno, "cannot store the event in memory");
    }
    struct program_result result = program_run(&program);
    close(program.input);
    while (run.size > 0 && run.output[run.size - 1] == ' ') { /* its last newline */
        run.size--;
    }
    run.output[run.size] = '\0';
    return command_check_result(c, result, run.output);
}

static const struct hangar_notifier notifier = {.struct_size = sizeof(notifier),
                                                .notify = command_notify};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "notify-command",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "runs a program for each event",
    .license = "Apache-2.0",
    .options = options,
    .create = command_create,
    .destroy = free,
    .cancel = command_cancel,
    .notifier = &notifier,
};
HANGAR_PLUGIN(plugin)
