/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * status: prints the last run of each pipeline and the content of each sink.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"
#include "table.h"

#define LACKING_SHOWN 3

static void status_put_flow(const json_t *pipeline, struct cli_view *out)
{
    const char *arrow = cli_symbol(out, CLI_ARROW);
    char *sources = cli_join(cli_array(pipeline, "sources"));
    char *transforms = cli_join(cli_array(pipeline, "transforms"));

    fprintf(out->file, "%s%s%s: %s", cli_on(out, CLI_BOLD), cli_string(pipeline, "name"),
            cli_off(out), sources ? sources : "");
    if (transforms && *transforms) {
        fprintf(out->file, " %s %s", arrow, transforms);
    }
    const json_t *sink;
    size_t i;
    json_array_foreach (cli_array(pipeline, "sinks"), i, sink) {
        if (i) {
            fprintf(out->file, ", %s", cli_string(sink, "name"));
        } else {
            fprintf(out->file, " %s %s", arrow, cli_string(sink, "name"));
        }
    }
    fputc('\n', out->file);
    if (!sources || !transforms) {
        out->failed = true;
    }
    free(sources);
    free(transforms);
}

static void status_put_last_run(const json_t *pipeline, struct cli_view *out)
{
    const json_t *run = json_object_get(pipeline, "last_run");
    char age[CLI_SHORT], when[CLI_SHORT], took[CLI_SHORT];

    if (!json_is_object(run)) {
        fputs("  last run  none yet\n", out->file);
        return;
    }
    const char *status = cli_string(run, "status");
    enum cli_style style = strcmp(status, "done") == 0          ? CLI_GREEN
                           : strcmp(status, "degraded") == 0    ? CLI_YELLOW
                           : strcmp(status, "interrupted") == 0 ? CLI_YELLOW
                                                                : CLI_RED;
    int64_t started = cli_instant(run, "started");
    fprintf(out->file, "  last run  %s%s%s", cli_on(out, style), status, cli_off(out));
    if (started >= 0) {
        fprintf(out->file, ", %s ago (%s)", cli_age(out->now_ms - started, age),
                cli_time(started, when));
    }
    fprintf(out->file, ", took %s\n", cli_duration(cli_integer(run, "duration_ms"), took));
    if (cli_instant(run, "retry") > out->now_ms) {
        fprintf(out->file, "            tried again at %s\n",
                cli_time(cli_instant(run, "retry"), when));
    }
    if (*cli_string(run, "error")) {
        fprintf(out->file, "            %s\n", cli_string(run, "error"));
    }
}

/* In the time zone of the pipeline; the schedule alone starts nothing. */
static void status_put_next(const json_t *doc, const json_t *pipeline, struct cli_view *out)
{
    const json_t *daemon = json_object_get(doc, "daemon");
    const char *local = cli_string(pipeline, "next_local");
    const char *zone = cli_string(pipeline, "timezone");

    if (cli_instant(pipeline, "next") < 0) {
        return;
    }
    if (strlen(local) > 19) { /* 2026-01-16T02:00:00+01:00 */
        fprintf(out->file, "  next run  %.10s %.5s %s", local, local + 11,
                *zone ? zone : local + 19);
    } else {
        char next[CLI_SHORT];
        fprintf(out->file, "  next run  %s", cli_time(cli_instant(pipeline, "next"), next));
    }
    if (daemon && !cli_flag(daemon, "running")) {
        fprintf(out->file, "%s, but no daemon is running%s", cli_on(out, CLI_YELLOW), cli_off(out));
    }
    fputc('\n', out->file);
}

static void status_put_sink(struct cli_table *table, const json_t *sink)
{
    int64_t newest = cli_instant(sink, "newest_time");

    cli_table_cell(table, CLI_PLAIN, "%s", cli_string(sink, "name"));
    char safety[CLI_SHORT] = "", partial[CLI_SHORT] = "";
    if (cli_bytes(sink, "safety_backups") > 0) {
        snprintf(safety, sizeof(safety), " + %lld safety",
                 (long long)cli_integer(sink, "safety_backups"));
    }
    if (cli_bytes(sink, "partial_backups") > 0) {
        snprintf(partial, sizeof(partial), " + %lld partial",
                 (long long)cli_integer(sink, "partial_backups"));
    }
    cli_table_cell(table, CLI_PLAIN, "%lld%s%s", (long long)cli_integer(sink, "backups"), safety,
                   partial);
    cli_table_cell(
        table, CLI_PLAIN, "%s",
        *cli_string(sink, "newest") ? cli_short_id(table->view, cli_string(sink, "newest")) : "-");
    char text[CLI_SHORT];
    cli_table_cell(table, CLI_PLAIN, "%s",
                   newest < 0 ? "-" : cli_age(table->view->now_ms - newest, text));
    enum cli_style style;
    cli_verified(json_object_get(sink, "newest_verified"), table->view, text, &style);
    cli_table_cell(table, style, "%s", text);
    cli_table_cell(table, CLI_PLAIN, "%s", cli_size(cli_bytes(sink, "stored_bytes"), text));
    cli_table_cell(table, CLI_PLAIN, "%s",
                   cli_has(sink, "free_bytes") ? cli_size(cli_bytes(sink, "free_bytes"), text)
                                               : "-");
    cli_table_cell(table, CLI_PLAIN, "%s%s", cli_string(sink, "target"),
                   cli_flag(sink, "required") ? "" : " (optional)");
}

/* How many backups the next prune keeps, and the oldest of them. */
static void status_put_next_prune(const json_t *sink, struct cli_view *out)
{
    const json_t *after = json_object_get(sink, "after_prune");
    long long kept = (long long)cli_integer(after, "kept");
    const char *oldest = cli_string(after, "oldest_time");

    if (!json_is_object(after)) {
        return;
    }
    fprintf(out->file, "  %s: next prune keeps %lld of %lld", cli_string(sink, "name"), kept,
            kept + (long long)cli_integer(after, "removed"));
    if (*oldest) {
        fprintf(out->file, ", oldest %.10s", oldest);
    }
    fputc('\n', out->file);
    if (*cli_string(after, "refused")) {
        fprintf(out->file, "  %s%s%s\n", cli_on(out, CLI_YELLOW), cli_string(after, "refused"),
                cli_off(out));
    }
}

/* The backups that another sink of the pipeline has and this one lacks, and the newest ids. */
static void status_put_lacks(const json_t *sink, struct cli_view *out)
{
    const json_t *ids = cli_array(sink, "lacking"), *id;
    int64_t lacks = cli_integer(sink, "lacks"), lag = cli_integer(sink, "lag_ms");

    if (lacks <= 0) {
        return;
    }
    char text[CLI_SHORT];
    fprintf(out->file, "  %s%s: lacks %s of another sink%s", cli_on(out, CLI_YELLOW),
            cli_string(sink, "name"), cli_count((uint64_t)lacks, "backup", text), cli_off(out));
    if (lag > 0) {
        fprintf(out->file, " (%s behind)", cli_age(lag, text));
    }
    size_t i;
    json_array_foreach (ids, i, id) {
        if (i == LACKING_SHOWN) {
            break;
        }
        fprintf(out->file, "%s%s", i ? ", " : ": ", json_string_value(id));
    }
    fprintf(out->file, "%s%s\n", lacks > (int64_t)i ? ", " : "",
            lacks > (int64_t)i ? cli_symbol(out, CLI_ELLIPSIS) : "");
}

static void status_put_sinks(const json_t *pipeline, struct cli_view *out)
{
    const json_t *sinks = cli_array(pipeline, "sinks");
    const struct cli_column columns[] = {
        {"SINK", CLI_LEFT, false, 0},
        {"BACKUPS", CLI_RIGHT, false, 0},
        {"NEWEST", CLI_LEFT, false, 2},
        {"AGE", CLI_RIGHT, false, 0},
        {"VERIFIED", CLI_LEFT, !cli_any_has(sinks, "newest_verified"), 0},
        {"STORED", CLI_RIGHT, false, 1},
        {"FREE", CLI_RIGHT, false, 0},
        {"WHERE", CLI_LEFT, false, 3}};
    struct cli_table table;
    const json_t *sink;
    size_t i;

    cli_table_init(&table, out, columns, 8, 2);
    json_array_foreach (sinks, i, sink) {
        status_put_sink(&table, sink);
    }
    cli_table_print(&table);
    json_array_foreach (sinks, i, sink) {
        status_put_lacks(sink, out);
    }
    json_array_foreach (sinks, i, sink) {
        status_put_next_prune(sink, out);
    }
    json_array_foreach (sinks, i, sink) {
        if (*cli_string(sink, "error")) {
            fprintf(out->file, "  %s%s%s: %s\n", cli_on(out, CLI_RED), cli_string(sink, "name"),
                    cli_off(out), cli_string(sink, "error"));
        }
    }
}

static void status_put_instance(const json_t *item, struct cli_view *out)
{
    static const struct cli_column columns[] = {{NULL, CLI_LEFT, false, 0},
                                                {NULL, CLI_LEFT, false, 0}};
    struct cli_table table;

    fprintf(out->file, "%s %s%s%s (%s %s)%s%s\n", cli_string(item, "kind"), cli_on(out, CLI_BOLD),
            cli_string(item, "name"), cli_off(out), cli_string(item, "plugin"),
            cli_string(item, "version"), *cli_string(item, "target") ? ": " : "",
            cli_string(item, "target"));
    cli_table_init(&table, out, columns, 2, 4);
    const char *key;
    const json_t *value;
    json_object_foreach (json_object_get(item, "options"), key, value) {
        cli_table_cell(&table, CLI_DIM, "%s", key);
        char text[32];
        cli_table_cell(&table, CLI_PLAIN, "%s", cli_scalar(value, text));
    }
    cli_table_print(&table);
}

static void status_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *item, *limits = json_object_get(doc, "limits");
    size_t i;

    (void)err;
    json_array_foreach (cli_array(doc, "pipelines"), i, item) {
        if (i) {
            fputc('\n', out->file);
        }
        status_put_flow(item, out);
        status_put_last_run(item, out);
        if (*cli_string(item, "schedule")) {
            fprintf(out->file, "  schedule  %s\n", cli_string(item, "schedule"));
        }
        status_put_next(doc, item, out);
        status_put_sinks(item, out);
    }
    if (!out->verbose) {
        return;
    }
    char memory[CLI_SHORT];
    fprintf(out->file, "\nconfiguration %s, state in %s, memory %s\n", cli_string(doc, "config"),
            cli_string(doc, "state_dir"), cli_size(cli_bytes(limits, "memory_bytes"), memory));
    json_array_foreach (cli_array(doc, "instances"), i, item) {
        status_put_instance(item, out);
    }
}

static int status_command(struct cli *cli)
{
    char *json = NULL;
    enum hangar_status status = hangar_overview(cli->hangar, &json);

    return cli_finish(cli, status, json, status_render, NULL);
}

CLI_COMMAND(status) = {
    .order = 60,
    .name = "status",
    .operands = "",
    .opens = true,
    .summary = "show the last run of each pipeline and the content of each sink",
    .text = "The exit status is 0 whenever the sinks could be read, however old the backups are; "
            "`hangar health` checks their age. With --verbose, also show the options in force, "
            "without secrets.",
    .run = status_command,
    .render = status_render,
};
