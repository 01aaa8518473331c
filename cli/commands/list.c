/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: prints the backups in the sinks, newest first.
 */
#include "commands/list.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"
#include "options.h"
#include "table.h"

enum { ID, PIPELINE, AGE, TIME, SIZE, DATA, SOURCES, SINKS, VERIFIED, STATE, TAGS, COLUMNS };

static void list_put_backup(struct cli_table *table, const json_t *item)
{
    int64_t created = cli_instant(item, "created");
    const char *state = cli_string(item, "state");
    bool complete = strcmp(state, "complete") == 0;
    const char *kind = cli_string(item, "kind");
    bool apart = strcmp(kind, "safety") == 0 || strcmp(kind, "partial") == 0;
    char *sources = cli_join(cli_array(item, "sources"));
    char *sinks = cli_join(cli_array(item, "sinks")), *tags = cli_join(cli_array(item, "tags"));

    cli_table_cell(table, CLI_PLAIN, "%s", cli_short_id(table->view, cli_string(item, "id")));
    cli_table_cell(table, CLI_PLAIN, "%s", cli_string(item, "pipeline"));
    char text[CLI_SHORT];
    cli_table_cell(table, CLI_PLAIN, "%s",
                   created < 0 ? "-" : cli_age(table->view->now_ms - created, text));
    /* without a readable manifest nothing more is known */
    cli_table_cell(table, CLI_PLAIN, "%s",
                   complete ? cli_duration(cli_integer(item, "duration_ms"), text) : "-");
    cli_table_cell(table, CLI_PLAIN, "%s",
                   complete ? cli_size(cli_bytes(item, "stored_bytes"), text) : "-");
    cli_table_cell(table, CLI_PLAIN, "%s",
                   complete ? cli_size(cli_bytes(item, "plain_bytes"), text) : "-");
    cli_table_cell(table, CLI_PLAIN, "%s", sources ? sources : "");
    cli_table_cell(table, CLI_PLAIN, "%s", sinks ? sinks : "");
    const json_t *verified = json_object_get(item, "verified");
    if (!complete && cli_done(verified)) { /* it was good then */
        verified = NULL;
    }
    enum cli_style style;
    cli_verified(verified, table->view, text, &style);
    cli_table_cell(table, style, "%s", text);
    char *damaged = cli_join(cli_array(item, "damaged"));
    bool other = complete && damaged && *damaged; /* another sink has a good copy */
    cli_table_cell(table,
                   !complete ? CLI_RED
                   : other   ? CLI_YELLOW
                             : CLI_GREEN,
                   "%s%s%s%s%s", state, apart ? ", " : "", apart ? kind : "",
                   other ? ", damaged in " : "", other ? damaged : "");
    free(damaged);
    cli_table_cell(table, CLI_PLAIN, "%s", tags ? tags : "");
    if (!sources || !sinks) {
        table->view->failed = true;
    }
    free(sources);
    free(sinks);
    free(tags);
}

static bool list_several_pipelines(const json_t *backups)
{
    const json_t *item;
    const char *first = NULL;
    size_t i;

    json_array_foreach (backups, i, item) {
        if (first && strcmp(first, cli_string(item, "pipeline")) != 0) {
            return true;
        }
        first = cli_string(item, "pipeline");
    }
    return false;
}

static void list_put_table(const json_t *backups, struct cli_view *out)
{
    struct cli_column columns[COLUMNS] = {
        [ID] = {"ID", CLI_LEFT, false, 0},
        [PIPELINE] = {"PIPELINE", CLI_LEFT, !list_several_pipelines(backups), 0},
        [AGE] = {"AGE", CLI_RIGHT, false, 0},
        [TIME] = {"TIME", CLI_RIGHT, false, 4},
        [SIZE] = {"SIZE", CLI_RIGHT, false, 0},
        [DATA] = {"DATA", CLI_RIGHT, false, 3},
        [SOURCES] = {"SOURCES", CLI_SHRINK, false, 2},
        [SINKS] = {"SINKS", CLI_SHRINK, false, 1},
        [VERIFIED] = {"VERIFIED", CLI_LEFT, !cli_any_has(backups, "verified"), 0},
        [STATE] = {"STATE", CLI_LEFT, false, 0},
        [TAGS] = {"TAGS", CLI_SHRINK, !cli_any_has(backups, "tags"), 5},
    };
    struct cli_table table;
    const json_t *item;
    size_t i;

    cli_table_init(&table, out, columns, COLUMNS, 0);
    json_array_foreach (backups, i, item) {
        list_put_backup(&table, item);
    }
    cli_table_print(&table);
}

void cli_list_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *backups = cli_array(doc, "backups"), *problems = cli_array(doc, "problems"),
                 *item;

    list_put_table(backups, out);
    fflush(out->file);
    size_t i;
    json_array_foreach (backups, i, item) {
        if (*cli_string(item, "problem")) {
            fprintf(err->file, "%swarning%s: %s: %s\n", cli_on(err, CLI_YELLOW), cli_off(err),
                    cli_string(item, "id"), cli_string(item, "problem"));
            cli_record(err, cli_string(item, "problem"));
        }
    }
    json_array_foreach (problems, i, item) {
        if (cli_was_printed(err, cli_string(item, "error"))) {
            continue; /* the problem of a backup above */
        }
        fprintf(err->file, "%swarning%s: sink %s, pipeline %s: %s\n", cli_on(err, CLI_YELLOW),
                cli_off(err), cli_string(item, "sink"), cli_string(item, "pipeline"),
                cli_without(cli_string(item, "error"), "sink", cli_string(item, "sink")));
        cli_record(err, cli_string(item, "error"));
    }
    if (json_array_size(backups) == 0 && json_array_size(problems) == 0 && cli_done(doc)) {
        if (*cli_string(doc, "tag")) {
            cli_note(err, "no backup has the tag %s", cli_string(doc, "tag"));
        } else {
            cli_note(err, "no backups yet; make one with: hangar backup");
        }
    }
}

static const struct cli_option list_tag = {
    .name = "tag",
    .value = "TAG",
    .help = "only the backups that have this tag",
};

static int list_command(struct cli *cli)
{
    const struct hangar_list_request request = {
        .struct_size = sizeof(request),
        .pipeline = cli_option_value(cli, &cli_option_pipeline),
        .sink = cli_option_value(cli, &cli_option_from),
        .tag = cli_option_value(cli, &list_tag),
    };
    char *json = NULL;
    enum hangar_status status = hangar_list_with(cli->hangar, &request, &json);

    return cli_finish(cli, status, json, cli_list_render, NULL);
}

static const struct cli_option *const list_options[] = {&cli_option_pipeline, &cli_option_from,
                                                        &list_tag, NULL};

CLI_COMMAND(list) = {
    .order = 40,
    .name = "list",
    .operands = "",
    .opens = true,
    .summary = "list the backups in the sinks",
    .options = list_options,
    .run = list_command,
    .render = cli_list_render,
};
