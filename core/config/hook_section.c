/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hook_section: the section hooks of a pipeline: commands of the operator's that run
 * before and after a backup or a restore.  It does not run them.
 */
#include "config/hook_section.h"

#include <stdlib.h>
#include <string.h>

/* A program with a slash in its name is a path, and relative to the file as all are. */
static void hook_resolve_program(struct hg_reader *r, char **argv)
{
    if (!argv[0] || !strchr(argv[0], '/')) {
        return;
    }
    char *path = hg_value_path(r->config->dir, argv[0]);
    r->problems->failed = r->problems->failed || !path;
    if (!path) {
        return;
    }
    free(argv[0]);
    argv[0] = path;
}

static void hook_read(struct hg_reader *r, const char *name, const struct hg_yaml *node,
                      struct hg_hook_config *hook)
{
    static const char *const known[] = {"command", "timeout", NULL};
    static const struct hangar_option timeout = {
        .name = "timeout", .type = HANGAR_OPT_DURATION, .min = 100, .max = 24 * INT64_C(3600000)};
    const struct hg_yaml *command = node;
    hook->timeout_ms = HG_HOOK_TIMEOUT_MS;
    if (node->type == HG_YAML_MAP) {
        hg_reader_check_keys(r, node, known, NULL);
        command = hg_yaml_get(node, "command");
        hook->timeout_ms = hg_reader_number(r, node, &timeout, HG_HOOK_TIMEOUT_MS);
    }
    if (!command) {
        hg_problem_add(r->problems, node->line, node->column, "%s has no \"command\"", name);
        return;
    }
    struct hg_value_place at = hg_reader_place(r, command, name);
    if (!hg_value_list(&at, command, &hook->argv)) {
        return;
    }
    if (!hook->argv[0] || hook->argv[0][0] == '\0') {
        hg_value_fail(&at,
                      "%s must name a program; hint: give a list: the program, then its "
                      "arguments",
                      name);
    } else if (!hook->argv[1] && strpbrk(hook->argv[0], " \t")) {
        hg_value_fail(&at,
                      "%s is run without a shell; hint: give a list: the program, then its "
                      "arguments",
                      name);
    }
    hook_resolve_program(r, hook->argv);
}

void hg_hooks_read(struct hg_reader *r, const struct hg_yaml *pipeline,
                   struct hg_hook_config *hooks)
{
    const struct hg_yaml *section = hg_reader_map(r, pipeline, "hooks");
    if (!section) {
        return;
    }
    const char *known[HG_HOOKS + 1] = {NULL};
    for (enum hg_hook i = HG_BEFORE_BACKUP; i < HG_HOOKS; i++) {
        known[i] = hg_hook_name(i);
    }
    hg_reader_check_keys(r, section, known, NULL);
    for (enum hg_hook i = HG_BEFORE_BACKUP; i < HG_HOOKS; i++) {
        const struct hg_yaml *node = hg_yaml_get(section, known[i]);
        if (node) {
            hook_read(r, known[i], node, &hooks[i]);
        }
    }
}
