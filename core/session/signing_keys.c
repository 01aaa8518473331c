/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * signing_keys: see signing_keys.h.
 */
#include "session/signing_keys.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/str.h"
#include "catalog/signing.h"
#include "config/config.h"
#include "config/options.h"
#include "config/problems.h"
#include "config/secret.h"
#include "config/signing_section.h"
#include "config/values.h"

static enum hangar_rc add_old_key(const char *dir, const char *file, struct hg_signing *signing,
                                  struct hg_error *err)
{
    char *path = hg_value_path(dir, file);
    if (!path) {
        return hg_no_memory(err);
    }
    char *key = hg_secret_file(path, err);
    enum hangar_rc rc = key ? hg_signing_add(signing, key, err) : err->rc;
    if (rc != HANGAR_OK) {
        hg_context(err, "signing: old_key_files");
    }
    hg_secret_free(key);
    free(path);
    return rc;
}

static enum hangar_rc read_signing_keys(const struct hg_config *config, struct hg_signing *signing,
                                        struct hg_error *err)
{
    struct hg_options options;
    struct hg_problems problems = {.file = config->path};
    enum hangar_rc rc = HANGAR_OK;
    if (hg_config_signing_options(config, true, &options, &problems)) {
        rc = hg_signing_add(signing, hg_options_get(&options, "key")->text, err);
        char **old = hg_options_get(&options, "old_key_files")->list;
        for (; rc == HANGAR_OK && old && *old; old++) {
            rc = add_old_key(config->dir, *old, signing, err);
        }
    } else {
        rc = hg_problems_fail(&problems, err);
    }
    hg_options_free(&options);
    hg_problems_free(&problems);
    return rc;
}

enum hangar_rc hg_key_load(const struct hg_config *config, struct hg_signing *signing,
                           const struct hg_signing **out, struct hg_error *err)
{
    if (config->signing && signing->count == 0) {
        struct hg_signing read = {0};
        const enum hangar_rc rc = read_signing_keys(config, &read, err);
        if (rc != HANGAR_OK) {
            hg_signing_fini(&read);
            return rc;
        }
        *signing = read; /* the keys' strings move along */
    }
    *out = signing->count ? signing : NULL;
    return HANGAR_OK;
}
