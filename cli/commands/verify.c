/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verify: prints a line for each backup in each sink, with its problems below.
 */
#include <string.h>

#include "cli.h"
#include "document.h"
#include "options.h"

static const struct cli_option verify_all = {.name = "all", .help = "verify all backups"};
static const struct cli_option verify_level = {
    .name = "level",
    .value = "quick|full|drill",
    .help =
        "quick: each object exists with its size; full: every byte is read and compared; drill: "
        "the backup is restored into throw-away servers and compared (default: quick)"};

#define PROBLEMS_SHOWN 20

static void verify_put_problems(const json_t *problems, struct cli_view *out)
{
    const json_t *problem;
    size_t i, count = json_array_size(problems);

    json_array_foreach (problems, i, problem) {
        if (i == PROBLEMS_SHOWN) {
            break;
        }
        if (json_is_string(problem)) {
            cli_put_message(out, 6, CLI_PLAIN, json_string_value(problem));
        }
    }
    if (count > PROBLEMS_SHOWN) {
        fprintf(out->file, "      %s and %zu more (use --json)\n", cli_symbol(out, CLI_ELLIPSIS),
                count - PROBLEMS_SHOWN);
    }
}

static void verify_put_backup(const json_t *item, struct cli_view *out)
{
    enum cli_symbol outcome = cli_outcome(item);
    char count[CLI_SHORT], size[CLI_SHORT], took[CLI_SHORT];

    cli_put_mark(out, outcome);
    fprintf(out->file, " %s%s%s in %s", cli_on(out, CLI_BOLD), cli_string(item, "id"), cli_off(out),
            cli_string(item, "sink"));
    /* after a failure the numbers cover only a part, and would mislead */
    if (outcome == CLI_TICK) {
        fprintf(out->file, "  %s, %s, %s\n", cli_count(cli_bytes(item, "objects"), "object", count),
                cli_size(cli_bytes(item, "stored_bytes"), size),
                cli_duration(cli_integer(item, "duration_ms"), took));
    } else {
        fprintf(out->file, ": %s%s%s%s\n", cli_on(out, outcome == CLI_CROSS ? CLI_RED : CLI_YELLOW),
                cli_string(item, "status"), outcome == CLI_BANG ? ", not judged" : "",
                cli_off(out));
    }
    verify_put_problems(cli_array(item, "problems"), out);
}

/* What a level proves, and no more. */
static const char *verify_meaning(const char *level)
{
    if (strcmp(level, "quick") == 0) {
        return "complete: each object exists with its size";
    }
    if (strcmp(level, "full") == 0) {
        return "good: every byte was read and compared";
    }
    return "proven: restored and compared";
}

static void verify_put_count(struct cli_view *out, enum cli_style style, size_t some, size_t all,
                             const char *what)
{
    if (some && all == 1) {
        fprintf(out->file, "%sthe backup is %s%s\n", cli_on(out, style), what, cli_off(out));
    } else if (some) {
        fprintf(out->file, "%s%zu of %zu backups are %s%s\n", cli_on(out, style), some, all, what,
                cli_off(out));
    }
}

static void verify_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *backups = cli_array(doc, "backups"), *item;
    size_t i, count = json_array_size(backups);
    size_t outcomes[] = {[CLI_TICK] = 0, [CLI_BANG] = 0, [CLI_CROSS] = 0};

    json_array_foreach (backups, i, item) {
        outcomes[cli_outcome(item)]++;
        verify_put_backup(item, out);
    }
    verify_put_count(out, CLI_RED, outcomes[CLI_CROSS], count, "not good");
    verify_put_count(out, CLI_YELLOW, outcomes[CLI_BANG], count,
                     "not judged: neither good nor bad");
    if (count && cli_done(doc)) {
        fprintf(out->file, "%s %s\n", count == 1 ? "the backup is" : "all backups are",
                verify_meaning(cli_string(doc, "level")));
    } else if (!count && cli_done(doc)) {
        cli_note(err, "no backups yet; make one with: hangar backup");
    }
}

static int verify_command(struct cli *cli)
{
    struct hangar_selection which = cli_selection(cli);
    const char *name = cli_option_value(cli, &verify_level);
    enum hangar_verify_level level = !name || strcmp(name, "quick") == 0 ? HANGAR_VERIFY_QUICK
                                     : strcmp(name, "full") == 0         ? HANGAR_VERIFY_FULL
                                                                         : HANGAR_VERIFY_DRILL;

    if (cli_has_option(cli, &verify_all) == (which.id != NULL)) {
        return cli_stop(
            cli, HANGAR_STATUS_USAGE,
            "`verify` requires either a backup or --all; hint: see `hangar help verify`");
    }
    if (!which.id) {
        which.id = "all";
    }
    char *json = NULL;
    enum hangar_status status = hangar_verify(cli->hangar, &which, level, &json);
    return cli_finish(cli, status, json, verify_render, "backups");
}

static const struct cli_option *const verify_options[] = {
    &verify_all, &verify_level, &cli_option_pipeline, &cli_option_from, NULL};

CLI_COMMAND(verify) = {
    .order = 90,
    .name = "verify",
    .operands = "[ID|latest]",
    .max = 1,
    .opens = true,
    .summary = "verify a backup, or all backups",
    .text = "Verify the backup in each sink that has it, or only in the sink of --from.",
    .options = verify_options,
    .run = verify_command,
    .render = verify_render,
};
