/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * daemon: starts the daemon, and the jobs that it starts in turn; what they do is in
 * daemon/.
 */
#include "commands.h"

#include <daemon.h>
#include <stdlib.h>

/* One line of the log; the daemon has one thread. */
static void on_event(void *arg, const struct daemon_event *event)
{
    struct cli *cli = arg;
    struct hangar_log_line line = {.struct_size = sizeof(line),
                                   .level = (uint32_t)event->level,
                                   .time_ms = event->time_ms,
                                   .event = event->name,
                                   .run = event->run,
                                   .message = event->message,
                                   .duration_ms = event->duration_ms};
    struct cli_log_about about = {event->pipeline, event->job, event->status};
    char *message = cli_escape(event->message ? event->message : "", cli->err.utf8);

    if (message && (event->level <= DAEMON_WARNING || !cli->err.quiet)) {
        cli_log_put(&cli->err, cli_log_format_of(cli), &line, &about, message);
    }
    fflush(cli->err.file);
    free(message);
}

int cli_command_daemon(struct cli *cli)
{
    struct daemon_settings settings = {
        .config_file = cli_option_value(cli, CLI_CONFIG),
        .clock = &daemon_clock,
        .on_event = on_event,
        .arg = cli,
        .verbose = cli->err.verbose,
    };

    return daemon_run(&settings);
}

int cli_command_run_job(struct cli *cli)
{
    struct daemon_job_settings settings = {
        .config_file = cli_option_value(cli, CLI_CONFIG),
        .plugin_dir = cli->io->plugin_dir,
        .state_dir = cli->io->state_dir,
        .job = cli->args.operands[0],
        .pipeline = cli->args.operands[1],
        .verbose = cli->err.verbose,
    };

    return daemon_job(&settings);
}
