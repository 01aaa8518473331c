/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * args: getopt_long twice, over the options before the command and over what
 * follows it.
 */
#include "args.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hangar/hangar.h>
#include "output.h"

#define MAX_OPTIONS (2 * CLI_OPTION_COUNT)
/* getopt answers with the id, out of the way of letters */
#define CODE(id) (1000 + (int)(id))

/* Records the first thing that is wrong. */
static void wrong(struct cli_args *args, const char *fmt, ...) CLI_PRINTF(2, 3);
static void wrong(struct cli_args *args, const char *fmt, ...)
{
    if (args->error[0]) {
        return;
    }
    va_list list;
    va_start(list, fmt);
    char text[sizeof(args->error)];
    vsnprintf(text, sizeof(text), fmt, list);
    va_end(list);
    snprintf(args->error, sizeof(args->error), "%s", text);
    if (args->command) {
        snprintf(args->hint, sizeof(args->hint), "see `hangar help %s`", args->command->name);
    } else {
        snprintf(args->hint, sizeof(args->hint), "see `hangar help`");
    }
}

static bool is_choice(const char *choices, const char *value)
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

static void take(struct cli_args *args, const struct cli_option *option, const char *value,
                 int argc)
{
    int count = args->counts[option->id]++;

    if (!option->value) {
        return;
    }
    if (!option->repeats && count) {
        wrong(args, "--%s was given twice", option->name);
        return;
    }
    if (strchr(option->value, '|') && !is_choice(option->value, value)) {
        wrong(args, "--%s cannot be \"%s\": it is one of %s", option->name, value, option->value);
        return;
    }
    if (!*value) {
        wrong(args, "--%s needs a value that is not empty", option->name);
        return;
    }
    args->values[option->id] = value;
    if (!option->repeats) {
        return;
    }
    if (!args->lists[option->id]) {
        args->lists[option->id] = calloc((size_t)argc + 1, sizeof(char *));
    }
    if (!args->lists[option->id]) {
        wrong(args, "out of memory");
    } else {
        args->lists[option->id][count] = value;
    }
}

/* The options of a table as getopt wants them. */
struct getopt_table {
    const struct cli_option *known[MAX_OPTIONS];
    struct option longs[MAX_OPTIONS + 1];
    char shorts[2 * MAX_OPTIONS + 3];
    size_t count;
};

static void add_options(struct getopt_table *table, const struct cli_option *options)
{
    for (; options && options->name && table->count < MAX_OPTIONS; options++) {
        table->known[table->count] = options;
        table->longs[table->count++] = (struct option){
            .name = options->name,
            .has_arg = options->value ? required_argument : no_argument,
            .val = CODE(options->id),
        };
        if (options->letter) {
            size_t end = strlen(table->shorts);
            snprintf(table->shorts + end, sizeof(table->shorts) - end, "%c%s", options->letter,
                     options->value ? ":" : "");
        }
    }
}

static const struct cli_option *find(const struct getopt_table *table, int code)
{
    for (size_t i = 0; i < table->count; i++) {
        if (code == CODE(table->known[i]->id) || (code > 0 && code == table->known[i]->letter)) {
            return table->known[i];
        }
    }
    return NULL;
}

/* Says what getopt did not like about the argument it has just passed. */
static void refuse(struct cli_args *args, const struct getopt_table *table, int answer,
                   const char *argument)
{
    const struct cli_option *option = find(table, optopt);

    if (answer == ':' && option) {
        wrong(args, "--%s needs a value: %s", option->name, option->value);
    } else if (option) {
        wrong(args, "--%s takes no value", option->name);
    } else if (optopt) {
        wrong(args, "there is no option -%c", optopt);
    } else {
        wrong(args, "there is no option %.*s", (int)strcspn(argument, "="), argument);
    }
}

/* Reads options, up to the first operand with `stop`; returns its index. */
static int read_options(struct cli_args *args, const struct cli_option *own, int argc, char **argv,
                        bool stop)
{
    struct getopt_table table = {.shorts = ""};

    snprintf(table.shorts, sizeof(table.shorts), stop ? "+:" : ":");
    add_options(&table, cli_global_options);
    add_options(&table, own);
    opterr = 0;
    optind = 0; /* glibc: start afresh */
    for (;;) {
        int before = optind ? optind : 1;
        int answer = getopt_long(argc, argv, table.shorts, table.longs, NULL);
        if (answer == -1) {
            return optind;
        }
        const struct cli_option *option =
            answer == '?' || answer == ':' ? NULL : find(&table, answer);
        if (option) {
            take(args, option, optarg, argc);
        } else {
            refuse(args, &table, answer, argv[optind > before ? optind - 1 : before]);
        }
    }
}

/* Whether `name` is "group word". */
static bool in_group(const char *name, const char *group)
{
    size_t n = strlen(group);

    return strncmp(name, group, n) == 0 && name[n] == ' ';
}

static const struct cli_command *find_command(const char *group, const char *word)
{
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (group ? in_group(c->name, group) && strcmp(c->name + strlen(group) + 1, word) == 0
                  : strcmp(c->name, word) == 0) {
            return c;
        }
    }
    return NULL;
}

static const struct cli_command *first_of_group(const char *group)
{
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (in_group(c->name, group)) {
            return c;
        }
    }
    return NULL;
}

/* How many single changes lead from one word to the other; both are short. */
static size_t distance(const char *a, const char *b)
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

static void unknown_command(struct cli_args *args, const char *word)
{
    const char *nearest = NULL;
    size_t best = 3;

    for (const char *const *later = cli_later_commands; *later; later++) {
        if (strcmp(*later, word) == 0) {
            wrong(args, "`%s` is not in this version (%s)", word, hangar_version());
            return;
        }
    }
    wrong(args, "there is no command `%s`", word);
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (distance(word, c->name) < best) {
            best = distance(word, c->name);
            nearest = c->name;
        }
    }
    if (nearest) {
        snprintf(args->hint, sizeof(args->hint), "did you mean `%s`?", nearest);
    }
}

/* Turns "plugin" and its next word into a command. */
static void choose_in_group(struct cli_args *args, const char *group)
{
    args->command = NULL;
    if (args->operand_count == 0) {
        args->group = group;
        if (!args->counts[CLI_HELP]) {
            wrong(args, "`%s` needs to know what to do", group);
        }
    } else {
        char name[CLI_SHORT];
        args->command = find_command(group, args->operands[0]);
        snprintf(name, sizeof(name), "%s %s", group, args->operands[0]);
        if (!args->command) {
            args->group = group;
            unknown_command(args, name);
        } else {
            args->operands++;
            args->operand_count--;
        }
    }
    if (args->error[0] && !args->command && !strstr(args->hint, "did you mean")) {
        snprintf(args->hint, sizeof(args->hint), "see `hangar help %s`", group);
    }
}

static void count_operands(struct cli_args *args)
{
    const struct cli_command *command = args->command;

    if (!command || args->counts[CLI_HELP]) {
        return;
    }
    if (args->operand_count < command->min) {
        wrong(args, "`%s` needs an argument: %s", command->name, command->operands);
    } else if (command->max == 0 && args->operand_count > 0) {
        wrong(args, "`%s` takes no argument: \"%s\" is one too many", command->name,
              args->operands[0]);
    } else if (command->max >= 0 && args->operand_count > command->max) {
        wrong(args, "`%s` takes one argument: \"%s\" is one too many", command->name,
              args->operands[command->max]);
    }
}

bool cli_args_parse(struct cli_args *args, int argc, char **argv)
{
    *args = (struct cli_args){0};
    args->operand_list = calloc((size_t)argc + 1, sizeof(char *));
    if (!args->operand_list) {
        wrong(args, "out of memory");
        return false;
    }
    args->operands = args->operand_list;
    int at = read_options(args, NULL, argc, argv, true);
    if (at < argc) {
        const char *word = argv[at];
        const struct cli_command *command = find_command(NULL, word);
        const struct cli_command *member = command ? NULL : first_of_group(word);
        if (!command && !member) {
            unknown_command(args, word);
        }
        args->command = command ? command : member;
        int from = at + read_options(args, args->command ? args->command->options : NULL, argc - at,
                                     argv + at, false);
        for (; from < argc; from++) {
            args->operand_list[args->operand_count++] = argv[from];
        }
        if (member) {
            choose_in_group(args, word);
        }
        count_operands(args);
    }
    if (args->counts[CLI_QUIET] && args->counts[CLI_VERBOSE]) {
        wrong(args, "--quiet and --verbose exclude each other");
    }
    return !args->error[0];
}

void cli_args_free(struct cli_args *args)
{
    free(args->operand_list);
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        free(args->lists[i]);
    }
}
