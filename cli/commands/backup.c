/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: runs pipelines one after the other.  Only the ids go to standard output, a
 * summary of each run goes to standard error.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"
#include "interrupt.h"
#include "options.h"
#include "table.h"

static void backup_put_sources(const json_t *doc, struct cli_view *err)
{
    static const struct cli_column columns[] = {{NULL, CLI_LEFT, false, 0},
                                                {NULL, CLI_LEFT, false, 0},
                                                {NULL, CLI_RIGHT, false, 0},
                                                {NULL, CLI_RIGHT, false, 0},
                                                {NULL, CLI_LEFT, false, 0}};
    struct cli_table table;
    const json_t *item;
    size_t i;

    cli_table_init(&table, err, columns, 5, 2);
    json_array_foreach (cli_array(doc, "sources"), i, item) {
        cli_table_cell(&table, CLI_DIM, "source");
        cli_table_cell(&table, CLI_BOLD, "%s", cli_string(item, "name"));
        char text[CLI_SHORT];
        cli_table_cell(&table, CLI_PLAIN, "%s", cli_size(cli_bytes(item, "plain_bytes"), text));
        cli_table_cell(&table, CLI_PLAIN, "%s",
                       cli_count(cli_bytes(item, "objects"), "object", text));
        cli_table_cell(&table, CLI_PLAIN, "%s", cli_string(item, "target"));
    }
    cli_table_print(&table);
}

static void backup_put_sinks(const json_t *doc, struct cli_view *err)
{
    static const struct cli_column columns[] = {
        {NULL, CLI_LEFT, false, 0}, {NULL, CLI_LEFT, false, 0}, {NULL, CLI_LEFT, false, 0}};
    struct cli_table table;
    const json_t *item;
    size_t i;

    cli_table_init(&table, err, columns, 3, 2);
    json_array_foreach (cli_array(doc, "sinks"), i, item) {
        bool done = cli_done(item);
        cli_table_cell(&table, CLI_DIM, "sink  ");
        cli_table_cell(&table, CLI_BOLD, "%s", cli_string(item, "name"));
        if (done) {
            cli_table_cell(&table, CLI_PLAIN, "%s", cli_string(item, "target"));
        } else {
            const char *name = cli_string(item, "name"), *error = cli_string(item, "error");
            bool printed =
                cli_was_printed(err, error) || strcmp(error, cli_string(doc, "error")) == 0;
            cli_table_cell(&table, CLI_RED, "%s%s%s", cli_string(item, "status"),
                           printed ? "" : ": ", printed ? "" : cli_without(error, "sink", name));
        }
    }
    cli_table_print(&table);
}

static void backup_put_total(const json_t *doc, struct cli_view *err)
{
    uint64_t plain = cli_bytes(doc, "plain_bytes"), stored = cli_bytes(doc, "stored_bytes");
    int64_t ms = cli_integer(doc, "duration_ms");
    char read[CLI_SHORT], kept[CLI_SHORT], speed[CLI_SHORT], skew[CLI_SHORT];

    fprintf(err->file, "  %s read, %s stored", cli_size(plain, read), cli_size(stored, kept));
    if (plain > 0) {
        fprintf(err->file, " (%.0f %%)", (double)stored * 100 / (double)plain);
    }
    fprintf(err->file, ", %s", cli_rate(plain, ms, speed));
    if (json_array_size(cli_array(doc, "sources")) > 1) {
        fprintf(err->file, "; skew %s", cli_duration(cli_integer(doc, "skew_ms"), skew));
    }
    fputc('\n', err->file);
}

static void backup_render(const json_t *doc, struct cli_view *err, const char *program)
{
    bool done = cli_done(doc);

    if (err->quiet || !cli_has(doc, "id")) {
        return;
    }
    cli_put_mark(err, done ? CLI_TICK : CLI_BANG);
    char took[CLI_SHORT];
    fprintf(err->file, " %s%s%s of %s, in %s\n", cli_on(err, CLI_BOLD), cli_string(doc, "id"),
            cli_off(err), cli_string(doc, "pipeline"),
            cli_duration(cli_integer(doc, "duration_ms"), took));
    backup_put_sources(doc, err);
    backup_put_sinks(doc, err);
    backup_put_total(doc, err);
    fprintf(err->file, "  restore it with: %s restore %s\n", program, cli_string(doc, "id"));
}

/* Prints the result of one run, and appends its document to `runs`. */
static void backup_report(struct cli *cli, const char *pipeline, enum hangar_status status,
                          const char *json, bool several, json_t *runs)
{
    json_t *doc = json ? cli_document(json, cli->err.utf8) : NULL;
    const char *text = hangar_error(cli->hangar);
    char *program = cli_program(cli, cli_option_value(cli, &cli_option_config));

    cli_progress_clear(&cli->progress);
    if (doc && cli_has(doc, "id") && !cli_has_option(cli, &cli_option_json)) {
        fprintf(cli->out.file, "%s\n", cli_string(doc, "id"));
        fflush(cli->out.file);
    }
    if (!doc) { /* a script must not take the missing id for a result */
        cli->out.failed = true;
    }
    if (doc && program) {
        backup_render(doc, &cli->err, program);
    }
    if (status != HANGAR_STATUS_DONE && !cli_was_printed(&cli->err, cli_error_text(cli, status))) {
        cli_errorf(cli, "%s%s%s%s", several ? "pipeline " : "", several ? pipeline : "",
                   several ? ": " : "", cli_error_text(cli, status));
    }
    json_t *kept = json ? cli_document_as_it_is(json) : NULL;
    if (!kept) {
        kept = json_pack("{s:s, s:s, s:s, s:s}", "schema", "hangar.backup/1", "status",
                         hangar_status_name(status), "pipeline", pipeline, "error", text);
    }
    if (json_array_append_new(runs, kept) < 0 || !program) {
        cli->err.failed = true;
    }
    free(program);
    json_decref(doc);
}

/* Prints the document of one run unchanged, and one document of several runs. */
static void backup_put_runs(struct cli *cli, int worst, json_t *runs)
{
    json_t *doc = json_array_size(runs) == 1
                      ? json_incref(json_array_get(runs, 0))
                      : json_pack("{s:s, s:s, s:O}", "schema", "hangar.backups/1", "status",
                                  hangar_status_name((enum hangar_status)worst), "runs", runs);

    cli_print_document(cli, doc);
}

static bool backup_is_among(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name) != 0) {
        names++;
    }
    return *names != NULL;
}

/* Checks all names before the first run: a run may need hours. */
static int backup_refuse_names(struct cli *cli, const char *const *names)
{
    char text[512] = "";
    enum hangar_status status = HANGAR_STATUS_NOT_FOUND;

    for (size_t i = 0; names[i] && !*text; i++) {
        if (!backup_is_among(hangar_pipelines(cli->hangar), names[i])) {
            snprintf(text, sizeof(text),
                     "unknown pipeline \"%s\"; hint: `hangar status` lists the pipelines",
                     names[i]);
        } else if (backup_is_among(names + i + 1, names[i])) {
            snprintf(text, sizeof(text), "pipeline \"%s\" is given more than once", names[i]);
            status = HANGAR_STATUS_USAGE;
        }
    }
    if (!*text) {
        return HANGAR_STATUS_DONE;
    }
    return cli_stop(cli, status, text);
}

static const struct cli_option backup_only = {
    .name = "only",
    .value = "SOURCE",
    .repeats = true,
    .help = "back up this source of the pipeline only (partial backup)",
};
static const struct cli_option backup_tag = {
    .name = "tag",
    .value = "TAG",
    .repeats = true,
    .help = "add a word or KEY=VALUE to the backup",
};

static enum hangar_status backup_one(struct cli *cli, const char *pipeline, char **json)
{
    const struct hangar_backup_request request = {
        .struct_size = sizeof(request),
        .pipeline = pipeline,
        .only = cli_option_list(cli, &backup_only),
        .tags = cli_option_list(cli, &backup_tag),
    };

    return hangar_backup_with(cli->hangar, &request, json);
}

static int backup_command(struct cli *cli)
{
    const char *const *names =
        cli->args.operand_count ? cli->args.operands : hangar_pipelines(cli->hangar);
    int worst = backup_refuse_names(cli, names);

    if (worst != HANGAR_STATUS_DONE) {
        return worst;
    }
    if (cli_has_option(cli, &backup_only) && names[0] && names[1]) {
        return cli_stop(cli, HANGAR_STATUS_USAGE, "--only needs the name of one pipeline");
    }
    json_t *runs = json_array();
    for (size_t i = 0; names[i] && worst != HANGAR_STATUS_INTERRUPTED; i++) {
        char *json = NULL;
        enum hangar_status status = HANGAR_STATUS_INTERRUPTED;
        if (cli_interrupted()) {
            cli_errorf(cli, "interrupted; pipeline %s was not run", names[i]);
        } else {
            status = backup_one(cli, names[i], &json);
            backup_report(cli, names[i], status, json, names[1] != NULL, runs);
        }
        hangar_free(json);
        worst = cli_worse(worst, (int)status);
    }
    if (cli_has_option(cli, &cli_option_json)) {
        backup_put_runs(cli, worst, runs);
    }
    json_decref(runs);
    return worst;
}

static const struct cli_option *const backup_options[] = {&backup_only, &backup_tag, NULL};

CLI_COMMAND(backup) = {
    .order = 30,
    .name = "backup",
    .operands = "[PIPELINE...]",
    .max = -1,
    .opens = true,
    .summary = "make a backup",
    .text = "Run the named pipelines, or all of them, one after the other. Print the id of each "
            "backup to standard output. If a pipeline fails, the others still run; the exit status "
            "is the worst of all.",
    .options = backup_options,
    .run = backup_command,
};
