/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * capabilities: see capabilities.h.
 */
#include "api/capabilities.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"

#define FILE_MAX ((size_t)8 << 20) /* of attributes, whose number and size are bounded */

static char *file_of(struct hangar *h, const struct hangar_ctx *sink)
{
    return hg_format("%s/capabilities/%s", h->state_dir, sink->name);
}

void hg_capabilities_save(struct hangar *h, struct hangar_ctx *sink,
                          const struct hangar_attrs *capabilities)
{
    json_t *doc = json_object();
    hg_json_set_string(doc, "target", hg_instance_target(sink));
    hg_json_set_time(doc, "probed", hg_now_ms());
    hg_json_set(doc, "capabilities", hg_attrs_to_json(capabilities));
    char *dir = hg_format("%s/capabilities", h->state_dir), *path = file_of(h, sink);
    char *text = hg_json_text(doc);
    if (dir && path && text && hg_make_dirs(dir, 0700, NULL) == HANGAR_OK) {
        hg_write_file(path, text, strlen(text), 0600, NULL);
    }
    free(text);
    free(path);
    free(dir);
    json_decref(doc);
}

json_t *hg_capabilities_load(struct hangar *h, struct hangar_ctx *sink)
{
    struct hg_str text = {0};
    json_t *doc = NULL;
    char *path = file_of(h, sink);
    if (!path || hg_read_file(path, FILE_MAX, &text, NULL) != HANGAR_OK ||
        hg_json_parse(hg_str_text(&text), text.len, "capabilities", &doc, NULL) != HANGAR_OK) {
        doc = NULL;
    }
    hg_str_free(&text);
    free(path);
    bool ours = strcmp(hg_json_string(doc, "target", ""), hg_instance_target(sink)) == 0 &&
                json_is_object(json_object_get(doc, "capabilities"));
    if (!ours) {
        json_decref(doc);
        return NULL;
    }
    json_object_del(doc, "target");
    return doc;
}
