/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cli: from the arguments to the exit status; what all commands share.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

/* Read by a signal handler, which runs in the main thread alone (the library
 * blocks signals in its own).  Lock-free, so it never sees half a value. */
static _Atomic(struct hangar *) running;
static atomic_int interrupted;

int cli_interrupted(void)
{
    return atomic_load(&interrupted);
}

bool cli_interrupt(int number)
{
    if (atomic_exchange(&interrupted, number)) {
        return false;
    }
    struct hangar *hangar = atomic_load(&running);
    if (hangar) {
        hangar_cancel(hangar);
    }
    return true;
}

bool cli_has_option(const struct cli *cli, enum cli_option_id id)
{
    return cli->args.counts[id] > 0;
}

const char *cli_option_value(const struct cli *cli, enum cli_option_id id)
{
    return cli->args.values[id];
}

struct hangar_selection cli_selection(const struct cli *cli)
{
    return (struct hangar_selection){
        .struct_size = sizeof(struct hangar_selection),
        .id = cli->args.operands[0],
        .pipeline = cli_option_value(cli, CLI_PIPELINE),
        .sink = cli_option_value(cli, CLI_FROM),
    };
}

/* As one word of a shell: quoted when it would be read otherwise. */
static void put_word(FILE *stream, const char *word)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/+-";

    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, stream);
        return;
    }
    fputc('\'', stream);
    for (; *word; word++) {
        fputs(*word == '\'' ? "'\\''" : (const char[]){*word, '\0'}, stream);
    }
    fputc('\'', stream);
}

char *cli_program(const struct cli *cli, const char *config)
{
    char *text = NULL, *safe = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (!stream) {
        return NULL;
    }
    fputs("hangar", stream);
    if (config) {
        fputs(" -c ", stream);
        put_word(stream, config);
    }
    if (fclose(stream) == 0) {
        safe = cli_escape(text, cli->err.utf8);
    }
    free(text);
    return safe;
}

static void put_message(struct cli *cli, const char *message)
{
    struct cli_view *err = &cli->err;
    char *text = cli_escape(message, err->utf8);

    if (!text) {
        return;
    }
    fprintf(err->file, "%shangar:%s ", cli_on(err, CLI_RED), cli_off(err));
    cli_put_message(err, 0, CLI_PLAIN, text);
    free(text);
}

void cli_error(struct cli *cli, const char *text)
{
    char *copy = strdup(text), *rest = copy, *line;

    fflush(cli->out.file);
    while (copy && (line = strsep(&rest, "\n"))) {
        if (*line) {
            put_message(cli, line);
        }
    }
    free(copy);
}

void cli_errorf(struct cli *cli, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, fmt);
    int rc = vasprintf(&text, fmt, args);
    va_end(args);
    if (rc < 0) {
        return;
    }
    cli_error(cli, text);
    free(text);
}

void cli_error_document(struct cli *cli, enum hangar_status status, const char *text)
{
    if (!cli_has_option(cli, CLI_JSON)) {
        return;
    }
    json_t *doc = json_pack("{s:s, s:s, s:s}", "schema", "hangar.error/1", "status",
                            hangar_status_name(status), "error", text);
    if (!doc || json_dumpf(doc, cli->out.file, JSON_INDENT(2)) < 0) {
        cli->out.failed = true;
    }
    fputc('\n', cli->out.file);
    json_decref(doc);
}

int cli_stop(struct cli *cli, enum hangar_status status, const char *text)
{
    cli_error(cli, text);
    cli_error_document(cli, status, text);
    return (int)status;
}

static const char *error_text(struct cli *cli, enum hangar_status status)
{
    const char *text = cli->hangar ? hangar_error(cli->hangar) : "out of memory";

    if (text && *text) {
        return text;
    }
    return hangar_status_name(status);
}

static void put_json(struct cli *cli, enum hangar_status status, const char *json)
{
    size_t length = json ? strlen(json) : 0;

    if (!json) {
        cli_error_document(cli, status, error_text(cli, status));
    } else {
        fprintf(cli->out.file, "%s%s", json, length && json[length - 1] == '\n' ? "" : "\n");
    }
}

int cli_finish(struct cli *cli, enum hangar_status status, char *json, cli_render *render,
               const char *told_by)
{
    bool told = false;
    enum hangar_status result = status;

    cli_progress_clear(&cli->progress);
    if (cli_has_option(cli, CLI_JSON)) {
        put_json(cli, status, json);
    } else if (json) {
        json_t *doc = cli_document(json, cli->out.utf8);
        if (doc) {
            render(doc, &cli->out, &cli->err);
            told = told_by && json_array_size(cli_array(doc, told_by)) > 0 &&
                   status != HANGAR_STATUS_INTERRUPTED;
        } else {
            cli_error(cli, "cannot read the library's answer");
            result = HANGAR_STATUS_FAILED;
        }
        json_decref(doc);
    }
    if (status != HANGAR_STATUS_DONE && !told) {
        cli_error(cli, error_text(cli, status));
    }
    hangar_free(json);
    return (int)result;
}

static void view_init(struct cli_view *view, const struct cli_io *io, const struct cli_args *args,
                      FILE *file, bool tty)
{
    const char *colour = args->values[CLI_COLOR];

    *view = (struct cli_view){
        .file = file,
        .utf8 = io->utf8,
        /* who reads the document needs no notes beside it */
        .quiet = args->counts[CLI_QUIET] > 0 || args->counts[CLI_JSON] > 0,
        .verbose = args->counts[CLI_VERBOSE] > 0,
        .width = tty ? io->width : 0,
        .now_ms = io->now_ms,
    };
    if (!colour || strcmp(colour, "auto") == 0) {
        view->colour = tty && !io->dumb && !io->no_color;
    } else {
        view->colour = strcmp(colour, "always") == 0;
    }
}

static void on_log(void *arg, const struct hangar_log_line *line)
{
    struct cli *cli = arg;
    size_t n = line->event ? strlen(line->event) : 0;

    /* A person reads the job's error once, at the end. */
    if (cli->progress.format == CLI_LOG_TEXT && line->level == 0 && n > 7 &&
        strcmp(line->event + n - 7, ".failed") == 0) {
        return;
    }
    cli_progress_log(&cli->progress, line);
}

static void on_progress(void *arg, const struct hangar_progress *state)
{
    struct cli *cli = arg;

    cli_progress_show(&cli->progress, state);
}

/* What to log: on a terminal the progress says where a job is. */
static uint32_t log_level(const struct cli *cli)
{
    if (cli->err.verbose) {
        return 3;
    }
    return cli->err.quiet || cli->io->err_tty ? 1 : 2;
}

enum cli_log_format cli_log_format_of(const struct cli *cli)
{
    const char *name = cli_option_value(cli, CLI_LOG_FORMAT);
    enum cli_log_format format;

    if (name && cli_log_format_named(name, &format)) {
        return format;
    }
    if (cli->io->err_tty && !cli->err.verbose) {
        return CLI_LOG_TEXT;
    }
    return cli->io->journal ? CLI_LOG_JOURNAL : CLI_LOG_LOGFMT;
}

static enum hangar_status open_library(struct cli *cli)
{
    struct hangar_settings settings = {
        .struct_size = sizeof(settings),
        .log_level = log_level(cli),
        .config_file = cli->args.values[CLI_CONFIG],
        .plugin_dir = cli->io->plugin_dir,
        .state_dir = cli->io->state_dir,
        .on_log = on_log,
        .on_progress = on_progress,
        .arg = cli,
    };
    enum hangar_status status = hangar_open(&settings, &cli->hangar);

    /* Without a configuration the installed plugins can still be told. */
    if (status != HANGAR_STATUS_DONE && cli->args.command->no_config && !settings.config_file) {
        hangar_close(cli->hangar);
        cli->hangar = NULL;
        settings.config_file = "";
        status = hangar_open(&settings, &cli->hangar);
    }
    if (status == HANGAR_STATUS_DONE && cli_interrupted()) {
        status = HANGAR_STATUS_INTERRUPTED;
    }
    return status;
}

static int run_command(struct cli *cli)
{
    enum cli_progress_mode mode = cli->err.quiet                       ? CLI_PROGRESS_OFF
                                  : cli->io->err_tty && !cli->io->dumb ? CLI_PROGRESS_REDRAW
                                                                       : CLI_PROGRESS_LINES;
    int result;

    if (!cli->args.command->opens) {
        return cli->args.command->run(cli);
    }
    cli_progress_init(&cli->progress, &cli->err, mode, cli_log_format_of(cli),
                      cli->io->err_tty ? fileno(cli->err.file) : -1);
    enum hangar_status status = open_library(cli);
    if (status == HANGAR_STATUS_DONE) {
        atomic_store(&running, cli->hangar);
        result = cli->args.command->run(cli);
        atomic_store(&running, NULL);
    } else {
        result = cli_stop(cli, status, error_text(cli, status));
    }
    hangar_close(cli->hangar);
    cli_progress_fini(&cli->progress);
    return result;
}

static int refuse_arguments(struct cli *cli)
{
    cli_errorf(cli, "%s%s%s", cli->args.error, cli->args.hint[0] ? "; hint: " : "", cli->args.hint);
    cli_error_document(cli, HANGAR_STATUS_USAGE, cli->args.error);
    return HANGAR_STATUS_USAGE;
}

static int dispatch(struct cli *cli)
{
    const struct cli_args *args = &cli->args;

    if (args->error[0]) {
        return refuse_arguments(cli);
    }
    if (args->counts[CLI_HELP] && (args->command || args->group)) {
        return cli_help_topic(cli, args->command ? args->command->name : args->group);
    }
    if (args->counts[CLI_HELP]) {
        return cli_help_topic(cli, NULL);
    }
    if (args->counts[CLI_VERSION]) {
        return cli_version(cli);
    }
    if (!args->command) {
        cli_help_overview(&cli->err);
        cli_error_document(cli, HANGAR_STATUS_USAGE, "no command was given");
        return HANGAR_STATUS_USAGE;
    }
    return run_command(cli);
}

int cli_run(const struct cli_io *io, int argc, char **argv)
{
    struct cli cli = {.io = io};

    atomic_store(&interrupted, 0);
    cli_args_parse(&cli.args, argc, argv);
    view_init(&cli.out, io, &cli.args, io->out, io->out_tty);
    view_init(&cli.err, io, &cli.args, io->err, io->err_tty);
    if (cli_has_option(&cli, CLI_JSON)) {
        cli.out.colour = false;
    }
    int result = dispatch(&cli);
    if (cli.out.failed || cli.err.failed) {
        cli_error(&cli, "out of memory");
        result = result ? result : HANGAR_STATUS_FAILED;
    }
    cli_args_free(&cli.args);
    return result;
}
