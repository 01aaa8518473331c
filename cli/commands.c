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
    {CLI_HELP, 'h', "help", NULL, false, "print help, of the command if there is one"},
    {CLI_VERSION, 0, "version", NULL, false, "print the version"},
    {0},
};

#define PIPELINE                                                                                   \
    {                                                                                              \
        CLI_PIPELINE, 0, "pipeline", "NAME", false, "only the backups of this pipeline"            \
    }
#define FROM                                                                                       \
    {                                                                                              \
        CLI_FROM, 0, "from", "SINK", false, "only what lies in this sink"                          \
    }

static const struct cli_option which_options[] = {PIPELINE, FROM, {0}};

static const struct cli_option restore_options[] = {
    PIPELINE,
    FROM,
    {CLI_ONLY, 0, "only", "SOURCE", true, "restore this source; may be given several times"},
    {CLI_SET, 0, "set", "SOURCE.OPTION=VALUE", true,
     "restore with another option than the configuration's, such as another database; not for "
     "secrets; may be given several times"},
    {CLI_MODE, 0, "mode", "empty|clean", false,
     "empty: refuse a target that holds data; clean: replace what it holds (default: empty)"},
    {CLI_COMPARE, 0, "compare", NULL, false, "read the restored data again and compare digests"},
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
    {.name = "help",
     .operands = "[COMMAND]",
     .max = 2,
     .summary = "print help, of a command if one is named",
     .run = cli_command_help},
    {.name = "version", .operands = "", .summary = "print the version", .run = cli_command_version},
    {0},
};

const char *const cli_later_commands[] = {
    "health", "prune",      "remove",      "hold",   "unhold",     "cat",    "copy", "export",
    "import", "plugin new", "plugin test", "schema", "completion", "daemon", NULL,
};
