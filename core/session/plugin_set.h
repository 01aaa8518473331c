/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plugin_set: the plugins of the configured instances, and the options that are given to them.
 */
#ifndef HG_SESSION_PLUGIN_SET_H
#define HG_SESSION_PLUGIN_SET_H

#include <stdbool.h>

#include "config/config.h"
#include "config/options.h"
#include "config/problems.h"
#include "plugin/loader.h"

struct hg_plugin_set {
    char **dirs; /* NULL-terminated; searched in this order */
    size_t count;
    const struct hg_plugin **loaded; /* beside config->instances */
    struct hg_options *options;      /* beside config->instances; without secrets */
};

/* Loads the plugins of a configuration (NULL: of none) and checks the options of each instance;
 * all problems are added.  Plugins are searched in the configuration's plugin_path, then in
 * `installed`.  False: out of memory.  Free with hg_plugin_set_fini, also after a failure. */
bool hg_plugin_set_load(struct hg_plugin_set *set, const struct hg_config *config,
                        const char *installed, struct hg_problems *problems);
void hg_plugin_set_fini(struct hg_plugin_set *set);

#endif
