/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * remove: removes one backup permanently.  The question before names the backup and its
 * sinks.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands/list.h"
#include "document.h"
#include "options.h"
#include "prompt.h"

static void remove_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const char *id = cli_string(doc, "id");
    const json_t *sink;
    size_t i;

    json_array_foreach (cli_array(doc, "sinks"), i, sink) {
        if (cli_done(sink)) {
            cli_put_mark(out, CLI_TICK);
            fprintf(out->file, " removed %s%s%s from %s\n", cli_on(out, CLI_BOLD), id, cli_off(out),
                    cli_string(sink, "sink"));
        } else {
            cli_put_mark(err, CLI_CROSS);
            fprintf(err->file, " not removed from %s: ", cli_string(sink, "sink"));
            cli_put_message(err, 0, CLI_RED, cli_string(sink, "error"));
        }
    }
}

/* Whether an id is `text`, or begins or ends with it, as the library completes ids. */
static bool remove_is_meant(const char *id, const char *text)
{
    static const char prefix[] = "backup_";
    const size_t skip = sizeof(prefix) - 1, all = strlen(id);
    const char *tail = strncmp(id, prefix, skip) == 0 ? id + skip : id;
    size_t n = strlen(text);

    return (n <= all && strcmp(id + all - n, text) == 0) || strncmp(id, text, n) == 0 ||
           strncmp(tail, text, n) == 0;
}

/* The number of entries of the list that the id or its part means, and the last of them. */
static size_t remove_find(const json_t *list, const char *id, const json_t **found)
{
    const json_t *item;
    size_t i, count = 0;

    json_array_foreach (cli_array(list, "backups"), i, item) {
        if (remove_is_meant(cli_string(item, "id"), id)) {
            *found = item;
            count++;
        }
    }
    return count;
}

/* DONE when the backup may be removed; `meant` and `pipeline` are then its own, malloc'd. */
static int remove_ask(struct cli *cli, const json_t *list, const char *id, char **meant,
                      char **pipeline)
{
    const json_t *found = NULL;
    size_t count = remove_find(list, id, &found);

    if (count == 0) {
        return cli_stop(cli, HANGAR_STATUS_NOT_FOUND,
                        "backup not found; hint: `hangar list` shows the backups");
    }
    if (count > 1) {
        return cli_stop(
            cli, HANGAR_STATUS_USAGE,
            "several pipelines have a backup with this id; hint: give more of it, or choose a "
            "pipeline with --pipeline");
    }
    char *sinks = cli_join(cli_array(found, "sinks"));
    char *question = NULL;
    if (!sinks || asprintf(&question, "remove %s of %s permanently from %s?",
                           cli_string(found, "id"), cli_string(found, "pipeline"), sinks) < 0) {
        question = NULL;
    }
    free(sinks);
    *pipeline = strdup(cli_string(found, "pipeline"));
    *meant = strdup(cli_string(found, "id"));
    if (!*pipeline || !*meant) {
        free(question);
        question = NULL;
    }
    return cli_agree(cli, question, "nothing was removed", "nothing was removed");
}

static int remove_it(struct cli *cli, const struct hangar_selection *which)
{
    char *json = NULL;
    enum hangar_status status = hangar_remove(cli->hangar, which, &json);

    return cli_finish(cli, status, json, remove_render, "sinks");
}

static int remove_command(struct cli *cli)
{
    struct hangar_selection which = cli_selection(cli);
    char *json = NULL, *meant = NULL, *pipeline = NULL;

    if (strcmp(which.id, "latest") == 0) {
        return cli_stop(cli, HANGAR_STATUS_USAGE,
                        "`remove` requires the id of a backup; hint: `hangar list` shows the ids");
    }
    if (cli_has_option(cli, &cli_option_yes)) {
        return remove_it(cli, &which);
    }
    if (!cli->io->in_tty || !cli->io->err_tty) {
        return cli_stop(cli, HANGAR_STATUS_USAGE,
                        "cannot ask for confirmation without a terminal; hint: add --yes");
    }
    enum hangar_status status = hangar_list(cli->hangar, which.pipeline, which.sink, &json);
    json_t *list = json ? cli_document(json, cli->err.utf8) : NULL;
    /* a list that contains a damaged backup ends as CORRUPT; that backup may be removed */
    if (!list || (status != HANGAR_STATUS_DONE && status != HANGAR_STATUS_CORRUPT)) {
        json_decref(list);
        return cli_finish(cli, status, json, cli_list_render, NULL);
    }
    cli_progress_clear(&cli->progress);
    int result = remove_ask(cli, list, which.id, &meant, &pipeline);
    json_decref(list);
    hangar_free(json);
    if (result == HANGAR_STATUS_DONE) {
        which.id = meant;
        which.pipeline = pipeline;
        result = remove_it(cli, &which);
    }
    free(meant);
    free(pipeline);
    return result;
}

static const struct cli_option *const remove_options[] = {&cli_option_pipeline, &cli_option_from,
                                                          &cli_option_yes, NULL};

CLI_COMMAND(remove) = {
    .order = 110,
    .name = "remove",
    .operands = "ID",
    .min = 1,
    .max = 1,
    .opens = true,
    .summary = "remove one backup permanently",
    .text =
        "Remove the backup from each sink that has it, or only from the sink of --from, even if "
        "retention keeps it. Refuse a backup that is on hold. Ask for confirmation; without a "
        "terminal, --yes is required.",
    .options = remove_options,
    .run = remove_command,
    .render = remove_render,
};
