/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * capabilities: see capabilities.h.
 */
#include "state/capabilities.h"

#include <stdlib.h>
#include <string.h>

#include "base/attrs.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "plugin/instance.h"
#include "state/file.h"
#include "state/state.h"

static char *capabilities_file(const struct hangar_ctx *sink)
{
    return hg_format("capabilities/%s", sink->name);
}

void hg_capabilities_save(const struct hg_state *state, struct hangar_ctx *sink,
                          const struct hangar_attrs *capabilities)
{
    json_t *doc = json_object();
    hg_json_set_string(doc, "target", hg_instance_target(sink));
    hg_json_set_time(doc, "probed", hg_now_ms());
    hg_json_set(doc, "capabilities", hg_attrs_to_json(capabilities));
    char *name = capabilities_file(sink);
    if (name) {
        hg_state_save(state, name, doc, NULL);
    }
    free(name);
    json_decref(doc);
}

json_t *hg_capabilities_load(const struct hg_state *state, struct hangar_ctx *sink)
{
    json_t *doc = NULL;
    char *name = capabilities_file(sink);
    if (name) {
        hg_state_load(state, name, &doc, NULL);
    }
    free(name);
    const bool same_store =
        strcmp(hg_json_string(doc, "target", ""), hg_instance_target(sink)) == 0 &&
        json_is_object(json_object_get(doc, "capabilities"));
    if (!same_store) {
        json_decref(doc);
        return NULL;
    }
    json_object_del(doc, "target");
    return doc;
}
