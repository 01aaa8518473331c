/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * short_id: see short_id.h.  It reads no manifest: a listing finds the ids.
 */
#include "inventory/short_id.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "catalog/mark.h"
#include "catalog/store.h"
#include "config/config.h"
#include "session/handle.h"

#define ID_PREFIX "backup_"

enum { MOST_MATCHES = 20, SHOWN_MATCHES = 5 };

/* Different backups whose ids match, at most MOST_MATCHES, the newest first in each sink. */
struct short_id_search {
    struct hg_session *s;
    const struct hangar_selection *request;
    char ids[MOST_MATCHES][HG_BACKUP_ID_SIZE];
    size_t count;
    struct hg_error unread; /* of the first sink that cannot be read */
};

static const char *short_id_tail(const char *text)
{
    return hg_starts_with(text, ID_PREFIX) ? text + strlen(ID_PREFIX) : text;
}

bool hg_short_id_is_valid(const char *text)
{
    const char *tail = short_id_tail(text);
    size_t n = strlen(tail);
    return n >= HG_SHORT_ID_MIN && n < HG_BACKUP_ID_SIZE && strspn(tail, "0123456789TZ-") == n;
}

/* Does an id begin with the text, with or without "backup_", or end with it? */
static bool short_id_matches(const char *text, const char *id)
{
    size_t n = strlen(text), all = strlen(id);
    return hg_starts_with(short_id_tail(id), short_id_tail(text)) ||
           (n <= all && strcmp(id + all - n, text) == 0);
}

static void short_id_add(struct short_id_search *x, const char *id)
{
    for (size_t i = 0; i < x->count; i++) {
        if (strcmp(x->ids[i], id) == 0) {
            return; /* another copy */
        }
    }
    if (x->count < MOST_MATCHES) {
        snprintf(x->ids[x->count++], HG_BACKUP_ID_SIZE, "%s", id);
    }
}

static enum hangar_rc short_id_search_sink(struct short_id_search *x, const char *pipeline,
                                           size_t instance, struct hg_error *err)
{
    struct hangar_ctx *sink;
    char **ids = NULL;
    size_t count = 0;
    enum hangar_rc rc = hg_session_open(x->s, instance, NULL, 0, &sink, err);
    if (rc == HANGAR_OK) {
        rc = hg_store_ids(sink, pipeline, &ids, &count, NULL, err);
    }
    for (size_t i = count; rc == HANGAR_OK && i-- > 0 && x->count < MOST_MATCHES;) {
        if (!short_id_matches(x->request->id, ids[i])) {
            continue;
        }
        /* not what is left of a run that failed */
        rc = hg_mark_find_backup(sink, pipeline, ids[i], err);
        if (rc == HANGAR_OK) {
            short_id_add(x, ids[i]);
        } else if (rc == HANGAR_NOT_FOUND) {
            hg_error_clear(err);
            rc = HANGAR_OK;
        }
    }
    hg_store_ids_free(ids, count);
    return rc;
}

static enum hangar_rc short_id_fail_ambiguous(const struct short_id_search *x, struct hg_error *err)
{
    struct hg_str list = {0};
    size_t shown = x->count < SHOWN_MATCHES ? x->count : SHOWN_MATCHES;
    for (size_t i = 0; i < shown; i++) {
        hg_str_addf(&list, "%s%s", i == 0 ? "" : i + 1 == x->count ? " and " : ", ", x->ids[i]);
    }
    if (x->count > shown) {
        hg_str_addf(&list, " and %s%zu more", x->count == MOST_MATCHES ? "at least " : "",
                    x->count - shown);
    }
    enum hangar_rc rc =
        hg_fail(err, HANGAR_CONFIG, 0, "%s is ambiguous: it matches %s; hint: give more of the id",
                x->request->id, hg_str_text(&list));
    hg_str_free(&list);
    return rc;
}

enum hangar_rc hg_short_id_find(struct hg_session *s, const struct hangar_selection *request,
                                char id[HG_BACKUP_ID_SIZE], struct hg_error *err)
{
    const struct hg_config *config = s->h->config;
    struct short_id_search x = {.s = s, .request = request};
    for (size_t p = 0; p < config->pipeline_count; p++) {
        const struct hg_pipeline_config *pc = &config->pipelines[p];
        if (request->pipeline && strcmp(request->pipeline, pc->name) != 0) {
            continue;
        }
        for (size_t i = 0; i < pc->sink_count; i++) {
            if (request->sink && strcmp(request->sink, config->instances[pc->sinks[i]].name) != 0) {
                continue;
            }
            struct hg_error why = {0};
            if (short_id_search_sink(&x, pc->name, pc->sinks[i], &why) != HANGAR_OK &&
                x.unread.rc == HANGAR_OK) {
                x.unread = why;
            }
        }
    }
    if (x.count > 1) {
        return short_id_fail_ambiguous(&x, err);
    }
    if (x.unread.rc != HANGAR_OK) { /* it may have another that matches */
        hg_error_clear(err);
        return hg_fail(err, x.unread.rc, 0, "%s may be ambiguous: %s; hint: give the whole id",
                       request->id, x.unread.text);
    }
    if (x.count == 0) {
        return hg_fail(err, HANGAR_NOT_FOUND, 0,
                       "there is no backup whose id begins or ends with %s; hint: `hangar list` "
                       "shows all backups",
                       request->id);
    }
    memcpy(id, x.ids[0], HG_BACKUP_ID_SIZE);
    return HANGAR_OK;
}
