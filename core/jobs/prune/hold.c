/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hold: puts one backup on hold, ends the hold, or removes the backup, by its id.
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "config/config.h"
#include "inventory/selection.h"
#include "jobs/prune/prune.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/session.h"
#include "state/pipeline_lock.h"

enum hold_action { HOLD, UNHOLD, REMOVE };

struct hold_job {
    struct hg_session s;
    enum hold_action action;
    const struct hangar_selection *which;
    const struct hg_pipeline_config *pipeline; /* NULL: the backup was not found */
    char id[HG_BACKUP_ID_SIZE];
    json_t *sinks; /* of the document */
};

static enum hangar_rc hold_in_sink(const struct hold_job *x, struct hangar_ctx *sink,
                                   struct hg_error *err)
{
    struct hangar *h = x->s.h;
    const char *pipeline = x->pipeline->name;
    enum hangar_rc rc = hg_mark_find_backup(sink, pipeline, x->id, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (x->action == REMOVE) {
        return hg_prune_remove(h, sink, pipeline, x->id, "removed by its id", err);
    }
    if (x->action == HOLD) {
        return hg_mark_held(sink, pipeline, x->id, h->identity.host, err);
    }
    return hg_mark_release(sink, pipeline, x->id, err);
}

/* Acts in each sink of the pipeline that has the backup. */
static enum hangar_rc hold_in_sinks(struct hold_job *x, struct hg_error *err)
{
    static const char *const events[] = {"hold.done", "unhold.done", "remove.done"};
    struct hangar *h = x->s.h;
    for (size_t i = 0; i < x->pipeline->sink_count; i++) {
        const size_t instance = x->pipeline->sinks[i];
        const char *name = h->config->instances[instance].name;
        if (x->which->sink && strcmp(x->which->sink, name) != 0) {
            continue;
        }
        struct hangar_ctx *sink;
        struct hg_error why = {0};
        enum hangar_rc rc = hg_session_open(&x->s, instance, NULL, 0, &sink, &why);
        if (rc == HANGAR_OK) {
            rc = hold_in_sink(x, sink, &why);
        }
        if (rc == HANGAR_NOT_FOUND) {
            continue; /* this sink does not have it */
        }
        json_t *one = json_object();
        hg_json_set_string(one, "sink", name);
        hg_json_set_string(one, "status", hangar_status_name(hg_status(rc)));
        if (rc != HANGAR_OK) {
            hg_json_set_string(one, "error", why.text);
            *err = err->rc == HANGAR_OK ? why : *err;
        } else {
            hg_log_event(&h->log, HANGAR_LOG_INFO, events[x->action], "%s in sink %s", x->id, name);
        }
        hg_json_add(x->sinks, one);
    }
    return err->rc;
}

/* A damaged backup, too, can be removed or put on hold, but not as "latest": that may not be the
 * one that is meant. */
static enum hangar_rc hold_find_backup(struct hold_job *x, struct hg_error *err)
{
    struct hg_selected_id selected;
    enum hangar_rc rc = hg_select_newest(&x->s, x->which, &selected, err);
    snprintf(x->id, sizeof(x->id), "%s", selected.id);
    x->pipeline = x->id[0] ? &x->s.h->config->pipelines[selected.pipeline] : NULL;
    if (rc == HANGAR_OK && strcmp(x->which->id, "latest") == 0 && !selected.good) {
        rc = hg_fail(err, selected.newer ? HANGAR_UNSUPPORTED : HANGAR_CORRUPT, 0,
                     "the latest backup %s is %s; hint: select one by its id", x->id,
                     selected.newer ? "of a newer hangar" : "damaged");
    }
    return rc;
}

static enum hangar_status hold_run(struct hangar *h, const struct hangar_selection *which,
                                   enum hold_action action, json_t *doc, char **json)
{
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hold_job x = {.action = action, .which = which, .sinks = json_array()};
    struct hg_error err = {0};
    int lock = -1;
    bool busy = false;
    hg_new_run_id(h);
    enum hangar_rc rc = hg_session_begin(&x.s, h, 0, NULL, NULL, &err);
    if (rc == HANGAR_OK) {
        rc = hold_find_backup(&x, &err);
        if (rc == HANGAR_OK && action == REMOVE) { /* a hold may come during a run */
            rc = hg_pipeline_lock(&h->state, x.pipeline->name, HG_LOCK_REMOVE, &lock, &err);
            busy = rc == HANGAR_EXISTS;
        }
        if (rc == HANGAR_OK) {
            rc = hold_in_sinks(&x, &err);
        }
        hg_session_end(&x.s);
    }
    if (lock >= 0) {
        close(lock);
    }
    hg_json_set_string(doc, "id", x.pipeline ? x.id : NULL);
    hg_json_set_string(doc, "pipeline", x.pipeline ? x.pipeline->name : NULL);
    hg_json_set(doc, "sinks", x.sinks);
    return hg_doc_end(h, doc, busy ? HANGAR_STATUS_BUSY : hg_status(rc), &err, json);
}

enum hangar_status hangar_hold(struct hangar *h, const struct hangar_selection *which, int hold,
                               char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.hold/1");
    hg_json_set_bool(doc, "hold", hold != 0);
    return hold_run(h, which, hold ? HOLD : UNHOLD, doc, json);
}

enum hangar_status hangar_remove(struct hangar *h, const struct hangar_selection *which,
                                 char **json)
{
    return hold_run(h, which, REMOVE, hg_doc_begin(h, "hangar.remove/1"), json);
}
