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

/* The members of a file; the strings belong to the document.  "" and NULL: there is no such string.
 * Early versions wrote neither pipeline nor backup, and no MAC. */
struct removal_file {
    const char *deleted;
    const char *pipeline, *backup, *mac;
};

static struct removal_file removal_take(const json_t *json)
{
    return (struct removal_file){.deleted = hg_json_string(json, "deleted", ""),
                                 .pipeline = hg_json_string(json, "pipeline", NULL),
                                 .backup = hg_json_string(json, "backup", NULL),
                                 .mac = hg_json_string(json, "mac", NULL)};
}

/* What the MAC covers.  Its first line keeps it apart from the other texts that the key signs. */
static void removal_signed_text(const struct removal_file *file, const char *pipeline,
                                const char *id, struct hg_str *out)
{
    hg_str_addf(out, "removal of hangar\n%s/%s\n%s\n", pipeline, id, file->deleted);
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
    const struct removal_file file = removal_take(json);
    removal_signed_text(&file, removal->pipeline, removal->id, &text);
    const bool done = !signing || hg_signing_mac_add(signing, &text, json);
    char *out = done ? hg_json_text(json) : NULL;
    hg_str_free(&text);
    json_decref(json);
    return out;
}

static bool removal_names(const struct removal_file *file, const char *pipeline, const char *id)
{
    int64_t ms;
    return hg_time_parse(file->deleted, &ms) &&
           (!file->pipeline || strcmp(file->pipeline, pipeline) == 0) &&
           (!file->backup || strcmp(file->backup, id) == 0);
}

static bool removal_mac_is_right(const struct removal_file *file, const struct hg_signing *signing,
                                 const char *pipeline, const char *id)
{
    struct hg_str text = {0};
    removal_signed_text(file, pipeline, id, &text);
    const bool right = hg_signing_mac_check(signing, &text, file->mac);
    hg_str_free(&text);
    return right;
}

bool hg_removal_is_proven(const struct hg_signing *signing, const char *pipeline, const char *id,
                          const struct hg_str *text)
{
    json_t *json = NULL;
    bool proven = false;
    if (hg_json_parse(hg_str_text(text), text->len, HG_DELETED_NAME, &json, NULL) == HANGAR_OK) {
        const struct removal_file file = removal_take(json);
        proven = removal_names(&file, pipeline, id) &&
                 (!signing || removal_mac_is_right(&file, signing, pipeline, id));
    }
    json_decref(json);
    return proven;
}
