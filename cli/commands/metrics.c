/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * metrics: the status for Prometheus, on standard output or in a file for the
 * textfile collector of node_exporter.  The format is daemon/metrics.c's.
 */
#include "commands.h"

#include <metrics.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

int cli_command_metrics(struct cli *cli)
{
    const char *path = cli_option_value(cli, CLI_OUTPUT);
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
        fputs(text, cli->out.file);
        free(text);
        return HANGAR_STATUS_DONE;
    }
    /* others read it: there is nothing secret in it */
    struct cli_target t = {.path = path, .mode = 0644, .replace = true};
    cli_target_close(&t, cli_target_open(&t) == 0 && cli_target_write(&t, text, strlen(text)) == 0);
    free(text);
    if (t.error) {
        char why[512];
        cli_target_text(&t, "", why, sizeof(why));
        return cli_stop(cli, HANGAR_STATUS_FAILED, why);
    }
    return HANGAR_STATUS_DONE;
}
