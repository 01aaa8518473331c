/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * metrics: writes metrics for Prometheus to standard output, or to a file for the textfile
 * collector of node_exporter.  daemon/metrics.c has the format.
 */
#include "metrics.h"
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "options.h"
#include "target.h"

static const struct cli_option metrics_output = {
    .letter = 'o',
    .name = "output",
    .value = "FILE",
    .help = "replace this file instead; the textfile collector reads names that end in .prom"};

/* Prints the text, or, with --json, the document; one of path and text is NULL. */
static void metrics_put(struct cli *cli, const char *path, const char *text)
{
    if (cli_has_option(cli, &cli_option_json)) {
        cli_print_document(cli, json_pack("{s:s, s:s, s:s?, s:s?}", "schema", "hangar.metrics/1",
                                          "status", hangar_status_name(HANGAR_STATUS_DONE), "file",
                                          path, "metrics", text));
    } else {
        fputs(text, cli->out.file);
    }
}

static int metrics_command(struct cli *cli)
{
    const char *path = cli_option_value(cli, &metrics_output);
    char *json = NULL, *text = NULL;
    enum hangar_status status = hangar_overview(cli->hangar, &json);
    json_t *doc = json ? json_loads(json, 0, NULL) : NULL;

    hangar_free(json);
    if (status != HANGAR_STATUS_DONE) {
        json_decref(doc);
        return cli_stop(cli, status, hangar_error(cli->hangar));
    }
    if (doc) {
        text = daemon_metrics(doc, hangar_version(), cli->io->now_ms);
    }
    json_decref(doc);
    if (!text) {
        return cli_stop(cli, HANGAR_STATUS_FAILED, "out of memory");
    }
    if (!path || strcmp(path, "-") == 0) {
        metrics_put(cli, NULL, text);
        free(text);
        return HANGAR_STATUS_DONE;
    }
    /* other users read it; it contains no secrets */
    struct cli_target t = {.path = path, .mode = 0644, .replace = true};
    cli_target_close(&t, cli_target_open(&t) == 0 && cli_target_write(&t, text, strlen(text)) == 0);
    free(text);
    if (t.error) {
        char why[512];
        cli_target_text(&t, "", why, sizeof(why));
        return cli_stop(cli, HANGAR_STATUS_FAILED, why);
    }
    if (cli_has_option(cli, &cli_option_json)) {
        metrics_put(cli, path, NULL);
    }
    return HANGAR_STATUS_DONE;
}

static const struct cli_option *const metrics_options[] = {&metrics_output, NULL};

CLI_COMMAND(metrics) = {
    .order = 230,
    .name = "metrics",
    .operands = "",
    .opens = true,
    .summary = "print metrics for Prometheus",
    .text = "Print metrics in the text format of Prometheus, or replace FILE with them for the "
            "textfile collector of node_exporter. `hangar daemon` serves the same metrics at "
            "/metrics.",
    .options = metrics_options,
    .run = metrics_command,
};
