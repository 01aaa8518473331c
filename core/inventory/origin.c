/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * origin: see origin.h.
 */
#include "inventory/origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/known_origin.h"

static enum hangar_rc origin_refuse(const struct hangar *h, struct hangar_ctx *sink,
                                    const char *pipeline, bool found, struct hg_error *err)
{
    char *file = hg_known_origin_path(&h->state, sink, pipeline);
    enum hangar_rc rc = hg_fail(
        err, HANGAR_IO, 0,
        "sink %s: %s %s%s%s, and this machine has used it before: it may not be mounted; hint: "
        "make it available again; if it was emptied or replaced on purpose, or only that file was "
        "lost, remove the file %s",
        sink->name, hg_instance_target(sink),
        found ? "is not the one that it was: another " : "has no ", pipeline,
        found ? "/origin.json is there" : "/origin.json any more",
        file ? file : "of the sink in the state folder");
    free(file);
    return rc;
}

/* Compares what was found, "" for no origin.json, with what is known, and remembers it. */
static enum hangar_rc origin_compare(const struct hangar *h, struct hangar_ctx *sink,
                                     const char *pipeline, const struct hg_origin *found,
                                     const char *etag, struct hg_error *err)
{
    struct hg_known_origin known;
    hg_known_origin_load(&h->state, sink, pipeline, &known);
    if (known.known && (!found->exists || strcmp(known.created, found->created) != 0)) {
        return origin_refuse(h, sink, pipeline, found->exists, err);
    }
    if (found->exists && (!known.known || (etag && strcmp(known.etag, etag) != 0))) {
        known = (struct hg_known_origin){.known = true};
        snprintf(known.created, sizeof(known.created), "%s", found->created);
        snprintf(known.etag, sizeof(known.etag), "%s", etag ? etag : "");
        hg_known_origin_save(&h->state, sink, pipeline, &known);
    }
    return HANGAR_OK;
}

enum hangar_rc hg_origin_check(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               bool claim, struct hg_error *err)
{
    struct hg_origin found;
    const char *origin = h->identity.origin;
    enum hangar_rc rc = hg_store_origin(sink, pipeline, origin, false, &found, err);
    if (rc == HANGAR_OK) {
        rc = origin_compare(h, sink, pipeline, &found, NULL, err);
    }
    if (rc == HANGAR_OK && claim && !found.exists) {
        rc = hg_store_origin(sink, pipeline, origin, true, &found, err);
        rc = rc == HANGAR_OK ? origin_compare(h, sink, pipeline, &found, NULL, err) : rc;
    }
    return rc;
}

/* Reads origin.json for a reader: the owner is not compared. */
static enum hangar_rc origin_read(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                                  const char *etag, struct hg_error *err)
{
    struct hg_origin found = {0};
    struct hg_error why = {0};
    enum hangar_rc rc = hg_store_origin(sink, pipeline, NULL, false, &found, &why);
    if (rc == HANGAR_CORRUPT) { /* reported when something is stored */
        hg_error_clear(&why);
        return HANGAR_OK;
    }
    return rc == HANGAR_OK ? origin_compare(h, sink, pipeline, &found, etag, err)
                           : hg_error_move(err, &why);
}

enum hangar_rc hg_origin_listed(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                                const struct hg_listed_origin *listed, struct hg_error *err)
{
    struct hg_known_origin known;
    hg_known_origin_load(&h->state, sink, pipeline, &known);
    if (listed->exists && listed->etag[0] && known.known && strcmp(known.etag, listed->etag) == 0) {
        return HANGAR_OK;
    }
    if (!listed->exists && !known.known) {
        return HANGAR_OK;
    }
    return origin_read(h, sink, pipeline, listed->etag, err);
}

enum hangar_rc hg_origin_again(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               struct hg_error *err)
{
    return origin_read(h, sink, pipeline, NULL, err);
}

enum hangar_rc hg_origin_ids(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                             char ***ids, size_t *count, struct hg_error *err)
{
    struct hg_listed_origin listed;
    enum hangar_rc rc = hg_store_ids(sink, pipeline, ids, count, &listed, err);
    if (rc == HANGAR_OK) {
        rc = hg_origin_listed(h, sink, pipeline, &listed, err);
        if (rc != HANGAR_OK) {
            hg_store_ids_free(*ids, *count);
            *ids = NULL;
            *count = 0;
        }
    }
    return rc;
}
