/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * mark: see mark.h.
 */
#include "catalog/mark.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "catalog/removal.h"
#include "catalog/sidecar.h"
#include "catalog/sizes.h"

/* OK when there is an object in the place of the manifest; *abandoned: it is the mark of a
 * dead run. */
static enum hangar_rc mark_stat_manifest(struct hangar_ctx *sink, const char *pipeline,
                                         const char *id, bool *abandoned, int64_t *time_ms,
                                         struct hg_error *err)
{
    const size_t length = strlen(HG_ABANDONED);
    char *path = hg_store_path(pipeline, id, HG_MANIFEST_NAME);
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    enum hangar_rc rc = path ? HG_CALL(sink, err, sink->plugin->sink.stat(sink->inst, path, &entry))
                             : hg_no_memory(err);
    *abandoned = false;
    *time_ms = entry.time_ms;
    if (rc == HANGAR_OK && entry.size == length) { /* a manifest is never so short */
        struct hg_str text = {0};
        rc = hg_store_get(sink, path, length, &text, err);
        *abandoned = rc == HANGAR_OK && strcmp(hg_str_text(&text), HG_ABANDONED) == 0;
        hg_str_free(&text);
    }
    free(path);
    return rc;
}

enum hangar_rc hg_mark_find_backup(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                   struct hg_error *err)
{
    bool abandoned;
    int64_t ms;
    struct hg_error why = {0};
    enum hangar_rc rc = mark_stat_manifest(sink, pipeline, id, &abandoned, &ms, &why);
    if (rc == HANGAR_NOT_FOUND || (rc == HANGAR_OK && abandoned)) {
        hg_error_clear(&why);
        rc = hg_store_judge_folder(sink, pipeline, id, &why);
        rc = rc == HANGAR_CORRUPT ? HANGAR_OK : rc;
    }
    return rc == HANGAR_OK ? rc : hg_error_move(err, &why);
}

enum hangar_rc hg_mark_find_abandoned(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                      bool *marked, int64_t *since_ms, struct hg_error *err)
{
    struct hg_error why = {0};
    enum hangar_rc rc = mark_stat_manifest(sink, pipeline, id, marked, since_ms, &why);
    if (rc != HANGAR_OK && rc != HANGAR_NOT_FOUND) {
        return hg_error_move(err, &why);
    }
    return HANGAR_OK;
}

enum hangar_rc hg_mark_held(struct hangar_ctx *sink, const char *pipeline, const char *id,
                            const char *host, struct hg_error *err)
{
    json_t *mark = json_object();
    hg_json_set_time(mark, "held", hg_now_ms());
    hg_json_set_string(mark, "host", host);
    hg_json_set_string(mark, "pipeline", pipeline);
    hg_json_set_string(mark, "id", id);
    char *text = hg_json_text(mark);
    char *path = hg_store_path(pipeline, id, HG_HOLD_NAME);
    json_decref(mark);
    enum hangar_rc rc = path ? hg_sidecar_put(sink, path, text, false, err) : hg_no_memory(err);
    free(path);
    free(text);
    return rc;
}

enum hangar_rc hg_mark_release(struct hangar_ctx *sink, const char *pipeline, const char *id,
                               struct hg_error *err)
{
    char *path = hg_store_path(pipeline, id, HG_HOLD_NAME);
    enum hangar_rc rc = path ? hg_sidecar_remove(sink, path, err) : hg_no_memory(err);
    free(path);
    return rc;
}

/* The members of a hold; "": there is no such string.  The strings belong to the document. */
struct mark_hold {
    const char *held, *pipeline, *id;
};

static struct mark_hold mark_take_hold(const json_t *mark)
{
    return (struct mark_hold){.held = hg_json_string(mark, "held", ""),
                              .pipeline = hg_json_string(mark, "pipeline", ""),
                              .id = hg_json_string(mark, "id", "")};
}

/* Is this the text of a hold of this backup? */
static bool mark_is_hold(const struct hg_str *text, const char *pipeline, const char *id)
{
    json_t *mark = NULL;
    int64_t ms;
    bool ok = false;
    if (hg_json_parse(hg_str_text(text), text->len, HG_HOLD_NAME, &mark, NULL) == HANGAR_OK) {
        const struct mark_hold hold = mark_take_hold(mark);
        ok = hg_time_parse(hold.held, &ms) && strcmp(hold.pipeline, pipeline) == 0 &&
             strcmp(hold.id, id) == 0;
    }
    json_decref(mark);
    return ok;
}

enum hangar_rc hg_mark_check_hold(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                  bool *proven, struct hg_error *err)
{
    *proven = true;
    if (!sink->signing) {
        return HANGAR_OK;
    }
    struct hg_str text = {0};
    struct hg_error why = {0};
    char *path = hg_store_path(pipeline, id, HG_HOLD_NAME);
    enum hangar_rc rc =
        path ? hg_sidecar_get(sink, path, HG_MARK_MAX, &text, &why) : hg_no_memory(&why);
    if (rc == HANGAR_OK || rc == HANGAR_CORRUPT || rc == HANGAR_NOT_FOUND) {
        *proven = rc == HANGAR_NOT_FOUND || (rc == HANGAR_OK && mark_is_hold(&text, pipeline, id));
        rc = HANGAR_OK;
    } else {
        hg_error_move(err, &why);
    }
    hg_str_free(&text);
    free(path);
    return rc;
}

enum hangar_rc hg_mark_deleted(struct hangar_ctx *sink, const char *pipeline, const char *id,
                               const char *host, const char *reason, struct hg_error *err)
{
    char *path = hg_store_path(pipeline, id, HG_DELETED_NAME);
    char *manifest = hg_store_path(pipeline, id, HG_MANIFEST_NAME);
    enum hangar_rc rc = HANGAR_NO_MEMORY;
    if (path && manifest) {
        const struct hg_removal removal = {pipeline, id, host, reason};
        char *text = hg_removal_text(sink->signing, &removal);
        rc = hg_store_put_text(sink, &(struct hg_backup_file){pipeline, id, HG_DELETED_NAME}, text,
                               false, err);
        free(text);
    } else {
        hg_no_memory(err);
    }
    if (rc == HANGAR_OK) {
        rc = HG_CALL(sink, err, sink->plugin->sink.remove(sink->inst, manifest));
        if (rc == HANGAR_EXISTS) { /* locked: the removal does not begin */
            HG_CALL(sink, NULL, sink->plugin->sink.remove(sink->inst, path));
        }
    }
    free(manifest);
    free(path);
    return rc;
}
