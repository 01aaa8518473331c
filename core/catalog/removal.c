/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * removal: see removal.h.
 */
#include "catalog/removal.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "catalog/folder.h"

/* What the MAC covers.  Its first line keeps it apart from the other texts that the key signs. */
static void removal_signed_text(const json_t *json, const char *pipeline, const char *id,
                                struct hg_str *out)
{
    hg_str_addf(out, "removal of hangar\n%s/%s\n%s\n", pipeline, id,
                hg_json_string(json, "deleted", ""));
}

char *hg_removal_text(const struct hg_signing *signing, const struct hg_removal *removal)
{
    json_t *json = json_object();
    hg_json_set_time(json, "deleted", hg_now_ms());
    hg_json_set_string(json, "host", removal->host);
    hg_json_set_string(json, "reason", removal->reason);
    hg_json_set_string(json, "pipeline", removal->pipeline);
    hg_json_set_string(json, "backup", removal->id);
    struct hg_str text = {0};
    removal_signed_text(json, removal->pipeline, removal->id, &text);
    const bool done = !signing || hg_signing_mac_add(signing, &text, json);
    char *out = done ? hg_json_text(json) : NULL;
    hg_str_free(&text);
    json_decref(json);
    return out;
}

/* Early versions wrote neither pipeline nor backup, and no MAC. */
bool hg_removal_is_proven(const struct hg_signing *signing, const char *pipeline, const char *id,
                          const struct hg_str *text)
{
    json_t *json = NULL;
    struct hg_str covered = {0};
    int64_t ms;
    bool proven =
        hg_json_parse(hg_str_text(text), text->len, HG_DELETED_NAME, &json, NULL) == HANGAR_OK &&
        hg_time_parse(hg_json_string(json, "deleted", ""), &ms) &&
        strcmp(hg_json_string(json, "pipeline", pipeline), pipeline) == 0 &&
        strcmp(hg_json_string(json, "backup", id), id) == 0;
    if (proven && signing) {
        removal_signed_text(json, pipeline, id, &covered);
        proven = hg_signing_mac_check(signing, &covered, json);
    }
    hg_str_free(&covered);
    json_decref(json);
    return proven;
}
