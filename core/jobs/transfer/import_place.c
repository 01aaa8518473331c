/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * import_place: chooses the pipeline and the sink of an import and takes the place there.
 */
#include <string.h>

#include "base/error.h"
#include "catalog/manifest.h"
#include "inventory/occupancy.h"
#include "inventory/place.h"
#include "jobs/transfer/import_state.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/session.h"
#include "state/pipeline_lock.h"

/* A backup stays in the pipeline and with the origin that its manifest names. */
static enum hangar_rc import_choose(struct hg_import *x, const char *pipeline, const char *sink,
                                    struct hg_error *err)
{
    const struct hangar *h = x->transfer.h;
    const struct hg_manifest *m = &x->manifest;
    if (pipeline && strcmp(pipeline, m->pipeline) != 0) {
        return hg_fail(
            err, HANGAR_CONFIG, 0,
            "cannot import %s into pipeline %s: it is a backup of pipeline %s; hint: add "
            "a pipeline of that name to the configuration",
            m->id, pipeline, m->pipeline);
    }
    size_t index;
    enum hangar_rc rc = hg_find_pipeline(h->config, m->pipeline, &index, err);
    if (rc != HANGAR_OK) {
        hg_context(err, "%s is a backup of pipeline %s", m->id, m->pipeline);
        return rc;
    }
    if (strcmp(m->origin, h->identity.origin) != 0) {
        return hg_fail(
            err, HANGAR_CONFIG, 0,
            "cannot import %s: it is a backup of origin \"%s\", and this is \"%s\"; hint: "
            "use a configuration with `origin: %s` and a sink without backups of "
            "other origins",
            m->id, m->origin, h->identity.origin, m->origin);
    }
    x->pipeline = &h->config->pipelines[index];
    return hg_find_pipeline_sink(h->config, x->pipeline, sink, &x->place.instance, err);
}

enum hangar_rc hg_import_place(struct hg_import *x, const char *pipeline, const char *sink,
                               struct hg_error *err)
{
    enum hangar_rc rc = import_choose(x, pipeline, sink, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    x->transfer.sink = x->transfer.h->config->instances[x->place.instance].name;
    rc = hg_pipeline_lock(&x->transfer.h->state, x->manifest.pipeline, HG_LOCK_IMPORT, &x->lock,
                          err);
    if (rc != HANGAR_OK) {
        x->busy = rc == HANGAR_EXISTS;
        return rc;
    }
    x->place.pipeline = x->pipeline->name;
    rc = hg_session_open(&x->transfer.session, x->place.instance, NULL, 0, &x->place.sink, err);
    enum hg_occupancy there = HG_OCCUPANCY_FREE;
    if (rc == HANGAR_OK) {
        const struct hg_incoming_backup backup = {x->place.pipeline, x->id, &x->text};
        rc = hg_occupancy_find(x->transfer.h, x->place.sink, &backup, &there, err);
    }
    x->same = rc == HANGAR_OK && there == HG_OCCUPANCY_SAME;
    if (rc != HANGAR_OK || x->same) {
        return rc;
    }
    rc = hg_place_prepare(&x->place, err);
    return rc == HANGAR_OK ? hg_place_take(&x->place, err) : rc;
}
