/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cli: what all commands share: their options, messages and documents.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "options.h"

bool cli_has_option(const struct cli *cli, const struct cli_option *option)
{
    return cli_args_given(&cli->args, option) != NULL;
}

const char *cli_option_value(const struct cli *cli, const struct cli_option *option)
{
    const struct cli_given_option *given = cli_args_given(&cli->args, option);

    return given ? given->value : NULL;
}

const char *const *cli_option_list(const struct cli *cli, const struct cli_option *option)
{
    const struct cli_given_option *given = cli_args_given(&cli->args, option);

    return given ? given->list : NULL;
}

struct hangar_selection cli_selection(const struct cli *cli)
{
    return (struct hangar_selection){
        .struct_size = sizeof(struct hangar_selection),
        .id = cli->args.operands[0],
        .pipeline = cli_option_value(cli, &cli_option_pipeline),
        .sink = cli_option_value(cli, &cli_option_from),
    };
}

/* One word of a shell command, quoted where needed. */
static void cli_put_word(FILE *stream, const char *word)
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
        cli_put_word(stream, config);
    }
    if (fclose(stream) == 0) {
        safe = cli_escape(text, cli->err.utf8);
    }
    free(text);
    return safe;
}

static void cli_put_error(struct cli *cli, const char *message)
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
            cli_put_error(cli, line);
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

void cli_print_document(struct cli *cli, json_t *doc)
{
    if (!doc || json_dumpf(doc, cli->out.file, JSON_INDENT(2)) < 0) {
        cli->out.failed = true;
    }
    fputc('\n', cli->out.file);
    json_decref(doc);
}

void cli_error_document(struct cli *cli, enum hangar_status status, const char *text)
{
    if (!cli_has_option(cli, &cli_option_json)) {
        return;
    }
    cli_print_document(cli, json_pack("{s:s, s:s, s:s}", "schema", "hangar.error/1", "status",
                                      hangar_status_name(status), "error", text));
}

int cli_stop(struct cli *cli, enum hangar_status status, const char *text)
{
    cli_error(cli, text);
    cli_error_document(cli, status, text);
    return (int)status;
}

const char *cli_error_text(const struct cli *cli, enum hangar_status status)
{
    const char *text = cli->hangar ? hangar_error(cli->hangar) : "out of memory";

    if (text && *text) {
        return text;
    }
    return hangar_status_name(status);
}

static void cli_put_json(struct cli *cli, enum hangar_status status, const char *json)
{
    size_t length = json ? strlen(json) : 0;

    if (!json) {
        cli_error_document(cli, status, cli_error_text(cli, status));
    } else {
        fprintf(cli->out.file, "%s%s", json, length && json[length - 1] == '\n' ? "" : "\n");
    }
}

int cli_finish(struct cli *cli, enum hangar_status status, char *json, cli_render *render,
               const char *printed_by)
{
    bool printed = false;
    enum hangar_status result = status;

    cli_progress_clear(&cli->progress);
    if (cli_has_option(cli, &cli_option_json)) {
        cli_put_json(cli, status, json);
    } else if (json) {
        json_t *doc = cli_document(json, cli->out.utf8);
        if (doc) {
            render(doc, &cli->out, &cli->err);
            printed = printed_by && json_array_size(cli_array(doc, printed_by)) > 0 &&
                      status != HANGAR_STATUS_INTERRUPTED;
        } else {
            cli_error(cli, "cannot parse the document of the library");
            result = HANGAR_STATUS_FAILED;
        }
        json_decref(doc);
    }
    if (status != HANGAR_STATUS_DONE && !printed &&
        !cli_was_printed(&cli->err, cli_error_text(cli, status))) {
        cli_error(cli, cli_error_text(cli, status));
    }
    hangar_free(json);
    return (int)result;
}

enum cli_log_format cli_log_format_of(const struct cli *cli)
{
    const char *name = cli_option_value(cli, &cli_option_log_format);
    enum cli_log_format format;

    if (name && cli_log_format_named(name, &format)) {
        return format;
    }
    if (cli->io->err_tty && !cli->err.verbose) {
        return CLI_LOG_TEXT;
    }
    return cli->io->journal ? CLI_LOG_JOURNAL : CLI_LOG_LOGFMT;
}

int cli_worse(int a, int b)
{
    /* the worst first */
    static const int order[] = {
        HANGAR_STATUS_INTERRUPTED, HANGAR_STATUS_FAILED, HANGAR_STATUS_CORRUPT,
        HANGAR_STATUS_AUTH,        HANGAR_STATUS_USAGE,  HANGAR_STATUS_NOT_FOUND,
        HANGAR_STATUS_BUSY,        HANGAR_STATUS_STALE,  HANGAR_STATUS_DEGRADED,
    };

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (a == order[i] || b == order[i]) {
            return order[i];
        }
    }
    return a > b ? a : b;
}
