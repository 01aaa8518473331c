/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sidecar: see sidecar.h.
 */
#include "catalog/sidecar.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/signing.h"
#include "catalog/store.h"

static char *sidecar_path(const char *path)
{
    return hg_format("%s" HG_SIDECAR_SUFFIX, path);
}

static enum hangar_rc sidecar_put_signature(struct hangar_ctx *sink, const char *path,
                                            const char *text, bool create_only,
                                            struct hg_error *err)
{
    struct hg_str signature = {0};
    char *name = sidecar_path(path);
    enum hangar_rc rc = name ? hg_signing_sign(sink->signing, text, strlen(text), &signature, err)
                             : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        rc = hg_store_put(sink, name, hg_str_text(&signature), signature.len, create_only, err);
    }
    hg_str_free(&signature);
    free(name);
    return rc;
}

enum hangar_rc hg_sidecar_put(struct hangar_ctx *sink, const char *path, const char *text,
                              bool create_only, struct hg_error *err)
{
    if (!text) {
        return hg_no_memory(err);
    }
    enum hangar_rc rc =
        sink->signing ? sidecar_put_signature(sink, path, text, create_only, err) : HANGAR_OK;
    return rc == HANGAR_OK ? hg_store_put(sink, path, text, strlen(text), create_only, err) : rc;
}

static enum hangar_rc sidecar_check(struct hangar_ctx *sink, const char *path,
                                    const struct hg_str *text, struct hg_error *err)
{
    struct hg_str signature = {0};
    struct hg_error why = {0};
    char *name = sidecar_path(path);
    enum hangar_rc rc =
        name ? hg_store_get(sink, name, HG_SIGNATURE_MAX, &signature, &why) : hg_no_memory(&why);
    if (rc == HANGAR_NOT_FOUND) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0, "sink %s: %s is not signed", sink->name, path);
    } else if (rc != HANGAR_OK) {
        hg_error_move(err, &why);
    } else if (hg_signing_check(sink->signing, hg_str_text(text), text->len,
                                hg_str_text(&signature), signature.len, &why) != HANGAR_OK) {
        rc = why.rc == HANGAR_CORRUPT
                 ? hg_fail(err, HANGAR_CORRUPT, 0,
                           "sink %s: %s or its signature was changed, or it was signed with "
                           "another key",
                           sink->name, path)
                 : hg_error_move(err, &why);
    }
    hg_str_free(&signature);
    free(name);
    return rc;
}

enum hangar_rc hg_sidecar_get(struct hangar_ctx *sink, const char *path, size_t max,
                              struct hg_str *out, struct hg_error *err)
{
    enum hangar_rc rc = hg_store_get(sink, path, max, out, err);
    return rc == HANGAR_OK && sink->signing ? sidecar_check(sink, path, out, err) : rc;
}

enum hangar_rc hg_sidecar_remove(struct hangar_ctx *sink, const char *path, struct hg_error *err)
{
    const struct hangar_sink *fn = &sink->plugin->sink;
    char *name = sidecar_path(path);
    enum hangar_rc rc = name ? HG_CALL(sink, err, fn->remove(sink->inst, path)) : hg_no_memory(err);
    /* without keys, too: they may have been configured when it was stored */
    rc = rc == HANGAR_OK ? HG_CALL(sink, err, fn->remove(sink->inst, name)) : rc;
    free(name);
    return rc;
}
