/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * commands: the table of commands and options.  What is accepted, the help and
 * the check of the man page all come from it.
 */
#include "commands.h"

const struct cli_option cli_global_options[] = {
    {CLI_CONFIG, 'c', "config", "FILE", false,
     "the configuration (default: ./backup.yaml, then /etc/hangar/backup.yaml)"},
    {CLI_JSON, 0, "json", NULL, false, "print one JSON document instead of text"},
    {CLI_QUIET, 'q', "quiet", NULL, false, "print only data, warnings and errors"},
    {CLI_VERBOSE, 'v', "verbose", NULL, false, "print details, and log everything"},
    {CLI_COLOR, 0, "color", "auto|always|never", false, "when to use colours (default: auto)"},
    {CLI_LOG_FORMAT, 0, "log-format", "logfmt|json|journal", false,
     "how log lines look (default: as text on a terminal, else logfmt, with systemd's priorities "
     "below it)"},
    {CLI_HELP, 'h', "help", NULL, false, "print help, of the command if there is one"},
    {CLI_VERSION, 0, "version", NULL, false, "print the version"},
    {0},
};

#define PIPELINE {CLI_PIPELINE, 0, "pipeline", "NAME", false, "only the backups of this pipeline"}
#define FROM {CLI_FROM, 0, "from", "SINK", false, "only what lies in this sink"}

static const struct cli_option which_options[] = {PIPELINE, FROM, {0}};

static const struct cli_option restore_options[] = {
    PIPELINE,
    FROM,
    {CLI_ONLY, 0, "only", "SOURCE", true, "restore this source; may be given several times"},
    {CLI_SET, 0, "set", "SOURCE.OPTION=VALUE", true,
     "restore with another option than the configuration's, such as another database; not for "
     "secrets; may be given several times"},
    {CLI_MODE, 0, "mode", "empty|clean", false,
     "empty: refuse a target that holds data; clean: replace what it holds, after a safety "
     "backup of it (default: empty)"},
    {CLI_DISCONNECT, 0, "disconnect", NULL, false,
     "with --mode clean: end the sessions of others that are in the way"},
    {CLI_COMPARE, 0, "compare", NULL, false, "read the restored data again and compare digests"},
    {CLI_NO_HOOKS, 0, "no-hooks", NULL, false,
     "do not run the pipeline's before_restore and after_restore"},
    {CLI_DRY_RUN, 0, "dry-run", NULL, false, "print what would be done, and change nothing"},
    {CLI_YES, 'y', "yes", NULL, false, "do not ask"},
    {0},
};

static const struct cli_option verify_options[] = {
    {CLI_ALL, 0, "all", NULL, false, "verify every backup"},
    {CLI_LEVEL, 0, "level", "quick|full|drill", false,
     "quick: every object is there with its size; full: every byte is read and compared; drill: "
     "restored into throw-away servers and compared (default: quick)"},
    PIPELINE,
    FROM,
    {0},
};

static const struct cli_option prune_options[] = {
    FROM,
    {CLI_DRY_RUN, 0, "dry-run", NULL, false,
     "print every backup with the reason why it would stay or go, and remove nothing"},
    {CLI_YES, 'y', "yes", NULL, false, "do not ask"},
    {0},
};

static const struct cli_option metrics_options[] = {
    {CLI_OUTPUT, 'o', "output", "FILE", false, "the file to replace, whose name ends in .prom"},
    {0}};

static const struct cli_option alerts_options[] = {
    {CLI_DRY_RUN, 0, "dry-run", NULL, false, "print them, and tell nobody"}, {0}};

static const struct cli_option remove_options[] = {
    PIPELINE, FROM, {CLI_YES, 'y', "yes", NULL, false, "do not ask"}, {0}};

static const struct cli_option copy_options[] = {
    {CLI_FROM, 0, "from", "SINK", false, "the sink to read from"},
    {CLI_TO, 0, "to", "SINK", false, "the sink to store in"},
    {CLI_MISSING, 0, "missing", NULL, false, "copy all that the other sink does not have"},
    PIPELINE,
    {0},
};

static const struct cli_option export_options[] = {
    {CLI_OUTPUT, 'o', "output", "FILE", false, "the archive to write; - is standard output"},
    {CLI_FORCE, 0, "force", NULL, false, "replace FILE when it is there"},
    PIPELINE,
    FROM,
    {0},
};

static const struct cli_option import_options[] = {
    {CLI_PIPELINE, 0, "pipeline", "NAME", false, "refuse a backup of another pipeline"},
    {CLI_TO, 0, "to", "SINK", false, "the sink to store it in (default: the pipeline's first)"},
    {0},
};

const struct cli_command cli_commands[] = {
    {.name = "init",
     .operands = "[FILE]",
     .max = 1,
     .summary = "write a sample configuration",
     .text = "Writes a commented sample to FILE (default: backup.yaml), readable by its owner "
             "alone. An existing file is left as it is.",
     .run = cli_command_init},
    {.name = "check",
     .operands = "",
     .opens = true,
     .summary = "check everything that a backup would need",
     .text = "Checks the configuration, the plugins, the servers, their client programs and the "
             "sinks. Nothing is changed.",
     .run = cli_command_check},
    {.name = "backup",
     .operands = "[PIPELINE...]",
     .max = -1,
     .opens = true,
     .summary = "make a backup",
     .text = "Runs the named pipelines, or all of them, one after the other. Prints the id of each "
             "backup on standard output. When one fails the others are still run, and the exit "
             "status is that of the worst.",
     .run = cli_command_backup},
    {.name = "list",
     .operands = "",
     .opens = true,
     .summary = "list the backups in the sinks",
     .options = which_options,
     .run = cli_command_list},
    {.name = "show",
     .operands = "ID|latest",
     .min = 1,
     .max = 1,
     .opens = true,
     .summary = "show a backup in full",
     .options = which_options,
     .run = cli_command_show},
    {.name = "status",
     .operands = "",
     .opens = true,
     .summary = "show per pipeline the last run, and per sink what it holds",
     .text = "Ends with status 0 whenever that could be found out, however old the backups are. "
             "With --verbose also shows the options in force, without secrets.",
     .run = cli_command_status},
    {.name = "health",
     .operands = "[PIPELINE]",
     .max = 1,
     .opens = true,
     .summary = "say whether the newest backups are young enough",
     .text = "Looks into each sink for the newest good backup of the pipeline, or of all, and "
             "compares its age with `max_age`. Ends with status 7 when a sink has none that is "
             "young enough, and with 3 when only optional sinks have none.",
     .run = cli_command_health},
    {.name = "restore",
     .operands = "ID|latest",
     .min = 1,
     .max = 1,
     .opens = true,
     .summary = "restore a backup",
     .text =
         "Shows where the data would go, asks, and restores. Where nobody can be asked --yes is "
         "needed.",
     .options = restore_options,
     .run = cli_command_restore},
    {.name = "verify",
     .operands = "[ID|latest]",
     .max = 1,
     .opens = true,
     .summary = "verify a backup, or all of them",
     .text = "Verifies the backup in each sink that has it, unless --from names one.",
     .options = verify_options,
     .run = cli_command_verify},
    {.name = "prune",
     .operands = "[PIPELINE]",
     .max = 1,
     .opens = true,
     .summary = "remove the backups that retention does not keep",
     .text = "Applies the retention of each sink, as happens after every successful backup, and "
             "cleans up what runs that died have left. Shows what would go, asks, and removes. "
             "Where nobody can be asked --yes is needed. Nothing is removed while the clock looks "
             "wrong.",
     .options = prune_options,
     .run = cli_command_prune},
    {.name = "remove",
     .operands = "ID",
     .min = 1,
     .max = 1,
     .opens = true,
     .summary = "remove one backup for good",
     .text = "Removes the backup from each sink that has it, unless --from names one, whatever "
             "retention says; one that is held is refused. Asks before. Where nobody can be asked "
             "--yes is needed.",
     .options = remove_options,
     .run = cli_command_remove},
    {.name = "hold",
     .operands = "ID|latest",
     .min = 1,
     .max = 1,
     .opens = true,
     .summary = "keep a backup whatever retention says",
     .text = "Marks the backup in each sink that has it, unless --from names one: neither "
             "retention nor `hangar remove` removes it until `hangar unhold`.",
     .options = which_options,
     .run = cli_command_hold},
    {.name = "unhold",
     .operands = "ID|latest",
     .min = 1,
     .max = 1,
     .opens = true,
     .summary = "leave a backup to retention again",
     .options = which_options,
     .run = cli_command_unhold},
    {.name = "copy",
     .operands = "[ID|latest]",
     .max = 1,
     .opens = true,
     .summary = "copy a backup from one sink into another",
     .text =
         "Both sinks must be of its pipeline. Every byte is compared with the manifest, and the "
         "backup appears only when it is whole. What is there already is left as it is.",
     .options = copy_options,
     .run = cli_command_copy},
    {.name = "cat",
     .operands = "ID|latest OBJECT",
     .min = 2,
     .max = 2,
     .opens = true,
     .summary = "write one object of a backup to standard output",
     .text = "Writes the bytes as the source gave them, and compares them on the way. When it does "
             "not end with status 0, what was written must not be used. OBJECT is a name such as "
             "app_db/globals.sql, with or without the suffixes that it is stored with; RESTORE.txt "
             "and SHA256SUMS can be had too.",
     .options = which_options,
     .run = cli_command_cat},
    {.name = "export",
     .operands = "ID|latest",
     .min = 1,
     .max = 1,
     .opens = true,
     .summary = "write a backup as one tar.gz",
     .text = "Stock tools can unpack the archive and restore from it, as its RESTORE.txt says. "
             "Every byte is compared on the way, and FILE appears only when it is whole.",
     .options = export_options,
     .run = cli_command_export},
    {.name = "import",
     .operands = "FILE|-",
     .min = 1,
     .max = 1,
     .opens = true,
     .summary = "store an exported backup in a sink",
     .text = "Takes what `export` wrote, from a file or from standard input. Every byte is "
             "compared, and the backup appears only when it is whole.",
     .options = import_options,
     .run = cli_command_import},
    {.name = "alerts",
     .operands = "",
     .opens = true,
     .summary = "look for what somebody should know",
     .text = "Prints what holds: a failed or slow run, old backups, little space, a backup of an "
             "unusual size, a failed or overdue drill. Has the notifiers told what began and what "
             "is over since the last time, and again what lasts. `hangar daemon` does this by "
             "itself.",
     .options = alerts_options,
     .run = cli_command_alerts},
    {.name = "notify",
     .operands = "[NOTIFIER]",
     .max = 1,
     .opens = true,
     .summary = "send a trial message",
     .text = "Sends a trial message through one notifier, or through all of them, whatever events "
             "they ask for.",
     .run = cli_command_notify},
    {.name = "plugin list",
     .operands = "",
     .opens = true,
     .no_config = true,
     .summary = "list the plugins",
     .run = cli_command_plugin_list},
    {.name = "plugin show",
     .operands = "NAME",
     .min = 1,
     .max = 1,
     .opens = true,
     .no_config = true,
     .summary = "show a plugin and its options",
     .run = cli_command_plugin_show},
    {.name = "daemon",
     .operands = "",
     .summary = "run the jobs of all pipelines when they are due",
     .text = "Stays in the foreground and logs to standard error. Each job is a process of its "
             "own. SIGHUP reads the configuration again; one that is wrong is refused, and the "
             "one from before stays in force. SIGTERM stops all jobs and ends the daemon.",
     .run = cli_command_daemon},
    {.name = "metrics",
     .operands = "",
     .opens = true,
     .summary = "print the status for Prometheus",
     .text = "Prints metrics in Prometheus' text format, or replaces FILE with them, for the "
             "textfile collector of node_exporter. `hangar daemon` serves the same at /metrics.",
     .options = metrics_options,
     .run = cli_command_metrics},
    {.name = "run-job",
     .operands = "JOB [PIPELINE]",
     .min = 1,
     .max = 2,
     .hidden = true,
     .summary = "what the daemon runs for each job",
     .run = cli_command_run_job},
    {.name = "help",
     .operands = "[COMMAND]",
     .max = 2,
     .summary = "print help, of a command if one is named",
     .run = cli_command_help},
    {.name = "version", .operands = "", .summary = "print the version", .run = cli_command_version},
    {0},
};

const char *const cli_later_commands[] = {
    "plugin new", "plugin test", "schema", "completion", NULL,
};
