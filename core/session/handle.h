/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * handle: struct hangar, an open configuration, and the parts that it consists of.  A function
 * takes the part that it needs, and the handle only when it calls one that needs it.
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
#include "session/plugin_set.h"
#include "state/state.h"

/* The program that opened the handle. */
struct hg_caller {
    struct hangar_settings settings; /* its strings are valid in hangar_open only */
    atomic_bool cancel;              /* hangar_cancel was called during this job */
    atomic_bool interrupted;         /* the same; cleaning up does not unset it */
};

/* The machine, as stored backups and notifications name it. */
struct hg_identity {
    char *origin; /* `origin:` of the configuration, else the host name */
    char *host;
};

/* A job changes only `caller`, `signing`, `error`, `left` and, in check, `capture`; everything
 * else is constant between hangar_open and hangar_close. */
struct hangar {
    struct hg_caller caller;
    struct hg_identity identity;
    struct hg_log log;
    struct hg_str left;     /* what an interrupted job leaves behind; under the log's mutex */
    struct hg_str *capture; /* check: receives the warnings, too; under the log's mutex */

    bool ready;               /* the configuration was read and has no errors */
    struct hg_config *config; /* NULL with config_file "" */
    struct hg_plugin_set plugins;
    const char **pipeline_names; /* NULL-terminated */
    struct hg_str warnings;      /* of the configuration, a line each */
    struct hg_signing signing;   /* empty until hg_key_load */

    struct hg_state state;
    char *temp_base;     /* where jobs make their temporary folders */
    struct hg_str error; /* of the last job, for hangar_error */
};

#endif
