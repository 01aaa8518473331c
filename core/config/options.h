/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * options: the options of one instance, checked against what its plugin
 * declares, with variables expanded, defaults filled in and secrets resolved.
 * Knows option tables, not plugins.
 */
#ifndef HG_OPTIONS_H
#define HG_OPTIONS_H

#include "config/problems.h"
#include "config/yaml.h"

/* Immutable once bound; any thread may read. */
struct hg_options {
    struct hg_option_value {
        const struct hangar_option *declared; /* the plugin's */
        bool given;
        bool set;       /* has a value, its own or the default */
        char *text;     /* STRING ENUM PATH; the plain text as given for the others */
        int64_t number; /* INT SIZE DURATION; BOOL as 0 or 1 */
        char **list;    /* LIST, NULL-terminated */
        size_t line, column;
    } *items;
    size_t count;
};

/* What --set and drills put over the file. */
struct hg_override {
    const char *option, *value;
    bool trusted; /* from the core itself, not argv: secrets and lists are allowed */
};

/* Checks `node` (the map under `options:`, or NULL) against `table` and reports
 * every problem.  Options that are missing are reported at line:column, the
 * place of the instance.  `dir` is what PATHs are relative to.  `read_secrets`
 * false leaves X_file, X_command, X_credential unread (to list or mask only).
 * True when there was no error.  Free with hg_options_free in any case. */
bool hg_options_bind(struct hg_options *out, const struct hangar_option *table,
                     const struct hg_yaml *node, const char *dir, size_t line, size_t column,
                     const struct hg_override *overrides, size_t override_count, bool read_secrets,
                     struct hg_problems *problems);
void hg_options_free(struct hg_options *options); /* wipes secrets */

/* A map of `under`'s options and those of `over`, a map, which wins: also where the two
 * give a secret in different forms.  Its nodes are theirs.  False: out of memory. */
bool hg_options_overlay(const struct hangar_option *table, const struct hg_yaml *under,
                        const struct hg_yaml *over, struct hg_yaml *out);
void hg_options_overlay_free(struct hg_yaml *overlay);

/* NULL when the plugin did not declare it. */
const struct hg_option_value *hg_options_get(const struct hg_options *options, const char *name);

/* For show and status: the value as text, "***" for a secret, NULL when not set; malloc'd. */
char *hg_option_display(const struct hg_option_value *value);

#endif
