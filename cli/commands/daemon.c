/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * daemon, run-job: start the daemon, and the jobs that the daemon starts; the code of
 * both is in daemon/.
 */
#include "daemon.h"
#include <stdlib.h>

#include "worker.h"
#include "cli.h"
#include "options.h"

/* One line of the log; the daemon has one thread. */
static void daemon_on_event(void *arg, const struct daemon_event *event)
{
    struct cli *cli = arg;
    struct hangar_log_line line = {.struct_size = sizeof(line),
                                   .level = (uint32_t)event->level,
                                   .time_ms = event->time_ms,
                                   .event = event->name,
                                   .run = event->run,
                                   .message = event->message,
                                   .duration_ms = event->duration_ms};
    struct cli_log_job job = {event->pipeline, event->job, event->status};
    char *message = cli_escape(event->message ? event->message : "", cli->err.utf8);

    if (message && (event->level <= DAEMON_WARNING || !cli->err.quiet)) {
        cli_log_put(&cli->err, cli_log_format_of(cli), &line, &job, message);
    }
    fflush(cli->err.file);
    free(message);
}

static int daemon_command(struct cli *cli)
{
    struct daemon_settings settings = {
        .config_file = cli_option_value(cli, &cli_option_config),
        .clock = &daemon_clock,
        .on_event = daemon_on_event,
        .arg = cli,
        .verbose = cli->err.verbose,
    };

    return daemon_run(&settings);
}

static int run_job_command(struct cli *cli)
{
    struct daemon_worker_settings settings = {
        .config_file = cli_option_value(cli, &cli_option_config),
        .plugin_dir = cli->io->plugin_dir,
        .state_dir = cli->io->state_dir,
        .job = cli->args.operands[0],
        .pipeline = cli->args.operand_count > 1 ? cli->args.operands[1] : NULL,
        .retry_after_ms = cli->args.operand_count > 3 ? atoll(cli->args.operands[2]) : 0,
        .retry_within_ms = cli->args.operand_count > 3 ? atoll(cli->args.operands[3]) : 0,
        .verbose = cli->err.verbose,
    };

    return daemon_worker(&settings);
}

CLI_COMMAND(daemon) = {
    .order = 220,
    .name = "daemon",
    .operands = "",
    .summary = "run the scheduled jobs of all pipelines",
    .text =
        "Stay in the foreground and log to standard error. Each job is a separate process. "
        "SIGHUP reads the configuration again; if it is wrong, the previous one stays in force. "
        "SIGTERM stops all jobs and ends the daemon.",
    .run = daemon_command,
};

CLI_COMMAND(run_job) = {
    .order = 240,
    .name = "run-job",
    .operands = "JOB [PIPELINE [RETRY_AFTER_MS RETRY_WITHIN_MS]]",
    .min = 1,
    .max = 4,
    .hidden = true,
    .summary = "run one job for the daemon",
    .run = run_job_command,
};
