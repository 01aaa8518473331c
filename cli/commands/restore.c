/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore: shows the plan of a dry run, and restores just that backup after confirmation.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"
#include "interrupt.h"
#include "options.h"
#include "prompt.h"
#include "table.h"

static const struct cli_option restore_only = {
    .name = "only",
    .value = "SOURCE",
    .repeats = true,
    .help = "restore only this source; can be given more than once"};
static const struct cli_option restore_set = {
    .name = "set",
    .value = "SOURCE.OPTION=VALUE",
    .repeats = true,
    .help =
        "override an option of a source, such as the database to restore into; not for secrets; "
        "can be given more than once"};
static const struct cli_option restore_mode = {
    .name = "mode",
    .value = "empty|clean",
    .help = "empty: refuse a target that contains data; clean: replace its data, after a safety "
            "backup (default: empty)"};
static const struct cli_option restore_disconnect = {
    .name = "disconnect",
    .help = "with --mode clean: end the sessions of other clients that block the restore"};
static const struct cli_option restore_on_error = {
    .name = "on-error",
    .value = "stop|continue",
    .help = "what to do when the server refuses a definition, an index or a constraint: stop and "
            "undo; or continue, list what failed, and end with status 3 (default: stop)"};
static const struct cli_option restore_compare = {
    .name = "compare", .help = "read the restored data again and compare digests"};
static const struct cli_option restore_no_hooks = {
    .name = "no-hooks",
    .help = "do not run the before_restore and after_restore hooks of the pipeline"};
static const struct cli_option restore_dry_run = {.name = "dry-run",
                                                  .help = "print the plan and change nothing"};

static void restore_put_lines(struct cli_view *view, const json_t *lines)
{
    const json_t *line;
    size_t i;

    json_array_foreach (lines, i, line) {
        fprintf(view->file, "    %s\n", json_is_string(line) ? json_string_value(line) : "");
    }
}

static void restore_put_plan(const json_t *doc, struct cli_view *view)
{
    char text[CLI_SHORT], size[CLI_SHORT];

    fprintf(view->file, "%s%s%s of %s, from %s", cli_on(view, CLI_BOLD), cli_string(doc, "id"),
            cli_off(view), cli_string(doc, "pipeline"), cli_string(doc, "sink"));
    if (cli_bytes(doc, "objects") > 0) {
        fprintf(view->file, ": %s, %s", cli_size(cli_bytes(doc, "plain_bytes"), size),
                cli_count(cli_bytes(doc, "objects"), "object", text));
    }
    fputc('\n', view->file);
    const json_t *item;
    size_t i;
    json_array_foreach (cli_array(doc, "sources"), i, item) {
        fprintf(view->file, "  %s%s%s %s %s\n", cli_on(view, CLI_BOLD), cli_string(item, "name"),
                cli_off(view), cli_symbol(view, CLI_ARROW), cli_string(item, "target"));
        restore_put_lines(view, cli_array(item, "plan"));
    }
}

static void restore_render_dry_run(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    if (!cli_done(doc)) {
        return;
    }
    restore_put_plan(doc, out);
    cli_note(err, "nothing was changed: this was a dry run");
}

/* Also after a restore that failed, when the safety backup may be needed. */
static void restore_put_safety(const json_t *doc, struct cli_view *err)
{
    const json_t *safety = json_object_get(doc, "safety");

    if (*cli_string(safety, "id") && !err->quiet) {
        fprintf(err->file, "the previous data is in the safety backup %s%s%s in %s\n",
                cli_on(err, CLI_BOLD), cli_string(safety, "id"), cli_off(err),
                cli_string(safety, "sink"));
    }
}

static void restore_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    static const struct cli_column columns[] = {{NULL, CLI_LEFT, false, 0},
                                                {NULL, CLI_LEFT, false, 0}};
    bool done = cli_done(doc), degraded = strcmp(cli_string(doc, "status"), "degraded") == 0;
    char took[CLI_SHORT], size[CLI_SHORT], speed[CLI_SHORT], text[32];
    int64_t ms = cli_integer(doc, "duration_ms");
    const json_t *item, *value;

    restore_put_safety(doc, err);
    if (!done && !degraded) {
        return;
    }
    cli_put_mark(out, done ? CLI_TICK : CLI_BANG);
    fprintf(out->file, " restored %s%s%s in %s: %s, %s\n", cli_on(out, CLI_BOLD),
            cli_string(doc, "id"), cli_off(out), cli_duration(ms, took),
            cli_size(cli_bytes(doc, "plain_bytes"), size),
            cli_rate(cli_bytes(doc, "plain_bytes"), ms, speed));
    size_t i;
    json_array_foreach (cli_array(doc, "sources"), i, item) {
        struct cli_table table;
        fprintf(out->file, "  %s%s%s %s %s\n", cli_on(out, CLI_BOLD), cli_string(item, "name"),
                cli_off(out), cli_symbol(out, CLI_ARROW), cli_string(item, "target"));
        cli_table_init(&table, out, columns, 2, 4);
        const char *key;
        json_object_foreach (json_object_get(item, "report"), key, value) {
            cli_table_cell(&table, CLI_DIM, "%s", key);
            cli_table_cell(&table, CLI_PLAIN, "%s", cli_scalar(value, text));
        }
        cli_table_print(&table);
    }
}

static char *restore_question(const json_t *plan, bool clean)
{
    const json_t *sources = cli_array(plan, "sources"), *item;
    size_t size = 0, i, count = json_array_size(sources);
    char *text = NULL, number[CLI_SHORT];
    FILE *stream = open_memstream(&text, &size);

    if (!stream) {
        return NULL;
    }
    if (clean) {
        fprintf(stream, "replace what is in ");
    } else {
        fprintf(stream, "restore %s into ", cli_count(count, "source", number));
    }
    json_array_foreach (sources, i, item) {
        fprintf(stream, "%s%s%s%s%s",
                i == 0           ? ""
                : i + 1 == count ? " and "
                                 : ", ",
                clean ? cli_string(item, "name") : "", clean ? " (" : "",
                cli_string(item, "target"), clean ? ")" : "");
    }
    fputc('?', stream);
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* DONE when the restore may start. */
static int restore_agree(struct cli *cli, const json_t *plan, bool clean)
{
    const struct cli_io *io = cli->io;
    bool yes = cli_has_option(cli, &cli_option_yes);

    fflush(cli->out.file);
    if (!yes || !cli->err.quiet) {
        restore_put_plan(plan, &cli->err);
    }
    if (yes) {
        return HANGAR_STATUS_DONE;
    }
    if (!io->in_tty || !io->err_tty) {
        return cli_stop(
            cli, HANGAR_STATUS_USAGE,
            "cannot ask for confirmation without a terminal; hint: add --yes if the plan is right");
    }
    return cli_agree(cli, restore_question(plan, clean), "not restored: nothing was changed",
                     "nothing was changed");
}

/* Restores the backup of the plan: "latest" may be another backup by now. */
static int restore_planned(struct cli *cli, struct hangar_restore_request *request,
                           const json_t *plan)
{
    request->flags &= ~HANGAR_REQUEST_DRY_RUN;
    request->backup.id = cli_string(plan, "id");
    if (*cli_string(plan, "pipeline")) {
        request->backup.pipeline = cli_string(plan, "pipeline");
    }
    if (cli_interrupted()) {
        return cli_stop(cli, HANGAR_STATUS_INTERRUPTED, "interrupted; nothing was changed");
    }
    char *json = NULL;
    enum hangar_status status = hangar_restore(cli->hangar, request, &json);
    return cli_finish(cli, status, json, restore_render, NULL);
}

static int restore_command(struct cli *cli)
{
    const char *mode = cli_option_value(cli, &restore_mode);
    bool clean = mode && strcmp(mode, "clean") == 0;
    bool disconnect = cli_has_option(cli, &restore_disconnect);
    const char *on_error = cli_option_value(cli, &restore_on_error);
    bool goes_on = on_error && strcmp(on_error, "continue") == 0;
    struct hangar_restore_request request = {
        .struct_size = sizeof(request),
        .flags = HANGAR_REQUEST_DRY_RUN | (clean ? HANGAR_REQUEST_CLEAN : 0) |
                 (disconnect ? HANGAR_REQUEST_DISCONNECT : 0) |
                 (goes_on ? HANGAR_REQUEST_CONTINUE : 0) |
                 (cli_has_option(cli, &restore_compare) ? HANGAR_REQUEST_COMPARE : 0) |
                 (cli_has_option(cli, &restore_no_hooks) ? HANGAR_REQUEST_NO_HOOKS : 0),
        .backup = cli_selection(cli),
        .only = cli_option_list(cli, &restore_only),
        .set = cli_option_list(cli, &restore_set),
    };

    if (disconnect && !clean) {
        return cli_stop(cli, HANGAR_STATUS_USAGE, "--disconnect requires --mode clean");
    }
    if (goes_on && clean) {
        return cli_stop(cli, HANGAR_STATUS_USAGE,
                        "--on-error continue cannot be combined with --mode clean: only a whole "
                        "restore replaces live data");
    }
    char *json = NULL;
    enum hangar_status status = hangar_restore(cli->hangar, &request, &json);
    if (cli_has_option(cli, &restore_dry_run) || status != HANGAR_STATUS_DONE || !json) {
        return cli_finish(cli, status, json, restore_render_dry_run, NULL);
    }

    cli_progress_clear(&cli->progress);
    json_t *shown = cli_document(json, cli->err.utf8), *plan = cli_document_as_it_is(json);
    int result = shown && plan ? restore_agree(cli, shown, clean)
                               : cli_stop(cli, HANGAR_STATUS_FAILED, "cannot parse the plan");
    if (result == HANGAR_STATUS_DONE) {
        result = restore_planned(cli, &request, plan);
    }
    json_decref(shown);
    json_decref(plan);
    hangar_free(json);
    return result;
}

static const struct cli_option *const restore_options[] = {
    &cli_option_pipeline, &cli_option_from,    &restore_only,     &restore_set,
    &restore_mode,        &restore_disconnect, &restore_on_error, &restore_compare,
    &restore_no_hooks,    &restore_dry_run,    &cli_option_yes,   NULL};

CLI_COMMAND(restore) = {
    .order = 80,
    .name = "restore",
    .operands = "ID|latest",
    .min = 1,
    .max = 1,
    .opens = true,
    .summary = "restore a backup",
    .text =
        "Show the plan, ask for confirmation, and restore. Without a terminal, --yes is required.",
    .options = restore_options,
    .run = restore_command,
    .render = restore_render,
};
