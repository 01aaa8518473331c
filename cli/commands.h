/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * commands: what each command does (cli_command_*, called from the table), and
 * how its document is printed (cli_render_*, which know only the document and
 * the two streams: data goes to `out`, notes to `err`).
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli.h"

int cli_command_init(struct cli *cli);
int cli_command_check(struct cli *cli);
int cli_command_backup(struct cli *cli);
int cli_command_list(struct cli *cli);
int cli_command_show(struct cli *cli);
int cli_command_status(struct cli *cli);
int cli_command_restore(struct cli *cli);
int cli_command_verify(struct cli *cli);
int cli_command_prune(struct cli *cli);
int cli_command_remove(struct cli *cli);
int cli_command_hold(struct cli *cli);
int cli_command_unhold(struct cli *cli);
int cli_command_notify(struct cli *cli);
int cli_command_alerts(struct cli *cli);
int cli_command_metrics(struct cli *cli);
int cli_command_copy(struct cli *cli);
int cli_command_cat(struct cli *cli);
int cli_command_export(struct cli *cli);
int cli_command_import(struct cli *cli);
int cli_command_plugin_list(struct cli *cli);
int cli_command_plugin_show(struct cli *cli);
int cli_command_health(struct cli *cli);
int cli_command_daemon(struct cli *cli);
int cli_command_run_job(struct cli *cli);
int cli_command_help(struct cli *cli);
int cli_command_version(struct cli *cli);

void cli_render_check(const json_t *doc, struct cli_view *out, struct cli_view *err);
/* `program` is what the next step begins with. */
void cli_render_backup(const json_t *doc, struct cli_view *err, const char *program);
void cli_render_list(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_show(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_status(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_health(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_plan(const json_t *doc, struct cli_view *view);
void cli_render_restore(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_verify(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_prune(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_remove(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_hold(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_alerts(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_notify(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_copy(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_export(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_import(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_plugins(const json_t *doc, struct cli_view *out, struct cli_view *err);
void cli_render_plugin(const json_t *doc, struct cli_view *out, struct cli_view *err);

/* The question before a restore, from its plan; malloc'd, NULL when out of memory. */
char *cli_restore_question(const json_t *plan, bool clean);

/* The question before a prune, from its plan; the same. */
char *cli_prune_question(const json_t *plan);

/* Of two exit statuses the worse. */
int cli_worse(int a, int b);

/* Help (help.c): of everything, or of a command or a group; an exit status. */
void cli_help_overview(struct cli_view *view);
int cli_help_topic(struct cli *cli, const char *topic);
int cli_version(struct cli *cli);

#endif
