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

/* Has the folder a backup?  A folder without a manifest does not prove one: a run that failed on
 * the mount point may have left it. */
static enum hangar_rc origin_has_backup(struct hangar_ctx *sink, const char *pipeline, bool *has,
                                        struct hg_error *err)
{
    char **ids = NULL;
    size_t count = 0;
    struct hg_store_file manifest = {0};
    enum hangar_rc rc = hg_store_ids(sink, pipeline, &ids, &count, NULL, err);
    for (size_t i = count; i-- > 0 && rc == HANGAR_OK && !manifest.exists;) {
        rc = hg_store_find(sink, pipeline, ids[i], HG_MANIFEST_NAME, &manifest, err);
    }
    hg_store_ids_free(ids, count);
    *has = rc == HANGAR_OK && manifest.exists;
    return rc;
}

enum hangar_rc hg_origin_fail_lost(const struct hangar *h, struct hangar_ctx *sink,
                                   const char *pipeline, struct hg_error *err)
{
    char *file = hg_known_origin_path(&h->state, sink, pipeline);
    enum hangar_rc rc =
        hg_fail(err, HANGAR_IO, 0,
                "sink %s: %s has backups but no %s/origin.json, so nothing is stored or removed "
                "there; hint: if `hangar list` shows all backups, remove the file %s: the next "
                "backup writes origin.json again",
                sink->name, hg_instance_target(sink), pipeline,
                file ? file : "of the sink in the state folder");
    free(file);
    return rc;
}

void hg_origin_warn_lost(struct hangar *h, struct hangar_ctx *sink, const char *pipeline)
{
    struct hg_error why = {0};
    hg_origin_fail_lost(h, sink, pipeline, &why);
    hg_log_event(&h->log, HANGAR_LOG_WARN, "sink.origin_lost", "%s", why.text);
}

/* With `lost`: OK when only origin.json is lost. */
static enum hangar_rc origin_refuse(const struct hangar *h, struct hangar_ctx *sink,
                                    const char *pipeline, bool found, bool *lost,
                                    struct hg_error *err)
{
    bool has = false;
    enum hangar_rc rc = found ? HANGAR_OK : origin_has_backup(sink, pipeline, &has, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (has && lost) {
        *lost = true;
        return HANGAR_OK;
    }
    if (has) {
        return hg_origin_fail_lost(h, sink, pipeline, err);
    }
    char *file = hg_known_origin_path(&h->state, sink, pipeline);
    rc = hg_fail(
        err, HANGAR_IO, 0, "sink %s: %s has %s %s/origin.json%s %s; hint: %s, remove the file %s",
        sink->name, hg_instance_target(sink), found ? "another" : "no", pipeline,
        found ? " than before;" : ", but had one before;",
        found ? "another disk or folder may be in its place" : "its disk may not be mounted",
        found ? "make the former one available again; if it was replaced on purpose"
              : "make it available again; if it was emptied on purpose",
        file ? file : "of the sink in the state folder");
    free(file);
    return rc;
}

/* What was found of origin.json. */
struct origin_finding {
    struct hg_origin origin;
    const char *etag; /* as it was listed; NULL: it was not listed */
};

/* Compares what was found with what is known, and remembers it.  `lost` as in origin_refuse. */
static enum hangar_rc origin_compare(const struct hangar *h, struct hangar_ctx *sink,
                                     const char *pipeline, const struct origin_finding *seen,
                                     bool *lost, struct hg_error *err)
{
    const struct hg_origin *found = &seen->origin;
    const char *etag = seen->etag;
    struct hg_known_origin known;
    hg_known_origin_load(&h->state, sink, pipeline, &known);
    if (known.known && (!found->exists || strcmp(known.created, found->created) != 0)) {
        return origin_refuse(h, sink, pipeline, found->exists, lost, err);
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
    struct origin_finding seen = {0};
    const char *origin = h->identity.origin;
    enum hangar_rc rc = hg_store_origin(sink, pipeline, origin, false, &seen.origin, err);
    if (rc == HANGAR_OK) {
        rc = origin_compare(h, sink, pipeline, &seen, NULL, err);
    }
    if (rc == HANGAR_OK && claim && !seen.origin.exists) {
        rc = hg_store_origin(sink, pipeline, origin, true, &seen.origin, err);
        rc = rc == HANGAR_OK ? origin_compare(h, sink, pipeline, &seen, NULL, err) : rc;
    }
    return rc;
}

/* Reads origin.json for a reader: the owner is not compared. */
static enum hangar_rc origin_read(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                                  const char *etag, bool *lost, struct hg_error *err)
{
    struct origin_finding seen = {.etag = etag};
    struct hg_error why = {0};
    enum hangar_rc rc = hg_store_origin(sink, pipeline, NULL, false, &seen.origin, &why);
    if (rc == HANGAR_CORRUPT) { /* reported when something is stored */
        hg_error_clear(&why);
        return HANGAR_OK;
    }
    return rc == HANGAR_OK ? origin_compare(h, sink, pipeline, &seen, lost, err)
                           : hg_error_move(err, &why);
}

enum hangar_rc hg_origin_listed(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                                const struct hg_listed_origin *listed, bool *lost,
                                struct hg_error *err)
{
    struct hg_known_origin known;
    hg_known_origin_load(&h->state, sink, pipeline, &known);
    *lost = false;
    if (listed->exists && listed->etag[0] && known.known && strcmp(known.etag, listed->etag) == 0) {
        return HANGAR_OK;
    }
    if (!listed->exists && !known.known) {
        return HANGAR_OK;
    }
    return origin_read(h, sink, pipeline, listed->etag, lost, err);
}

enum hangar_rc hg_origin_again(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               struct hg_error *err)
{
    bool lost; /* the listing has reported it */
    return origin_read(h, sink, pipeline, NULL, &lost, err);
}

enum hangar_rc hg_origin_ids(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                             struct hg_origin_ids *ids, struct hg_error *err)
{
    struct hg_listed_origin listed;
    *ids = (struct hg_origin_ids){0};
    enum hangar_rc rc = hg_store_ids(sink, pipeline, &ids->items, &ids->count, &listed, err);
    if (rc == HANGAR_OK) {
        rc = hg_origin_listed(h, sink, pipeline, &listed, &ids->lost, err);
        if (rc != HANGAR_OK) {
            hg_store_ids_free(ids->items, ids->count);
            *ids = (struct hg_origin_ids){0};
        }
    }
    return rc;
}
