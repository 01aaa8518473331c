/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * options: the options of one instance: checked against the table that its plugin
 * declares, with variables expanded, defaults added and secrets read.  It must
 * not know plugins, only such tables.
 */
#ifndef HG_CONFIG_OPTIONS_H
#define HG_CONFIG_OPTIONS_H

#include <hangar/plugin.h>
#include "config/problems.h"
#include "config/yaml.h"

/* The values of all declared options.  Immutable after hg_options_read; any thread may
 * read it. */
struct hg_options {
    struct hg_option_value {
        const struct hangar_option *declared; /* the plugin's */
        bool given;                           /* in the file or as an override */
        bool set;                             /* has a value, its own or the default */
        char *text;     /* STRING ENUM PATH; the plain text as given for the others */
        int64_t number; /* INT SIZE DURATION; BOOL as 0 or 1 */
        char **list;    /* LIST, NULL-terminated */
        size_t line, column;
    } *items;
    size_t count;
};

/* Replaces a value of the file. */
struct hg_override {
    const char *option, *value;
    bool trusted; /* set by the core, not by --set: secrets are allowed */
};

/* Options of one source that replace those of the configuration. */
struct hg_source_overrides {
    const struct hg_override *items;
    size_t count;
};

/* The options to read; all pointers belong to the caller. */
struct hg_options_request {
    const struct hangar_option *table; /* as declared; NULL: none */
    const struct hg_yaml *node;        /* the map under `options:`; NULL: there is none */
    const char *dir;                   /* relative paths are below it */
    size_t line, column;               /* of the instance: where missing options are reported */
    const struct hg_override *overrides;
    size_t override_count;
    bool read_secrets; /* else X_file, X_command and X_credential are checked and not read */
};

/* Checks the options and reports every problem.  True when there was none.  The caller
 * frees `out` with hg_options_free in any case. */
bool hg_options_read(struct hg_options *out, const struct hg_options_request *request,
                     struct hg_problems *problems);
void hg_options_free(struct hg_options *options); /* overwrites secrets */

/* NULL when the plugin did not declare it. */
const struct hg_option_value *hg_options_get(const struct hg_options *options, const char *name);

/* The value as text for people, "***" for a secret; malloc'd, NULL when it is not set. */
char *hg_option_display(const struct hg_option_value *value);

#endif
