/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * args: calls getopt_long twice: for the options before the command, and for the
 * arguments after it.
 */
#include "args.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hangar/hangar.h>
#include "options.h"
#include "output.h"

/* getopt returns this number for the option at an index of the table: no letter has it */
#define CODE(index) (1000 + (int)(index))

/* Names that are reserved for later versions. */
static const char *const later_commands[] = {
    "plugin new", "plugin test", "schema", "completion", NULL,
};

/* Records an error; the first one stays. */
static void args_wrong(struct cli_args *args, const char *fmt, ...) CLI_PRINTF(2, 3);
static void args_wrong(struct cli_args *args, const char *fmt, ...)
{
    if (args->error[0]) {
        return;
    }
    va_list list;
    va_start(list, fmt);
    vsnprintf(args->error, sizeof(args->error), fmt, list);
    va_end(list);
    if (args->command) {
        snprintf(args->hint, sizeof(args->hint), "see `hangar help %s`", args->command->name);
    } else {
        snprintf(args->hint, sizeof(args->hint), "see `hangar help`");
    }
}

static bool args_is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);

    for (const char *at = choices; n; at++) {
        size_t length = strcspn(at, "|");
        if (length == n && strncmp(at, value, n) == 0) {
            return true;
        }
        at += length;
        if (!*at) {
            break;
        }
    }
    return false;
}

const struct cli_given_option *cli_args_given(const struct cli_args *args,
                                              const struct cli_option *option)
{
    for (size_t i = 0; i < args->given_count; i++) {
        if (args->given[i].option == option) {
            return &args->given[i];
        }
    }
    return NULL;
}

static bool args_has(const struct cli_args *args, const struct cli_option *option)
{
    return cli_args_given(args, option) != NULL;
}

/* The entry of an option, which is added when there is none. */
static struct cli_given_option *args_entry(struct cli_args *args, const struct cli_option *option)
{
    const struct cli_given_option *given = cli_args_given(args, option);

    if (given) {
        return &args->given[given - args->given];
    }
    assert(args->given_count < CLI_OPTIONS_MAX);
    args->given[args->given_count] = (struct cli_given_option){.option = option};
    return &args->given[args->given_count++];
}

static void args_add(struct cli_args *args, const struct cli_option *option, const char *value,
                     int argc)
{
    struct cli_given_option *given = args_entry(args, option);
    int count = given->count++;

    if (!option->value) {
        return;
    }
    if (!option->repeats && count) {
        args_wrong(args, "--%s is given more than once", option->name);
        return;
    }
    if (strchr(option->value, '|') && !args_is_choice(option->value, value)) {
        args_wrong(args, "invalid value \"%s\" for --%s: must be one of %s", value, option->name,
                   option->value);
        return;
    }
    if (!*value) {
        args_wrong(args, "the value of --%s is empty", option->name);
        return;
    }
    given->value = value;
    if (!option->repeats) {
        return;
    }
    if (!given->list) {
        given->list = calloc((size_t)argc + 1, sizeof(char *));
    }
    if (!given->list) {
        args_wrong(args, "out of memory");
    } else {
        given->list[count] = value;
    }
}

/* The options of a command and of all commands, in the form of getopt. */
struct getopt_table {
    const struct cli_option *known[CLI_OPTIONS_MAX];
    struct option longs[CLI_OPTIONS_MAX + 1];
    char shorts[2 * CLI_OPTIONS_MAX + 3];
    size_t count;
};

static void args_add_options(struct getopt_table *table, const struct cli_option *const *options)
{
    for (; options && *options; options++) {
        const struct cli_option *option = *options;
        assert(table->count < CLI_OPTIONS_MAX);
        table->known[table->count] = option;
        table->longs[table->count] = (struct option){
            .name = option->name,
            .has_arg = option->value ? required_argument : no_argument,
            .val = CODE(table->count),
        };
        table->count++;
        if (option->letter) {
            size_t end = strlen(table->shorts);
            snprintf(table->shorts + end, sizeof(table->shorts) - end, "%c%s", option->letter,
                     option->value ? ":" : "");
        }
    }
}

static const struct cli_option *args_option_of(const struct getopt_table *table, int code)
{
    for (size_t i = 0; i < table->count; i++) {
        if (code == CODE(i) || (code > 0 && code == table->known[i]->letter)) {
            return table->known[i];
        }
    }
    return NULL;
}

/* Records why getopt refused the argument before optind. */
static void args_refuse(struct cli_args *args, const struct getopt_table *table, int answer,
                        const char *argument)
{
    const struct cli_option *option = args_option_of(table, optopt);

    if (answer == ':' && option) {
        args_wrong(args, "--%s requires a value: %s", option->name, option->value);
    } else if (option) {
        args_wrong(args, "--%s does not accept a value", option->name);
    } else if (optopt) {
        args_wrong(args, "unknown option -%c", optopt);
    } else {
        args_wrong(args, "unknown option %.*s", (int)strcspn(argument, "="), argument);
    }
}

/* Reads options; with `stop` up to the first operand.  Returns the index of that operand. */
static int args_read_options(struct cli_args *args, const struct cli_option *const *own, int argc,
                             char **argv, bool stop)
{
    struct getopt_table table = {.shorts = ""};

    snprintf(table.shorts, sizeof(table.shorts), stop ? "+:" : ":");
    args_add_options(&table, cli_global_options);
    args_add_options(&table, own);
    opterr = 0;
    optind = 0; /* glibc: start afresh */
    for (;;) {
        int before = optind ? optind : 1;
        int answer = getopt_long(argc, argv, table.shorts, table.longs, NULL);
        if (answer == -1) {
            return optind;
        }
        const struct cli_option *option =
            answer == '?' || answer == ':' ? NULL : args_option_of(&table, answer);
        if (option) {
            args_add(args, option, optarg, argc);
        } else {
            args_refuse(args, &table, answer, argv[optind > before ? optind - 1 : before]);
        }
    }
}

/* Whether `name` is "group word". */
static bool args_in_group(const char *name, const char *group)
{
    size_t n = strlen(group);

    return strncmp(name, group, n) == 0 && name[n] == ' ';
}

static const struct cli_command *args_first_of_group(const char *group)
{
    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        if (args_in_group(c->name, group)) {
            return c;
        }
    }
    return NULL;
}

/* The edit distance of two short words. */
static size_t args_distance(const char *a, const char *b)
{
    enum { MAX = 24 };
    size_t row[MAX + 1], n = strlen(b);

    if (n > MAX || strlen(a) > MAX) {
        return MAX;
    }
    for (size_t j = 0; j <= n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1]; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t change = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < step ? change : step;
        }
    }
    return row[n];
}

static void args_unknown_command(struct cli_args *args, const char *word)
{
    const char *nearest = NULL;
    size_t best = 3;

    for (const char *const *later = later_commands; *later; later++) {
        if (strcmp(*later, word) == 0) {
            args_wrong(args, "`%s` is not available in this version (%s)", word, hangar_version());
            return;
        }
    }
    args_wrong(args, "unknown command `%s`", word);
    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        if (args_distance(word, c->name) < best) {
            best = args_distance(word, c->name);
            nearest = c->name;
        }
    }
    if (nearest) {
        snprintf(args->hint, sizeof(args->hint), "did you mean `%s`?", nearest);
    }
}

/* Finds the command of a group, such as "plugin", by its next word. */
static void args_choose_in_group(struct cli_args *args, const char *group)
{
    args->command = NULL;
    if (args->operand_count == 0) {
        args->group = group;
        if (!args_has(args, &cli_option_help)) {
            args_wrong(args, "`%s` requires a command", group);
        }
    } else {
        char name[CLI_SHORT];
        snprintf(name, sizeof(name), "%s %s", group, args->operands[0]);
        args->command = cli_command_find(name);
        if (!args->command) {
            args->group = group;
            args_unknown_command(args, name);
        } else {
            args->operands++;
            args->operand_count--;
        }
    }
    if (args->error[0] && !args->command && !strstr(args->hint, "did you mean")) {
        snprintf(args->hint, sizeof(args->hint), "see `hangar help %s`", group);
    }
}

static void args_count_operands(struct cli_args *args)
{
    const struct cli_command *command = args->command;

    if (!command || args_has(args, &cli_option_help)) {
        return;
    }
    if (args->operand_count < command->min) {
        args_wrong(args, "`%s` requires an argument: %s", command->name, command->operands);
    } else if (command->max >= 0 && args->operand_count > command->max) {
        args_wrong(args, "unexpected argument \"%s\" of `%s`", args->operands[command->max],
                   command->name);
    }
}

bool cli_args_parse(struct cli_args *args, int argc, char **argv)
{
    *args = (struct cli_args){0};
    args->operand_list = calloc((size_t)argc + 1, sizeof(char *));
    if (!args->operand_list) {
        args_wrong(args, "out of memory");
        return false;
    }
    args->operands = args->operand_list;
    int at = args_read_options(args, NULL, argc, argv, true);
    if (at < argc) {
        const char *word = argv[at];
        const struct cli_command *command = cli_command_find(word);
        const struct cli_command *member = command ? NULL : args_first_of_group(word);
        if (!command && !member) {
            args_unknown_command(args, word);
        }
        args->command = command ? command : member;
        int from = at + args_read_options(args, args->command ? args->command->options : NULL,
                                          argc - at, argv + at, false);
        for (; from < argc; from++) {
            args->operand_list[args->operand_count++] = argv[from];
        }
        if (member) {
            args_choose_in_group(args, word);
        }
        args_count_operands(args);
    }
    if (args_has(args, &cli_option_quiet) && args_has(args, &cli_option_verbose)) {
        args_wrong(args, "--quiet and --verbose cannot be used together");
    }
    return !args->error[0];
}

void cli_args_free(struct cli_args *args)
{
    free(args->operand_list);
    for (size_t i = 0; i < args->given_count; i++) {
        free(args->given[i].list);
    }
}
