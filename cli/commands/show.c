/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * show: prints all details of one backup, from its manifest.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"
#include "options.h"
#include "table.h"

#define OBJECTS_SHOWN 20

struct show_totals {
    size_t objects;
    uint64_t plain, stored;
};

static void show_add_totals(const json_t *objects, struct show_totals *totals)
{
    const json_t *object;
    size_t i;

    json_array_foreach (objects, i, object) {
        totals->objects++;
        totals->plain += cli_bytes(object, "size");
        totals->stored += cli_bytes(object, "stored_size");
    }
}

static void show_put_pairs(struct cli_view *out, const json_t *pairs, const char *title)
{
    static const struct cli_column columns[] = {
        {NULL, CLI_LEFT, false, 0}, {NULL, CLI_LEFT, false, 0}, {NULL, CLI_LEFT, false, 0}};
    struct cli_table table;
    const char *key;
    const json_t *value;

    cli_table_init(&table, out, columns, 3, 4);
    json_object_foreach ((json_t *)pairs, key, value) {
        cli_table_cell(&table, CLI_DIM, "%s", title);
        cli_table_cell(&table, CLI_DIM, "%s", key);
        char text[32];
        cli_table_cell(&table, CLI_PLAIN, "%s", cli_scalar(value, text));
    }
    cli_table_print(&table);
}

static void show_put_source(struct cli_view *out, const json_t *source)
{
    struct show_totals totals = {0};
    int64_t time_ms = cli_instant(source, "time");
    char count[CLI_SHORT], plain[CLI_SHORT], when[CLI_SHORT];

    show_add_totals(cli_array(source, "objects"), &totals);
    fprintf(out->file, "\n  %s%s%s (%s %s): %s\n", cli_on(out, CLI_BOLD),
            cli_string(source, "name"), cli_off(out), cli_string(source, "plugin"),
            cli_string(source, "version"), cli_string(source, "target"));
    fprintf(out->file, "    %s in %s, as of %s\n", cli_size(totals.plain, plain),
            cli_count(totals.objects, "object", count), cli_time(time_ms, when));
    show_put_pairs(out, json_object_get(source, "point"), "point");
    show_put_pairs(out, json_object_get(source, "facts"), "fact");
    if (out->verbose) {
        show_put_pairs(out, json_object_get(source, "options"), "option");
    }
}

static void show_put_objects(struct cli_view *out, const json_t *sources, size_t count)
{
    static const struct cli_column columns[] = {{"OBJECT", CLI_LEFT, false, 0},
                                                {"PHASE", CLI_RIGHT, false, 0},
                                                {"DATA", CLI_RIGHT, false, 0},
                                                {"SIZE", CLI_RIGHT, false, 0}};
    struct cli_table table;
    const json_t *source, *object;
    size_t i, j, shown = 0;

    cli_table_init(&table, out, columns, 4, 2);
    json_array_foreach (sources, i, source) {
        json_array_foreach (cli_array(source, "objects"), j, object) {
            if (shown == OBJECTS_SHOWN) {
                break;
            }
            shown++;
            cli_table_cell(&table, CLI_PLAIN, "%s", cli_string(object, "stored"));
            cli_table_cell(&table, CLI_PLAIN, "%lld", (long long)cli_integer(object, "phase"));
            char text[CLI_SHORT];
            cli_table_cell(&table, CLI_PLAIN, "%s", cli_size(cli_bytes(object, "size"), text));
            cli_table_cell(&table, CLI_PLAIN, "%s",
                           cli_size(cli_bytes(object, "stored_size"), text));
        }
    }
    fputc('\n', out->file);
    cli_table_print(&table);
    if (count > shown) {
        fprintf(out->file, "  %s and %zu more (use --json)\n", cli_symbol(out, CLI_ELLIPSIS),
                count - shown);
    }
}

static void show_put_transforms(struct cli_view *out, const json_t *transforms)
{
    fputs("  transforms  ", out->file);
    if (json_array_size(transforms) == 0) {
        fputs("none", out->file);
    }
    const json_t *item;
    size_t i;
    json_array_foreach (transforms, i, item) {
        fprintf(out->file, "%s%s", i ? ", then " : "", cli_string(item, "name"));
        fprintf(out->file, " (%s %s)", cli_string(item, "plugin"), cli_string(item, "version"));
    }
    fputc('\n', out->file);
}

static void show_put_verified(const json_t *verified, struct cli_view *out, struct cli_view *err)
{
    char text[CLI_SHORT], took[CLI_SHORT];

    if (!json_is_object(verified)) {
        return;
    }
    enum cli_style style;
    cli_verified(verified, out, text, &style);
    fprintf(out->file, "  verified    %s%s%s in %s, took %s\n", cli_on(out, style), text,
            cli_off(out), cli_string(verified, "sink"),
            cli_duration(cli_integer(verified, "duration_ms"), took));
    /* the warning that the backup is damaged has it, too */
    if (*cli_string(verified, "error") && !cli_was_printed(err, cli_string(verified, "error"))) {
        cli_put_message(out, 14, CLI_PLAIN, cli_string(verified, "error"));
    }
}

static void show_put_summary(struct cli_view *out, struct cli_view *err, const json_t *doc,
                             const json_t *manifest, const struct show_totals *totals)
{
    int64_t started = cli_instant(manifest, "started"),
            finished = cli_instant(manifest, "finished");
    char when[CLI_SHORT], age[CLI_SHORT], took[CLI_SHORT], plain[CLI_SHORT], stored[CLI_SHORT];
    char *sinks = cli_join(cli_array(doc, "sinks"));

    fprintf(out->file, "%s%s%s of %s%s\n", cli_on(out, CLI_BOLD), cli_string(manifest, "id"),
            cli_off(out), cli_string(manifest, "pipeline"),
            strcmp(cli_string(manifest, "kind"), "safety") == 0
                ? ", a safety backup (data that a restore replaced)"
            : strcmp(cli_string(manifest, "kind"), "partial") == 0
                ? ", a partial backup (of some sources of the pipeline)"
                : "");
    if (json_array_size(cli_array(manifest, "tags")) > 0) {
        char *tags = cli_join(cli_array(manifest, "tags"));
        fprintf(out->file, "  tags        %s\n", tags ? tags : "");
        free(tags);
    }
    fprintf(out->file, "  made        %s, %s ago", cli_time(started, when),
            cli_age(out->now_ms - started, age));
    if (started >= 0 && finished >= started) {
        fprintf(out->file, ", in %s", cli_duration(finished - started, took));
    }
    fprintf(out->file, "\n  on          %s, by hangar %s\n", cli_string(manifest, "host"),
            cli_string(manifest, "hangar"));
    fprintf(out->file, "  sinks       %s\n", sinks ? sinks : "");
    show_put_verified(json_object_get(doc, "verified"), out, err);
    char count[CLI_SHORT];
    fprintf(out->file, "  data        %s in %s, %s stored", cli_size(totals->plain, plain),
            cli_count(totals->objects, "object", count), cli_size(totals->stored, stored));
    if (totals->plain) {
        fprintf(out->file, " (%.0f %%)", (double)totals->stored * 100 / (double)totals->plain);
    }
    fputc('\n', out->file);
    show_put_transforms(out, cli_array(manifest, "transforms"));
    if (json_array_size(cli_array(manifest, "sources")) > 1) {
        fprintf(out->file, "  skew        %s between the first and the last source\n",
                cli_duration(cli_integer(manifest, "skew_ms"), took));
    }
    if (!sinks) {
        out->failed = true;
    }
    free(sinks);
}

static void show_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *manifest = json_object_get(doc, "manifest");
    const json_t *sources = cli_array(manifest, "sources"), *source;
    struct show_totals totals = {0};

    if (!json_is_object(manifest)) {
        return;
    }
    size_t i;
    json_array_foreach (sources, i, source) {
        show_add_totals(cli_array(source, "objects"), &totals);
    }
    show_put_summary(out, err, doc, manifest, &totals);
    json_array_foreach (sources, i, source) {
        show_put_source(out, source);
    }
    show_put_objects(out, sources, totals.objects);
}

static int show_command(struct cli *cli)
{
    struct hangar_selection which = cli_selection(cli);
    char *json = NULL;
    enum hangar_status status = hangar_show(cli->hangar, &which, &json);

    return cli_finish(cli, status, json, show_render, NULL);
}

CLI_COMMAND(show) = {
    .order = 50,
    .name = "show",
    .operands = "ID|latest",
    .min = 1,
    .max = 1,
    .opens = true,
    .summary = "show all details of a backup",
    .options = cli_selection_options,
    .run = show_command,
    .render = show_render,
};
