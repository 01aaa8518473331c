/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * capabilities: see capabilities.h.
 */
#include "state/capabilities.h"

#include <stdlib.h>
#include <string.h>

#include "state/file.h"

static char *name_of(const struct hangar_ctx *sink)
{
    return hg_format("capabilities/%s", sink->name);
}

void hg_capabilities_save(struct hangar *h, struct hangar_ctx *sink,
                          const struct hangar_attrs *capabilities)
{
    json_t *doc = json_object();
    hg_json_set_string(doc, "target", hg_instance_target(sink));
    hg_json_set_time(doc, "probed", hg_now_ms());
    hg_json_set(doc, "capabilities", hg_attrs_to_json(capabilities));
    char *name = name_of(sink);
    if (name) {
        hg_state_save(h, name, doc, NULL);
    }
    free(name);
    json_decref(doc);
}

json_t *hg_capabilities_load(struct hangar *h, struct hangar_ctx *sink)
{
    json_t *doc = NULL;
    char *name = name_of(sink);
    if (name) {
        hg_state_load(h, name, &doc, NULL);
    }
    free(name);
    bool ours = strcmp(hg_json_string(doc, "target", ""), hg_instance_target(sink)) == 0 &&
                json_is_object(json_object_get(doc, "capabilities"));
    if (!ours) {
        json_decref(doc);
        return NULL;
    }
    json_object_del(doc, "target");
    return doc;
}
