/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * signing_section: the section `signing:`, read as the options of a plugin are.  The key
 * itself stays where it is until a job needs it.
 */
#include "config/signing_section.h"

#include <string.h>

static const struct hangar_option signing_options[] = {
    {.name = "key", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_REQUIRED | HANGAR_OPT_SECRET},
    {.name = "old_key_files", .type = HANGAR_OPT_LIST},
    {.name = NULL},
};

bool hg_config_signing_options(const struct hg_config *config, bool read_secrets,
                               struct hg_options *out, struct hg_problems *problems)
{
    const struct hg_yaml *node = config->signing;
    struct hg_options_request request = {.table = signing_options,
                                         .node = node,
                                         .dir = config->dir,
                                         .line = node->line,
                                         .column = node->column,
                                         .read_secrets = read_secrets};
    bool ok = hg_options_read(out, &request, problems);
    const struct hg_option_value *key = hg_options_get(out, "key");
    if (key && key->text && strlen(key->text) < HG_SIGNING_KEY_MIN) {
        hg_problem_add(problems, key->line, key->column,
                       "the signing key must have at least %d bytes; hint: make one with "
                       "`openssl rand -hex 32`",
                       HG_SIGNING_KEY_MIN);
        return false;
    }
    return ok;
}

void hg_config_signing_read(struct hg_reader *r)
{
    struct hg_config *c = r->config;
    const struct hg_yaml *node = hg_yaml_get(c->root, "signing");
    if (!node) {
        return;
    }
    size_t errors = r->problems->errors;
    hg_reader_map(r, c->root, "signing");
    if (r->problems->errors == errors) { /* also an empty section: the user meant to sign */
        struct hg_options options;
        c->signing = node;
        hg_config_signing_options(c, false, &options, r->problems);
        hg_options_free(&options);
    }
}
