/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * select: which backup is meant by an id or "latest", and which sink has it.
 */
#include "inventory/selection.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/store.h"
#include "config/config.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/session.h"

/* One backup that could be meant. */
struct candidate {
    bool found;
    size_t pipeline;
    char id[HG_BACKUP_ID_SIZE];
};

/* "latest" never means one.  What cannot be read may be meant, and then it must be heard. */
static bool is_safety(struct hangar_ctx *sink, const char *pipeline, const char *id)
{
    struct hg_manifest m = {0};
    struct hg_error unread = {0};
    enum hangar_rc rc = hg_store_manifest(sink, pipeline, id, &m, &unread);
    bool safety = rc == HANGAR_OK && m.safety;
    hg_manifest_free(&m);
    return safety;
}

/* Finds the newest id that has a manifest in this sink, newer than the candidate. */
static enum hangar_rc newest_in_sink(struct hangar_ctx *sink, const char *pipeline,
                                     char best[HG_BACKUP_ID_SIZE], struct hg_error *err)
{
    char **ids = NULL;
    size_t count = 0;
    enum hangar_rc rc = hg_store_ids(sink, pipeline, &ids, &count, NULL, err);
    for (size_t i = count; rc == HANGAR_OK && i-- > 0 && strcmp(ids[i], best) > 0;) {
        struct hg_error why = {0};
        enum hangar_rc one = hg_mark_find_backup(sink, pipeline, ids[i], &why);
        if (one == HANGAR_OK && !is_safety(sink, pipeline, ids[i])) {
            snprintf(best, HG_BACKUP_ID_SIZE, "%s", ids[i]);
            break;
        }
        if (one != HANGAR_OK && one != HANGAR_NOT_FOUND) {
            *err = why;
            rc = one;
        }
    }
    hg_store_ids_free(ids, count);
    return rc;
}

struct selecting {
    struct hg_session *s;
    const struct hangar_selection *which;
    struct hangar_ctx *opened[HG_SESSION_MAX]; /* by instance index */
};

static enum hangar_rc open_sink(struct selecting *x, size_t instance, struct hangar_ctx **out,
                                struct hg_error *err)
{
    if (instance >= HG_SESSION_MAX) {
        return hg_fail(err, HANGAR_CONFIG, 0, "more than %d instances", HG_SESSION_MAX);
    }
    enum hangar_rc rc = HANGAR_OK;
    if (!x->opened[instance]) {
        rc = hg_session_open(x->s, instance, NULL, 0, &x->opened[instance], err);
    }
    *out = x->opened[instance];
    return rc;
}

static bool sink_is_meant(struct selecting *x, size_t instance)
{
    return !x->which->sink ||
           strcmp(x->s->h->config->instances[instance].name, x->which->sink) == 0;
}

/* Looks for the backup in one pipeline's sinks.  A sink that cannot be read is
 * passed over while another can; its error is kept. */
static void look_in_pipeline(struct selecting *x, size_t p, struct candidate *c,
                             struct hg_error *err)
{
    const struct hg_pipeline_config *pipeline = &x->s->h->config->pipelines[p];
    char best[HG_BACKUP_ID_SIZE] = "";
    for (size_t i = 0; i < pipeline->sink_count; i++) {
        struct hangar_ctx *sink;
        if (!sink_is_meant(x, pipeline->sinks[i]) ||
            open_sink(x, pipeline->sinks[i], &sink, err) != HANGAR_OK) {
            continue;
        }
        if (strcmp(x->which->id, "latest") == 0) {
            newest_in_sink(sink, pipeline->name, best, err);
            continue;
        }
        struct hg_error why = {0};
        enum hangar_rc rc = hg_mark_find_backup(sink, pipeline->name, x->which->id, &why);
        if (rc == HANGAR_OK) {
            snprintf(best, sizeof(best), "%s", x->which->id);
        } else if (rc != HANGAR_NOT_FOUND && err->rc == HANGAR_OK) {
            *err = why;
        }
    }
    if (best[0]) {
        c->found = true;
        c->pipeline = p;
        memcpy(c->id, best, sizeof(best));
    }
}

/* Reads the manifest from the first sink that has it whole. */
static enum hangar_rc read_candidate(struct selecting *x, const struct candidate *c,
                                     struct hg_selected *out, struct hg_error *err)
{
    const struct hg_pipeline_config *pipeline = &x->s->h->config->pipelines[c->pipeline];
    struct hg_error first = {0};
    for (size_t i = 0; i < pipeline->sink_count; i++) {
        struct hangar_ctx *sink;
        struct hg_error why = {0};
        if (!sink_is_meant(x, pipeline->sinks[i])) {
            continue;
        }
        enum hangar_rc rc = open_sink(x, pipeline->sinks[i], &sink, &why);
        if (rc == HANGAR_OK) {
            rc = hg_store_manifest(sink, pipeline->name, c->id, &out->manifest, &why);
        }
        if (rc == HANGAR_OK) {
            out->pipeline = c->pipeline;
            out->sink = pipeline->sinks[i];
            out->ctx = sink;
            return HANGAR_OK;
        }
        hg_manifest_free(&out->manifest);
        if (rc != HANGAR_NOT_FOUND) {
            hg_log_line(&x->s->h->log, HANGAR_LOG_WARN, "passing over a copy: %s", why.text);
            first = first.rc == HANGAR_OK ? why : first;
        }
    }
    if (first.rc == HANGAR_OK) { /* it was there a moment ago */
        return hg_fail(err, HANGAR_NOT_FOUND, 0, "%s was removed just now", c->id);
    }
    *err = first;
    return first.rc;
}

static enum hangar_rc not_found(struct selecting *x, struct hg_error *err)
{
    if (err->rc != HANGAR_OK) {
        return err->rc; /* a sink could not be read: it may well be there */
    }
    if (strcmp(x->which->id, "latest") == 0) {
        return hg_fail(err, HANGAR_NOT_FOUND, 0,
                       "there is no backup yet; hint: make one with `hangar backup`");
    }
    return hg_fail(err, HANGAR_NOT_FOUND, 0,
                   "there is no backup %s; hint: `hangar list` shows those there are",
                   x->which->id);
}

static enum hangar_rc check_request(struct selecting *x, size_t *only, struct hg_error *err)
{
    int64_t ms;
    const struct hangar *h = x->s->h;
    if (strcmp(x->which->id, "latest") != 0 && !hg_backup_id_parse(x->which->id, &ms)) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "%s is no id of a backup; hint: ids look like "
                       "backup_2026-01-15T02-00-00-000Z, see `hangar list`",
                       x->which->id);
    }
    enum hangar_rc rc = hg_check_names(h->config, NULL, x->which->sink, err);
    if (rc == HANGAR_OK && x->which->pipeline) {
        rc = hg_find_pipeline(h->config, x->which->pipeline, only, err);
    }
    return rc;
}

enum hangar_rc hg_select(struct hg_session *s, const struct hangar_selection *which,
                         struct hg_selected *out, struct hg_error *err)
{
    struct selecting x = {.s = s, .which = which};
    struct candidate found = {0};
    size_t only = SIZE_MAX;
    out->pipeline = SIZE_MAX;
    enum hangar_rc rc = check_request(&x, &only, err);
    struct hg_error trouble = {0};
    for (size_t p = 0; rc == HANGAR_OK && p < s->h->config->pipeline_count; p++) {
        if (only != SIZE_MAX && p != only) {
            continue;
        }
        struct candidate one = {0};
        look_in_pipeline(&x, p, &one, &trouble);
        if (one.found && found.found) {
            return hg_fail(err, HANGAR_CONFIG, 0,
                           "%s could be one of pipeline %s or of %s; hint: say which with "
                           "--pipeline",
                           which->id, s->h->config->pipelines[found.pipeline].name,
                           s->h->config->pipelines[p].name);
        }
        found = one.found ? one : found;
    }
    if (rc == HANGAR_OK && !found.found) {
        rc = not_found(&x, &trouble);
        *err = trouble;
    } else if (rc == HANGAR_OK) {
        *out = (struct hg_selected){.pipeline = found.pipeline};
        if (trouble.rc != HANGAR_OK) { /* it may hold a newer one */
            hg_log_line(&s->h->log, HANGAR_LOG_WARN, "passing over a sink: %s", trouble.text);
        }
        rc = read_candidate(&x, &found, out, err);
        if (rc == HANGAR_CORRUPT && strcmp(which->id, "latest") == 0) {
            hg_context(err, "the latest backup is not whole (an older one can be named by its id)");
        }
    }
    return rc;
}
