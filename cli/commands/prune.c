/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prune: shows the plan of a dry run, and applies retention after confirmation.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"
#include "options.h"
#include "prompt.h"
#include "table.h"

static const struct cli_option prune_dry_run = {
    .name = "dry-run",
    .help = "print for each backup whether it would be kept or removed, and why; remove nothing"};

static void prune_put_backups(const json_t *sink, struct cli_view *out, bool all)
{
    static const struct cli_column columns[] = {{NULL, CLI_LEFT, false, 0},
                                                {NULL, CLI_LEFT, false, 0},
                                                {NULL, CLI_LEFT, false, 0},
                                                {NULL, CLI_WRAP, false, 0}};
    struct cli_table table;
    const json_t *item;
    size_t i;

    cli_table_init(&table, out, columns, 4, 2);
    json_array_foreach (cli_array(sink, "backups"), i, item) {
        bool keep = cli_flag(item, "keep");
        int64_t created = cli_instant(item, "created");
        if (keep && !all) {
            continue;
        }
        cli_table_cell(&table, keep ? CLI_GREEN : CLI_YELLOW, "%s", keep ? "keep" : "remove");
        cli_table_cell(&table, CLI_PLAIN, "%s", cli_string(item, "id"));
        char when[CLI_SHORT];
        cli_table_cell(&table, CLI_DIM, "%s", created < 0 ? "-" : cli_time(created, when));
        cli_table_cell(&table, CLI_PLAIN, "%s", cli_string(item, "reason"));
    }
    cli_table_print(&table);
}

/* A dry run shows each leftover: what it is, its size, and why it is kept or removed. */
static void prune_put_leftovers(const json_t *sink, struct cli_view *out, bool dry)
{
    const json_t *item;
    size_t i;

    json_array_foreach (cli_array(sink, "leftovers"), i, item) {
        const char *action = cli_string(item, "action");
        bool waiting = strcmp(action, "waiting") == 0;
        char size[CLI_SHORT], files[CLI_SHORT];
        if (waiting && !dry && !out->verbose) {
            continue;
        }
        fprintf(out->file, "  leftover %s (%s, %s): %s: %s\n", cli_string(item, "id"),
                cli_count(cli_bytes(item, "files"), "file", files),
                cli_size(cli_bytes(item, "bytes"), size),
                waiting ? "stays"
                : dry   ? "would be removed"
                        : action,
                cli_string(item, "reason"));
    }
}

static void prune_put_sink(const json_t *sink, struct cli_view *out, bool dry)
{
    bool good = cli_done(sink);
    const char *oldest = cli_string(sink, "oldest_time");

    cli_put_mark(out, good ? CLI_TICK : CLI_CROSS);
    fprintf(out->file, " %s%s%s", cli_on(out, CLI_BOLD), cli_string(sink, "pipeline"),
            cli_off(out));
    if (*cli_string(sink, "sink")) {
        fprintf(out->file, " in %s", cli_string(sink, "sink"));
    }
    if (good) {
        fputs(": ", out->file);
        fprintf(out->file, dry ? "would keep %lld and remove %lld" : "kept %lld, removed %lld",
                (long long)cli_integer(sink, "kept"), (long long)cli_integer(sink, "removed"));
        if (cli_bytes(sink, "removed") > 0) {
            char size[CLI_SHORT];
            fprintf(out->file, " (%s)", cli_size(cli_bytes(sink, "freed_bytes"), size));
        }
        if (*oldest) {
            fprintf(out->file, ", oldest kept %.10s", oldest);
        }
        if (cli_bytes(sink, "locked") > 0) {
            fprintf(out->file, "; %lld kept only by locks of the store",
                    (long long)cli_integer(sink, "locked"));
        }
        if (cli_bytes(sink, "retained") > 0) {
            fprintf(out->file, "; %lld newly locked", (long long)cli_integer(sink, "retained"));
        }
        fputc('\n', out->file);
    } else {
        fputc('\n', out->file);
        cli_put_message(out, 4, CLI_RED, cli_string(sink, "error"));
    }
    prune_put_backups(sink, out, dry || out->verbose);
    prune_put_leftovers(sink, out, dry);
}

static void prune_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *sink;
    size_t i;

    json_array_foreach (cli_array(doc, "sinks"), i, sink) {
        prune_put_sink(sink, out, cli_flag(doc, "dry_run"));
    }
    if (cli_flag(doc, "dry_run")) {
        cli_note(err, "nothing was removed: this was a dry run");
    }
}

static char *prune_question(const json_t *plan)
{
    size_t size = 0, i;
    char *text = NULL, number[CLI_SHORT];
    bool first = true;
    FILE *stream = open_memstream(&text, &size);

    if (!stream) {
        return NULL;
    }
    fputs("remove ", stream);
    const json_t *sink;
    json_array_foreach (cli_array(plan, "sinks"), i, sink) {
        uint64_t removed = cli_bytes(sink, "removed");
        if (!cli_done(sink) || removed == 0) {
            continue;
        }
        fprintf(stream, "%s%s of %s from %s", first ? "" : ", ",
                cli_count(removed, "backup", number), cli_string(sink, "pipeline"),
                cli_string(sink, "sink"));
        first = false;
    }
    fputc('?', stream);
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static uint64_t prune_planned_removals(const json_t *plan)
{
    const json_t *sink;
    uint64_t removed = 0;
    size_t i;

    json_array_foreach (cli_array(plan, "sinks"), i, sink) {
        removed += cli_done(sink) ? cli_bytes(sink, "removed") : 0;
    }
    return removed;
}

static enum hangar_status prune_call(struct cli *cli, uint32_t flags, char **json)
{
    return hangar_prune(cli->hangar, cli->args.operands[0], cli_option_value(cli, &cli_option_from),
                        flags, json);
}

/* DONE when the backups may be removed. */
static int prune_agree(struct cli *cli, const json_t *plan)
{
    cli_progress_clear(&cli->progress);
    fflush(cli->out.file);
    prune_render(plan, &cli->err, &(struct cli_view){.quiet = true});
    if (prune_planned_removals(plan) == 0) {
        return HANGAR_STATUS_DONE; /* leftovers are removed without a question */
    }
    return cli_agree(cli, prune_question(plan), "nothing was removed", "nothing was removed");
}

static int prune_command(struct cli *cli)
{
    bool dry = cli_has_option(cli, &prune_dry_run), yes = cli_has_option(cli, &cli_option_yes);
    char *json = NULL;
    int result = HANGAR_STATUS_DONE;

    if (!dry && !yes) {
        if (!cli->io->in_tty || !cli->io->err_tty) {
            return cli_stop(
                cli, HANGAR_STATUS_USAGE,
                "cannot ask for confirmation without a terminal; hint: check with --dry-run, then "
                "add --yes");
        }
        enum hangar_status status = prune_call(cli, HANGAR_REQUEST_DRY_RUN, &json);
        json_t *plan = json ? cli_document(json, cli->err.utf8) : NULL;
        if (status != HANGAR_STATUS_DONE || !plan) {
            json_decref(plan);
            return cli_finish(cli, status, json, prune_render, "sinks");
        }
        result = prune_agree(cli, plan);
        json_decref(plan);
        hangar_free(json);
        json = NULL;
    }
    if (result != HANGAR_STATUS_DONE) {
        return result;
    }
    enum hangar_status status = prune_call(cli, dry ? HANGAR_REQUEST_DRY_RUN : 0, &json);
    return cli_finish(cli, status, json, prune_render, "sinks");
}

static const struct cli_option *const prune_options[] = {&cli_option_from, &prune_dry_run,
                                                         &cli_option_yes, NULL};

CLI_COMMAND(prune) = {
    .order = 100,
    .name = "prune",
    .operands = "[PIPELINE]",
    .max = 1,
    .opens = true,
    .summary = "remove the backups that retention does not keep",
    .text =
        "Apply the retention of each sink, as after every successful backup, and remove the "
        "leftovers of dead runs. Show which backups would be removed, ask for confirmation, and "
        "remove them. Without a terminal, --yes is required. Remove nothing while the clock may "
        "be wrong.",
    .options = prune_options,
    .run = prune_command,
    .render = prune_render,
};
