/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * handle: struct hangar, an open configuration.
 */
#ifndef HG_SESSION_HANDLE_H
#define HG_SESSION_HANDLE_H

#include <stdbool.h>
#include <stdatomic.h>
#include <hangar/hangar.h>

#include "base/log.h"
#include "base/str.h"
#include "catalog/signing.h"
#include "config/config.h"
#include "config/options.h"
#include "plugin/instance.h"
#include "plugin/loader.h"
#include "state/state.h"

struct hangar {
    struct hangar_settings set; /* its strings are not ours past hangar_open */
    struct hg_log log;
    struct hg_str *capture; /* check: warnings go here too; under the log's mutex */
    atomic_bool cancel;
    bool ready; /* the configuration was read, and nothing is wrong with it */
    struct hg_str error;
    struct hg_str warnings;           /* of the configuration, a line each */
    struct hg_config *config;         /* NULL with config_file "" */
    char **plugin_dirs;               /* NULL-terminated */
    const struct hg_plugin **plugins; /* beside config->instances */
    struct hg_options *options;       /* beside them; without secrets */
    const char **pipeline_names;
    struct hg_state state;
    char *origin, *host, *temp_base;
    struct hg_signing signing; /* its keys, once a job needed them (key.c) */
};

#endif
