/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * overrides: see overrides.h.
 */
#include "jobs/restore/overrides.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "config/options.h"

/* Cuts one setting at its "." and "=" and adds it. */
static enum hangar_rc add_override(struct hg_restore_overrides *o, char *setting,
                                   const struct hg_manifest *manifest, struct hg_error *err)
{
    char *dot = strchr(setting, '.'), *equals = strchr(setting, '=');
    if (!dot || !equals || dot > equals || dot == setting || equals == dot + 1) {
        /* the value may be a secret */
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "invalid setting \"%.*s\"; hint: it must be SOURCE.OPTION=VALUE",
                       equals ? (int)(equals - setting) : (int)strlen(setting), setting);
    }
    *dot = *equals = '\0';
    o->sources[o->count] = setting;
    o->items[o->count] = (struct hg_override){.option = dot + 1, .value = equals + 1};
    o->count++;
    if (!hg_manifest_source(manifest, setting)) {
        return hg_fail(err, HANGAR_CONFIG, 0, "cannot set %s: %s has no source %s", dot + 1,
                       manifest->id, setting);
    }
    return HANGAR_OK;
}

enum hangar_rc hg_restore_overrides_parse(struct hg_restore_overrides *overrides,
                                          const char *const *settings,
                                          const struct hg_manifest *manifest, struct hg_error *err)
{
    struct hg_str all = {0};
    size_t n = 0;
    for (; settings && settings[n]; n++) {
        hg_str_add_n(&all, settings[n], strlen(settings[n]) + 1);
    }
    if (n > HG_RESTORE_OVERRIDES_MAX) {
        hg_str_free(&all);
        return hg_fail(err, HANGAR_CONFIG, 0, "more than %d settings", HG_RESTORE_OVERRIDES_MAX);
    }
    overrides->text = hg_str_take(&all);
    if (!overrides->text) {
        return hg_no_memory(err);
    }
    enum hangar_rc rc = HANGAR_OK;
    char *setting = overrides->text;
    for (size_t i = 0; i < n && rc == HANGAR_OK; i++) {
        char *next = setting + strlen(setting) + 1;
        rc = add_override(overrides, setting, manifest, err);
        setting = next;
    }
    return rc;
}

void hg_restore_overrides_free(struct hg_restore_overrides *overrides)
{
    free(overrides->text);
    *overrides = (struct hg_restore_overrides){0};
}

size_t hg_restore_overrides_of(const struct hg_restore_overrides *overrides, const char *source,
                               struct hg_override *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < overrides->count && n < room; i++) {
        if (strcmp(overrides->sources[i], source) == 0) {
            out[n++] = overrides->items[i];
        }
    }
    return n;
}
