/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * selection: see selection.h.  A manifest is read at most once from a sink, and only if it can be
 * that of the selected backup.
 */
#include "inventory/selection.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/store.h"
#include "config/config.h"
#include "inventory/origin.h"
#include "inventory/others.h"
#include "inventory/short_id.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/session.h"

/* The selection among the sinks of one pipeline. */
struct selection {
    struct hg_session *s;
    const struct hangar_selection *request;
    const struct hg_pipeline_config *pipeline;
    char id[HG_BACKUP_ID_SIZE]; /* the best so far; "": none */
    bool readable;              /* a sink has it whole: `found` is filled */
    struct hg_selected found;
    struct hg_error damage; /* why the first copy of `id` cannot be read */
    struct hg_error unread; /* why the first sink that could not be read was passed over */
    char unknown_id[HG_BACKUP_ID_SIZE]; /* the newest folder that could not be read; "": none */
    struct hg_error unknown;            /* why */
};

static bool wants_latest(const struct hangar_selection *request)
{
    return strcmp(request->id, "latest") == 0;
}

static void keep_first(struct hg_error *first, const struct hg_error *next)
{
    if (first->rc == HANGAR_OK) {
        *first = *next;
    }
}

/* Selects a backup of a sink if the request can mean it.  OK: it is selected, whole or damaged;
 * NOT_FOUND: the sink does not have it, or it is a safety backup; else the sink cannot be
 * read. */
static enum hangar_rc consider_backup(struct selection *x, size_t instance, struct hangar_ctx *sink,
                                      const char *id, struct hg_error *err)
{
    struct hg_manifest m = {0};
    struct hg_error why = {0};
    const bool another_copy = strcmp(id, x->id) == 0;
    enum hangar_rc rc = hg_mark_find_backup(sink, x->pipeline->name, id, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = hg_store_manifest(sink, x->pipeline->name, id, &m, &why);
    if (rc == HANGAR_NOT_FOUND) { /* removed after it was found */
        return rc;
    }
    if (rc == HANGAR_OK && m.safety && wants_latest(x->request) && !another_copy) {
        hg_manifest_free(&m);
        return HANGAR_NOT_FOUND;
    }
    if (!another_copy) { /* a newer backup than the best so far */
        hg_manifest_free(&x->found.manifest);
        x->damage = (struct hg_error){0};
        snprintf(x->id, sizeof(x->id), "%s", id);
    }
    x->readable = rc == HANGAR_OK;
    if (rc == HANGAR_OK) {
        x->found.sink = instance;
        x->found.ctx = sink;
        x->found.manifest = m;
    } else {
        hg_manifest_free(&m);
        hg_log_line(&x->s->h->log, HANGAR_LOG_WARN, "passing over a damaged copy: %s", why.text);
        keep_first(&x->damage, &why);
    }
    return HANGAR_OK;
}

/* There may be a backup here, and it may be the newest. */
static void keep_unknown(struct selection *x, const char *id, const struct hg_error *why)
{
    if (strcmp(id, x->unknown_id) > 0) {
        snprintf(x->unknown_id, sizeof(x->unknown_id), "%s", id);
        x->unknown = *why;
    }
}

/* Finds the newest backup in a sink that is newer than the best so far, or another copy of the
 * best if that is damaged. */
static enum hangar_rc consider_newest(struct selection *x, size_t instance, struct hangar_ctx *sink,
                                      struct hg_error *err)
{
    char **ids = NULL;
    size_t count = 0;
    enum hangar_rc rc = hg_origin_ids(x->s->h, sink, x->pipeline->name, &ids, &count, err);
    for (size_t i = count; rc == HANGAR_OK && i-- > 0;) {
        const int order = strcmp(ids[i], x->id);
        if (order < 0 || (order == 0 && x->readable)) {
            break;
        }
        struct hg_error why = {0};
        const enum hangar_rc one = consider_backup(x, instance, sink, ids[i], &why);
        if (one == HANGAR_NOT_FOUND) {
            continue;
        }
        if (one != HANGAR_OK) {
            hg_context(&why,
                       "the latest backup may be %s, which cannot be read (an older one can be "
                       "selected by its id)",
                       ids[i]);
            keep_unknown(x, ids[i], &why);
            rc = hg_error_move(err, &why);
        }
        break;
    }
    hg_store_ids_free(ids, count);
    return rc;
}

/* NOT_FOUND is not a failure of the sink. */
static enum hangar_rc consider_sink(struct selection *x, size_t instance, struct hg_error *err)
{
    struct hangar_ctx *sink;
    enum hangar_rc rc = hg_session_open(x->s, instance, NULL, 0, &sink, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (wants_latest(x->request)) {
        return consider_newest(x, instance, sink, err);
    }
    rc = consider_backup(x, instance, sink, x->request->id, err);
    return rc == HANGAR_NOT_FOUND ? HANGAR_OK : rc;
}

/* Finds the backup in one pipeline's sinks.  A sink that cannot be read is passed over. */
static void select_in_pipeline(struct selection *x)
{
    const struct hg_instance_config *instances = x->s->h->config->instances;
    const char *only = x->request->sink;
    for (size_t i = 0; i < x->pipeline->sink_count; i++) {
        const size_t instance = x->pipeline->sinks[i];
        struct hg_error why = {0};
        if (only && strcmp(instances[instance].name, only) != 0) {
            continue;
        }
        if (x->readable && !wants_latest(x->request)) {
            break; /* this copy will do */
        }
        if (consider_sink(x, instance, &why) != HANGAR_OK) {
            keep_first(&x->unread, &why);
        }
    }
}

static enum hangar_rc fail_not_found(struct hg_session *s, const struct hangar_selection *request,
                                     const struct hg_error *unread, struct hg_error *err)
{
    if (unread->rc != HANGAR_OK) { /* the sink that cannot be read may have it */
        *err = *unread;
        return unread->rc;
    }
    json_t *others = hg_others_find(s, request->pipeline, request->sink);
    if (json_array_size(others) > 0) {
        struct hg_str text = {0};
        hg_others_text(others, &text);
        hg_fail(err, HANGAR_NOT_FOUND, 0, "there is no backup%s%s of %s, but %s",
                wants_latest(request) ? "" : " ", wants_latest(request) ? "" : request->id,
                request->pipeline ? request->pipeline : "this configuration", hg_str_text(&text));
        hg_str_free(&text);
        json_decref(others);
        return HANGAR_NOT_FOUND;
    }
    json_decref(others);
    if (wants_latest(request)) {
        return hg_fail(err, HANGAR_NOT_FOUND, 0,
                       "there is no backup yet; hint: make one with `hangar backup`");
    }
    return hg_fail(err, HANGAR_NOT_FOUND, 0,
                   "there is no backup %s; hint: `hangar list` shows all backups", request->id);
}

static enum hangar_rc check_selection(const struct hg_config *config,
                                      const struct hangar_selection *request, size_t *only,
                                      struct hg_error *err)
{
    int64_t ms;
    if (!wants_latest(request) && !hg_backup_id_parse(request->id, &ms) &&
        !hg_short_id_is_valid(request->id)) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "invalid backup id %s; hint: ids look like "
                       "backup_2026-01-15T02-00-00-000Z, see `hangar list`; at least %d characters "
                       "of the beginning or the end are enough if they are unique",
                       request->id, HG_SHORT_ID_MIN);
    }
    enum hangar_rc rc = hg_check_names(config, NULL, request->sink, err);
    if (rc == HANGAR_OK && request->pipeline) {
        rc = hg_find_pipeline(config, request->pipeline, only, err);
    }
    return rc;
}

/* Hands over what was selected in the one pipeline that has it. */
static enum hangar_rc selection_result(struct selection *x, struct hg_selected *out,
                                       struct hg_error *err)
{
    *out = (struct hg_selected){.pipeline = x->found.pipeline};
    if (wants_latest(x->request) && strcmp(x->unknown_id, x->id) > 0) {
        hg_manifest_free(&x->found.manifest);
        *err = x->unknown;
        return err->rc;
    }
    if (x->readable) {
        *out = x->found;
        return HANGAR_OK;
    }
    *err = x->damage;
    if (err->rc == HANGAR_CORRUPT && wants_latest(x->request)) {
        hg_context(err, "the latest backup is damaged (an older one can be selected by its id)");
    }
    return err->rc;
}

/* Finds the backup that the request means by its whole id or "latest". */
static enum hangar_rc select_exactly(struct hg_session *s, const struct hangar_selection *request,
                                     struct hg_selected *out, struct hg_error *err)
{
    const struct hg_config *config = s->h->config;
    struct selection found = {0};
    struct hg_error unread = {0};
    size_t only = SIZE_MAX;
    out->pipeline = SIZE_MAX;
    enum hangar_rc rc = check_selection(config, request, &only, err);
    for (size_t p = 0; rc == HANGAR_OK && p < config->pipeline_count; p++) {
        struct selection x = {.s = s,
                              .request = request,
                              .pipeline = &config->pipelines[p],
                              .found = {.pipeline = p}};
        if (only != SIZE_MAX && p != only) {
            continue;
        }
        select_in_pipeline(&x);
        keep_first(&unread, &x.unread);
        if (x.id[0] && found.id[0]) {
            rc = hg_fail(err, HANGAR_CONFIG, 0,
                         "%s is ambiguous: pipelines %s and %s have such a backup; hint: select "
                         "one with --pipeline",
                         request->id, found.pipeline->name, x.pipeline->name);
            hg_manifest_free(&x.found.manifest);
        } else if (x.id[0]) {
            found = x;
        }
    }
    if (rc != HANGAR_OK) {
        hg_manifest_free(&found.found.manifest);
        return rc;
    }
    if (!found.id[0]) {
        return fail_not_found(s, request, &unread, err);
    }
    if (unread.rc != HANGAR_OK) { /* it may have a newer one */
        hg_log_line(&s->h->log, HANGAR_LOG_WARN, "passing over a sink: %s", unread.text);
    }
    return selection_result(&found, out, err);
}

enum hangar_rc hg_select(struct hg_session *s, const struct hangar_selection *request,
                         struct hg_selected *out, struct hg_error *err)
{
    char id[HG_BACKUP_ID_SIZE] = "";
    int64_t ms;
    size_t only;
    struct hangar_selection exact = {.struct_size = sizeof(exact),
                                     .id = request->id,
                                     .sink = request->sink,
                                     .pipeline = request->pipeline};
    *out = (struct hg_selected){.pipeline = SIZE_MAX};
    enum hangar_rc rc = check_selection(s->h->config, request, &only, err);
    if (rc == HANGAR_OK && !wants_latest(request)) {
        rc = hg_backup_id_parse(request->id, &ms) ? HANGAR_OK
                                                  : hg_short_id_find(s, request, id, err);
        exact.id = id[0] ? id : request->id;
    }
    if (rc == HANGAR_OK) {
        rc = select_exactly(s, &exact, out, err);
        snprintf(out->id, sizeof(out->id), "%s",
                 rc == HANGAR_OK         ? out->manifest.id
                 : wants_latest(request) ? ""
                                         : exact.id);
    }
    return rc;
}
