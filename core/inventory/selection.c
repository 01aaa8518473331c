/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * selection: see selection.h.  A copy is judged at most once, and only if it can be that of the
 * selected backup.
 */
#include "inventory/selection.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "config/config.h"
#include "inventory/goodness.h"
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
    unsigned flags;             /* of struct hg_newest_request */
    char id[HG_BACKUP_ID_SIZE]; /* the best so far; "": none */
    bool good;                  /* `found` is filled with a good copy */
    bool usable;                /* `found` is filled; the manifest of the copy can be read */
    bool future;                /* a backup from the future was skipped */
    bool apart;                 /* a safety backup or a partial one was skipped */
    bool again;                 /* this is a second reading of the sinks */
    bool reported;              /* the damage of `found` was logged */
    struct hg_selected_backup found;
    struct hg_selected_backup bad; /* of "latest": the newest bad copy that was skipped */
    struct hg_error damage;        /* why the first copy, of `id` or of a newer backup, is bad */
    struct hg_error unread;        /* why the first sink that was skipped could not be read */
    char unknown_id[HG_BACKUP_ID_SIZE]; /* the newest folder that could not be read; "": none */
    struct hg_error unknown;            /* why */
};

static bool selection_is_latest(const struct hangar_selection *request)
{
    return strcmp(request->id, "latest") == 0;
}

static void keep_first(struct hg_error *first, const struct hg_error *next)
{
    if (first->rc == HANGAR_OK) {
        *first = *next;
    }
}

/* *copy becomes this one, and owns its manifest. */
static void take_copy(struct hg_selected_backup *copy, size_t instance, struct hangar_ctx *sink,
                      struct hg_manifest *m)
{
    hg_manifest_free(&copy->manifest);
    copy->sink = instance;
    copy->ctx = sink;
    copy->manifest = *m;
    *m = (struct hg_manifest){0};
}

static void selection_take(struct selection *x, size_t instance, struct hangar_ctx *sink,
                           struct hg_manifest *m)
{
    take_copy(&x->found, instance, sink, m);
    x->usable = true;
}

/* Keeps the newest bad copy, if possible one whose manifest can be read. */
static void selection_keep_bad(struct selection *x, size_t instance, struct hangar_ctx *sink,
                               struct hg_newest_backup *newest)
{
    const int order = strcmp(newest->bad_id, x->bad.id);
    if (order > 0 || (order == 0 && newest->bad_manifest.id && !x->bad.manifest.id)) {
        snprintf(x->bad.id, sizeof(x->bad.id), "%s", newest->bad_id);
        take_copy(&x->bad, instance, sink, &newest->bad_manifest);
    }
    hg_manifest_free(&newest->bad_manifest);
}

/* The copy of the backup that is asked for by its id.  A bad one is used only where no sink has a
 * good one: a part of it may be what is needed. */
static enum hangar_rc consider_backup(struct selection *x, size_t instance, struct hangar_ctx *sink,
                                      struct hg_error *err)
{
    struct hg_manifest m = {0};
    struct hg_error why = {0};
    const char *id = x->request->id;
    enum hangar_rc rc = hg_mark_find_backup(sink, x->pipeline->name, id, &why);
    if (rc == HANGAR_OK) {
        rc = hg_goodness(x->s->h, sink, x->pipeline->name, id, &m, &why);
    }
    if (rc == HANGAR_NOT_FOUND) {
        return HANGAR_OK;
    }
    if (rc != HANGAR_OK && rc != HANGAR_CORRUPT && rc != HANGAR_UNSUPPORTED) {
        hg_manifest_free(&m);
        return hg_error_move(err, &why);
    }
    snprintf(x->id, sizeof(x->id), "%s", id);
    x->good = rc == HANGAR_OK;
    if (rc != HANGAR_OK) {
        keep_first(&x->damage, &why);
    }
    if (rc == HANGAR_OK || (rc == HANGAR_CORRUPT && m.id && !x->usable)) {
        selection_take(x, instance, sink, &m);
    }
    hg_manifest_free(&m);
    return HANGAR_OK;
}

/* Selects the newest backup of a sink if it is newer than the best so far, or a better copy. */
static enum hangar_rc consider_newest(struct selection *x, size_t instance, struct hangar_ctx *sink,
                                      struct hg_error *err)
{
    const struct hg_newest_request request = {
        .pipeline = x->pipeline->name, .than = x->good ? x->id : NULL, .flags = x->flags};
    struct hg_newest_backup newest = {0};
    enum hangar_rc rc = hg_newest_find(x->s->h, sink, &request, &newest, err);
    if (newest.lost && !x->again) {
        hg_origin_warn_lost(x->s->h, sink, x->pipeline->name);
    }
    x->future = x->future || newest.future[0];
    x->apart = x->apart || newest.apart;
    if (newest.damage.rc != HANGAR_OK) {
        keep_first(&x->damage, &newest.damage);
    }
    selection_keep_bad(x, instance, sink, &newest);
    const int order = strcmp(newest.id, x->id);
    if (rc == HANGAR_OK && newest.id[0] &&
        (order > 0 || (order == 0 && (newest.good || !x->usable)))) {
        snprintf(x->id, sizeof(x->id), "%s", newest.id);
        x->good = newest.good;
        x->usable = false;
        if (newest.manifest.id) {
            selection_take(x, instance, sink, &newest.manifest);
        }
    }
    if (strcmp(newest.unknown, x->unknown_id) > 0) { /* it may be the newest */
        snprintf(x->unknown_id, sizeof(x->unknown_id), "%s", newest.unknown);
        x->unknown = *err;
    }
    hg_manifest_free(&newest.manifest);
    return rc;
}

static enum hangar_rc consider_sink(struct selection *x, size_t instance, struct hg_error *err)
{
    struct hangar_ctx *sink;
    enum hangar_rc rc = hg_session_open(x->s, instance, NULL, 0, &sink, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    return selection_is_latest(x->request) ? consider_newest(x, instance, sink, err)
                                           : consider_backup(x, instance, sink, err);
}

/* Finds the backup in one pipeline's sinks.  A sink that cannot be read is skipped. */
static void select_among_sinks(struct selection *x)
{
    const struct hg_instance_config *instances = x->s->h->config->instances;
    const char *only = x->request->sink;
    for (size_t i = 0; i < x->pipeline->sink_count; i++) {
        const size_t instance = x->pipeline->sinks[i];
        if (only && strcmp(instances[instance].name, only) != 0) {
            continue;
        }
        if (x->good && !selection_is_latest(x->request)) {
            break; /* one good copy is enough */
        }
        struct hg_error why = {0};
        if (consider_sink(x, instance, &why) != HANGAR_OK) {
            keep_first(&x->unread, &why);
        }
    }
}

/* A backup from the future is "latest" only where there is no other: the clock of this machine may
 * be the wrong one.  So is a bad one: a part of it may be what is needed. */
static void select_in_pipeline(struct selection *x)
{
    select_among_sinks(x);
    x->again = true;
    if (!x->id[0] && x->future) {
        x->flags |= HG_NEWEST_FUTURE_TOO;
        select_among_sinks(x);
    }
    if (!x->id[0] && x->bad.id[0]) {
        snprintf(x->id, sizeof(x->id), "%s", x->bad.id);
        x->reported = true;
        if (x->bad.manifest.id) {
            selection_take(x, x->bad.sink, x->bad.ctx, &x->bad.manifest);
        }
    }
    hg_manifest_free(&x->bad.manifest);
}

static enum hangar_rc fail_not_found(struct hg_session *s, const struct hangar_selection *request,
                                     const struct selection *found, struct hg_error *err)
{
    if (found->unread.rc != HANGAR_OK) { /* the sink that cannot be read may have it */
        *err = found->unread;
        return err->rc;
    }
    if (found->apart) {
        return hg_fail(
            err, HANGAR_NOT_FOUND, 0,
            "there is no backup of all sources yet; hint: make one with `hangar backup`, "
            "or select a partial backup or a safety backup by its id: `hangar list`");
    }
    struct hg_other_pipelines others;
    enum hangar_rc rc = hg_others_find(s, request->pipeline, request->sink, &others, err);
    if (rc == HANGAR_OK && others.count > 0) {
        struct hg_str text = {0};
        hg_others_text(&others, &text);
        rc = hg_fail(err, HANGAR_NOT_FOUND, 0, "there is no backup%s%s of %s, but %s",
                     selection_is_latest(request) ? "" : " ",
                     selection_is_latest(request) ? "" : request->id,
                     request->pipeline ? request->pipeline : "this configuration",
                     hg_str_text(&text));
        hg_str_free(&text);
    }
    hg_others_free(&others);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (selection_is_latest(request)) {
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
    if (!selection_is_latest(request) && !hg_backup_id_parse(request->id, &ms) &&
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

/* "latest" fails when a folder that cannot be read may be newer than what was found. */
static enum hangar_rc fail_unknown(const struct selection *x, struct hg_error *err)
{
    if (!selection_is_latest(x->request) || strcmp(x->unknown_id, x->id) <= 0) {
        return HANGAR_OK;
    }
    *err = x->unknown;
    return err->rc;
}

/* Fills *out with what was selected in the one pipeline that has it. */
static enum hangar_rc selection_result(struct selection *x, struct hg_selected_backup *out,
                                       struct hg_error *err)
{
    *out = (struct hg_selected_backup){.pipeline = x->found.pipeline};
    if (fail_unknown(x, err) != HANGAR_OK) {
        hg_manifest_free(&x->found.manifest);
        return err->rc;
    }
    if (x->usable) {
        *out = x->found;
        out->good = x->good;
        if (!x->good && x->reported) {
            hg_log_line(&x->s->h->log, HANGAR_LOG_WARN,
                        "%s has no good copy; using the damaged one in sink %s", x->id,
                        out->ctx->name);
        } else if (!x->good) {
            /* of a request that names a sink, no other sink was read */
            hg_log_line(
                &x->s->h->log, HANGAR_LOG_WARN,
                x->request->sink ? "the copy of %s in sink %s is damaged: %s"
                                 : "%s has no good copy; using the damaged one in sink %s: %s",
                x->id, out->ctx->name, hg_error_without(x->damage.text, "sink", out->ctx->name));
        } else if (x->damage.rc != HANGAR_OK && !selection_is_latest(x->request)) {
            hg_log_line(&x->s->h->log, HANGAR_LOG_WARN, "skipping a damaged copy: %s",
                        x->damage.text);
        }
        return HANGAR_OK;
    }
    *err = x->damage;
    return selection_is_latest(x->request) ? hg_context(err, "there is no good backup") : err->rc;
}

/* Finds the one pipeline that has the backup.  OK also when none has it: then found->id is "". */
static enum hangar_rc select_pipeline(struct hg_session *s, const struct hangar_selection *request,
                                      unsigned flags, struct selection *found, struct hg_error *err)
{
    const struct hg_config *config = s->h->config;
    struct hg_error unread = {0};
    bool apart = false;
    size_t only = SIZE_MAX;
    enum hangar_rc rc = check_selection(config, request, &only, err);
    *found = (struct selection){0};
    for (size_t p = 0; rc == HANGAR_OK && p < config->pipeline_count; p++) {
        struct selection x = {.s = s,
                              .request = request,
                              .pipeline = &config->pipelines[p],
                              .flags = flags,
                              .found = {.pipeline = p}};
        if (only != SIZE_MAX && p != only) {
            continue;
        }
        select_in_pipeline(&x);
        keep_first(&unread, &x.unread);
        apart = apart || x.apart;
        if (x.id[0] && found->id[0]) {
            rc = hg_fail(err, HANGAR_CONFIG, 0,
                         "%s is ambiguous: pipelines %s and %s have such a backup; hint: select "
                         "one with --pipeline",
                         request->id, found->pipeline->name, x.pipeline->name);
            hg_manifest_free(&x.found.manifest);
        } else if (x.id[0]) {
            *found = x;
        }
    }
    found->unread = unread;
    found->apart = apart;
    return rc;
}

/* Fills *exact, the request with the whole id; `id` is where that is kept. */
static enum hangar_rc complete_id(struct hg_session *s, const struct hangar_selection *request,
                                  struct hangar_selection *exact, char id[HG_BACKUP_ID_SIZE],
                                  struct hg_error *err)
{
    size_t only;
    *exact = (struct hangar_selection){.struct_size = sizeof(*exact),
                                       .id = request->id,
                                       .sink = request->sink,
                                       .pipeline = request->pipeline};
    enum hangar_rc rc = check_selection(s->h->config, request, &only, err);
    int64_t ms;
    if (rc == HANGAR_OK && !selection_is_latest(request) && !hg_backup_id_parse(request->id, &ms)) {
        rc = hg_short_id_find(s, request, id, err);
        exact->id = id;
    }
    return rc;
}

/* Finds the backup that the request means by its whole id or "latest". */
static enum hangar_rc select_exactly(struct hg_session *s, const struct hangar_selection *request,
                                     struct hg_selected_backup *out, struct hg_error *err)
{
    struct selection found;
    out->pipeline = SIZE_MAX;
    enum hangar_rc rc = select_pipeline(s, request, 0, &found, err);
    if (rc != HANGAR_OK) {
        hg_manifest_free(&found.found.manifest);
        return rc;
    }
    if (!found.id[0]) {
        return fail_not_found(s, request, &found, err);
    }
    if (found.unread.rc != HANGAR_OK) { /* it may have a newer one, or a better copy */
        hg_log_line(&s->h->log, HANGAR_LOG_WARN, "skipping a sink: %s", found.unread.text);
    }
    return selection_result(&found, out, err);
}

enum hangar_rc hg_select(struct hg_session *s, const struct hangar_selection *request,
                         struct hg_selected_backup *out, struct hg_error *err)
{
    char id[HG_BACKUP_ID_SIZE] = "";
    struct hangar_selection exact;
    *out = (struct hg_selected_backup){.pipeline = SIZE_MAX};
    enum hangar_rc rc = complete_id(s, request, &exact, id, err);
    if (rc == HANGAR_OK) {
        rc = select_exactly(s, &exact, out, err);
        snprintf(out->id, sizeof(out->id), "%s",
                 rc == HANGAR_OK                ? out->manifest.id
                 : selection_is_latest(request) ? ""
                                                : exact.id);
    }
    return rc;
}

enum hangar_rc hg_select_newest(struct hg_session *s, const struct hangar_selection *request,
                                struct hg_selected_id *out, struct hg_error *err)
{
    char whole_id[HG_BACKUP_ID_SIZE] = "";
    struct hangar_selection exact;
    struct selection found = {0};
    *out = (struct hg_selected_id){0};
    enum hangar_rc rc = complete_id(s, request, &exact, whole_id, err);
    if (rc == HANGAR_OK) {
        rc = select_pipeline(s, &exact, HG_NEWEST_BAD_TOO, &found, err);
        hg_manifest_free(&found.found.manifest);
    }
    if (rc == HANGAR_OK) {
        rc = found.id[0] ? fail_unknown(&found, err) : fail_not_found(s, &exact, &found, err);
    }
    if (rc == HANGAR_OK) {
        out->pipeline = found.found.pipeline;
        out->good = found.good;
        out->newer = found.damage.rc == HANGAR_UNSUPPORTED;
        snprintf(out->id, sizeof(out->id), "%s", found.id);
    }
    return rc;
}

void hg_select_others(struct hg_session *s, const struct hg_selected_backup *selected,
                      struct hg_str *names)
{
    const struct hg_pipeline_config *pipeline = &s->h->config->pipelines[selected->pipeline];
    for (size_t i = 0; i < pipeline->sink_count; i++) {
        struct hangar_ctx *sink;
        struct hg_manifest m = {0};
        struct hg_error unused = {0};
        if (pipeline->sinks[i] != selected->sink &&
            hg_session_open(s, pipeline->sinks[i], NULL, 0, &sink, &unused) == HANGAR_OK &&
            hg_goodness(s->h, sink, pipeline->name, selected->manifest.id, &m, &unused) ==
                HANGAR_OK) {
            hg_str_addf(names, "%s%s", names->len ? ", " : "", sink->name);
        }
        hg_manifest_free(&m);
    }
}
