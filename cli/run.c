/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run: parses the arguments, opens the library, and calls the command.
 */
#include "run.h"

#include <string.h>

#include "help.h"
#include "interrupt.h"
#include "options.h"

static void run_view_init(struct cli_view *view, const struct cli_io *io,
                          const struct cli_args *args, FILE *file, bool tty)
{
    const struct cli_given_option *colour = cli_args_given(args, &cli_option_color);

    *view = (struct cli_view){
        .file = file,
        .utf8 = io->utf8,
        /* a reader of the document needs no notes */
        .quiet = cli_args_given(args, &cli_option_quiet) || cli_args_given(args, &cli_option_json),
        .verbose = cli_args_given(args, &cli_option_verbose) != NULL,
        .width = tty ? io->width : 0,
        .now_ms = io->now_ms,
    };
    if (!colour || !colour->value || strcmp(colour->value, "auto") == 0) {
        view->colour = tty && !io->dumb && !io->no_color;
    } else {
        view->colour = strcmp(colour->value, "always") == 0;
    }
}

static void run_on_log(void *arg, const struct hangar_log_line *line)
{
    struct cli *cli = arg;
    size_t n = line->event ? strlen(line->event) : 0;

    /* At a terminal the error of the job is printed once, at its end. */
    if (cli->progress.format == CLI_LOG_TEXT && line->level == 0 && n > 7 &&
        strcmp(line->event + n - 7, ".failed") == 0) {
        return;
    }
    cli_progress_log(&cli->progress, line);
}

static void run_on_progress(void *arg, const struct hangar_progress *state)
{
    struct cli *cli = arg;

    cli_progress_show(&cli->progress, state);
}

/* On a terminal the progress replaces the lines of level info. */
static uint32_t run_log_level(const struct cli *cli)
{
    if (cli->err.verbose) {
        return 3;
    }
    return cli->err.quiet || cli->io->err_tty ? 1 : 2;
}

static enum hangar_status run_open_library(struct cli *cli)
{
    struct hangar_settings settings = {
        .struct_size = sizeof(settings),
        .log_level = run_log_level(cli),
        .config_file = cli_option_value(cli, &cli_option_config),
        .plugin_dir = cli->io->plugin_dir,
        .state_dir = cli->io->state_dir,
        .on_log = run_on_log,
        .on_progress = run_on_progress,
        .arg = cli,
    };
    enum hangar_status status = hangar_open(&settings, &cli->hangar);

    /* The installed plugins can be listed without a configuration. */
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

static int run_one_command(struct cli *cli)
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
    enum hangar_status status = run_open_library(cli);
    if (status == HANGAR_STATUS_DONE) {
        cli_interrupt_watch(cli->hangar);
        result = cli->args.command->run(cli);
        cli_interrupt_watch(NULL);
    } else {
        result = cli_stop(cli, status, cli_error_text(cli, status));
    }
    hangar_close(cli->hangar);
    cli_progress_fini(&cli->progress);
    return result;
}

static int run_refuse_arguments(struct cli *cli)
{
    cli_errorf(cli, "%s%s%s", cli->args.error, cli->args.hint[0] ? "; hint: " : "", cli->args.hint);
    cli_error_document(cli, HANGAR_STATUS_USAGE, cli->args.error);
    return HANGAR_STATUS_USAGE;
}

static int run_dispatch(struct cli *cli)
{
    const struct cli_args *args = &cli->args;

    if (args->error[0]) {
        return run_refuse_arguments(cli);
    }
    if (cli_has_option(cli, &cli_option_help) && (args->command || args->group)) {
        return cli_help_topic(cli, args->command ? args->command->name : args->group);
    }
    if (cli_has_option(cli, &cli_option_help)) {
        return cli_help_topic(cli, NULL);
    }
    if (cli_has_option(cli, &cli_option_version)) {
        return cli_version(cli);
    }
    if (!args->command) {
        cli_help_overview(&cli->err);
        cli_error_document(cli, HANGAR_STATUS_USAGE, "no command given");
        return HANGAR_STATUS_USAGE;
    }
    return run_one_command(cli);
}

int cli_run(const struct cli_io *io, int argc, char **argv)
{
    struct cli cli = {.io = io};

    cli_interrupt_reset();
    cli_args_parse(&cli.args, argc, argv);
    run_view_init(&cli.out, io, &cli.args, io->out, io->out_tty);
    run_view_init(&cli.err, io, &cli.args, io->err, io->err_tty);
    cli.out.printed = cli.err.printed = &cli.printed;
    if (cli_has_option(&cli, &cli_option_json)) {
        cli.out.colour = false;
    }
    int result = run_dispatch(&cli);
    if (cli.out.failed || cli.err.failed) {
        cli_error(&cli, "out of memory");
        result = result ? result : HANGAR_STATUS_FAILED;
    }
    cli_args_free(&cli.args);
    cli_printed_failures_free(&cli.printed);
    return result;
}
