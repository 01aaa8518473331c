/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify: sends a test message, so that a wrong address is found before an emergency.
 */
#include "cli.h"
#include "document.h"

static void notify_render(const json_t *doc, struct cli_view *out, struct cli_view *err)
{
    const json_t *notifier;
    size_t i;

    json_array_foreach (cli_array(doc, "notifiers"), i, notifier) {
        const char *name = cli_string(notifier, "name"), *error = cli_string(notifier, "error");
        if (cli_done(notifier)) {
            cli_put_mark(out, CLI_TICK);
            fprintf(out->file, " %s%s%s: test message sent\n", cli_on(out, CLI_BOLD), name,
                    cli_off(out));
        } else {
            cli_put_mark(err, CLI_CROSS);
            fprintf(err->file, " %s: ", name);
            cli_put_message(err, 0, CLI_RED,
                            cli_was_printed(err, error) ? "failed"
                                                        : cli_without(error, "notifier", name));
        }
    }
}

static int notify_command(struct cli *cli)
{
    char *json = NULL;
    enum hangar_status status = hangar_notify(cli->hangar, cli->args.operands[0], &json);

    return cli_finish(cli, status, json, notify_render, "notifiers");
}

CLI_COMMAND(notify) = {
    .order = 190,
    .name = "notify",
    .operands = "[NOTIFIER]",
    .max = 1,
    .opens = true,
    .summary = "send a test message",
    .text =
        "Send a test message through one notifier, or through all of them, whatever events they "
        "are configured for.",
    .run = notify_command,
    .render = notify_render,
};
