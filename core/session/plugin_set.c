/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plugin_set: see plugin_set.h.
 */
#include "session/plugin_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "config/config.h"
#include "config/options.h"
#include "config/overlay.h"
#include "config/problems.h"
#include "config/yaml.h"
#include "plugin/loader.h"
#include "session/secret_warning.h"

static void plugin_dirs_free(char **dirs)
{
    for (size_t i = 0; dirs && dirs[i]; i++) {
        free(dirs[i]);
    }
    free(dirs);
}

/* The configuration's plugin_path first, then the installed folder. */
static char **plugin_dirs_new(const struct hg_config *config, const char *installed)
{
    char **const path = config ? config->plugin_path : NULL;
    size_t n = 0;
    while (path && path[n]) {
        n++;
    }
    char **dirs = calloc(n + 2, sizeof(*dirs));
    bool ok = dirs != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        dirs[i] = strdup(path[i]);
        ok = dirs[i] != NULL;
    }
    if (ok) {
        dirs[n] = realpath(installed, NULL);
        if (!dirs[n]) {
            dirs[n] = strdup(installed);
        }
        ok = dirs[n] != NULL;
    }
    if (!ok) {
        plugin_dirs_free(dirs);
        return NULL;
    }
    return dirs;
}

static bool plugin_has_role(const struct hg_plugin *p, enum hg_kind kind)
{
    const void *const roles[HG_KINDS] = {p->d.source, p->d.transform, p->d.sink, p->d.notifier};
    return roles[kind] != NULL;
}

static void warn_of_readable_secrets(const struct hg_config *config, const struct hg_options *bound,
                                     const struct hg_yaml *written, struct hg_problems *problems)
{
    for (size_t i = 0; i < bound->count; i++) {
        const struct hangar_option *declared = bound->items[i].declared;
        if (declared->flags & HANGAR_OPT_SECRET) {
            hg_secret_warning(config, written, declared->name, problems);
        }
    }
}

/* Checks the options of a throw-away server as those of the source that it replaces. */
static void check_scratch_options(const struct hg_config *config,
                                  const struct hg_instance_config *c,
                                  const struct hg_plugin *plugin, struct hg_problems *problems)
{
    struct hg_yaml both;
    if (!hg_overlay_make(plugin->options, c->options, c->scratch, &both)) {
        problems->failed = true;
        return;
    }
    const struct hg_options_request request = {.table = plugin->options,
                                               .node = &both,
                                               .dir = config->dir,
                                               .line = c->line,
                                               .column = c->column};
    struct hg_options unused = {0};
    hg_options_read(&unused, &request, problems);
    hg_options_free(&unused);
    hg_overlay_free(&both);
}

static void load_instance(struct hg_plugin_set *set, const struct hg_config *config, size_t i,
                          struct hg_problems *problems)
{
    const struct hg_instance_config *c = &config->instances[i];
    if (!c->plugin) {
        return; /* reported when the configuration was read */
    }
    struct hg_error err = {0};
    enum hangar_rc rc =
        hg_plugin_load((const char *const *)set->dirs, c->plugin, &set->loaded[i], &err);
    if (rc != HANGAR_OK) {
        hg_problem_add_rc(problems, rc == HANGAR_NO_MEMORY ? rc : HANGAR_CONFIG, c->plugin_line,
                          c->plugin_column, "%s", err.text);
        return;
    }
    const struct hg_plugin *plugin = set->loaded[i];
    if (!plugin_has_role(plugin, c->kind)) {
        enum hg_kind role = HG_SOURCE;
        while (role < HG_KINDS - 1 && !plugin_has_role(plugin, role)) {
            role++;
        }
        hg_problem_add(problems, c->plugin_line, c->plugin_column,
                       "plugin %s is not a %s; hint: it is a %s, to be used under \"%s\"",
                       c->plugin, hg_kind_name(c->kind), hg_kind_name(role), hg_kind_section(role));
        return;
    }
    const struct hg_options_request request = {.table = plugin->options,
                                               .node = c->options,
                                               .dir = config->dir,
                                               .line = c->line,
                                               .column = c->column};
    const bool valid = hg_options_read(&set->options[i], &request, problems);
    if (valid && c->scratch) {
        check_scratch_options(config, c, plugin, problems);
    }
    if (c->options) {
        warn_of_readable_secrets(config, &set->options[i], c->options, problems);
    }
}

bool hg_plugin_set_load(struct hg_plugin_set *set, const struct hg_config *config,
                        const char *installed, struct hg_problems *problems)
{
    set->count = config ? config->instance_count : 0;
    set->dirs = plugin_dirs_new(config, installed);
    set->loaded = calloc(set->count + 1, sizeof(*set->loaded));
    set->options = calloc(set->count + 1, sizeof(*set->options));
    if (!set->dirs || !set->loaded || !set->options) {
        return false;
    }
    for (size_t i = 0; i < set->count; i++) {
        load_instance(set, config, i, problems);
    }
    return true;
}

void hg_plugin_set_fini(struct hg_plugin_set *set)
{
    for (size_t i = 0; set->options && i < set->count; i++) {
        hg_options_free(&set->options[i]);
    }
    plugin_dirs_free(set->dirs);
    free(set->loaded);
    free(set->options);
    *set = (struct hg_plugin_set){0};
}
