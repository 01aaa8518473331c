/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run_report: the result of a run as a document and as a line of the history.
 */
#include "base/attrs.h"
#include "base/json.h"
#include "catalog/manifest.h"
#include "jobs/backup/run.h"

static json_t *run_source_document(const struct hg_manifest_source *s)
{
    json_t *one = json_object();
    hg_json_set_string(one, "name", s->name);
    hg_json_set_string(one, "plugin", s->plugin);
    hg_json_set_string(one, "target", s->target);
    uint64_t bytes = 0;
    for (size_t i = 0; i < s->count; i++) {
        bytes += s->objects[i].plain_bytes;
    }
    hg_json_set_int(one, "objects", (int64_t)s->count);
    hg_json_set_int(one, "plain_bytes", (int64_t)bytes);
    json_t *point = s->point ? hg_attrs_to_json(s->point) : json_object();
    hg_json_set_time(point, "time", s->point ? s->time_ms : -1);
    hg_json_set(one, "point", point);
    hg_json_set(one, "facts", s->facts ? hg_attrs_to_json(s->facts) : json_object());
    return one;
}

static json_t *run_sink_document(const struct hg_run_sink *s)
{
    json_t *one = json_object();
    hg_json_set_string(one, "name", s->config->name);
    hg_json_set_string(one, "plugin", s->config->plugin);
    hg_json_set_string(one, "target", s->target);
    hg_json_set_bool(one, "required", s->config->required);
    hg_json_set_string(one, "status", s->place.committed ? "done" : "failed");
    hg_json_set_int(one, "lag_ms", s->lag_ms);
    hg_json_set_bool(one, "caught_up", s->caught_up);
    if (s->error.rc != HANGAR_OK) {
        hg_json_set_string(one, "error", s->error.text);
    }
    return one;
}

/* A run that failed in one sink may have stored the backup in another. */
static bool run_has_backup(const struct hg_run *run)
{
    bool kept = false;
    for (size_t i = 0; i < run->sink_count; i++) {
        kept = kept || run->sinks[i].place.committed;
    }
    return kept;
}

void hg_run_document(const struct hg_run *run, json_t *doc)
{
    const struct hg_manifest *m = &run->result.manifest;
    hg_json_set_string(doc, "pipeline", run->request.pipeline->name);
    hg_json_set_string(doc, "run", run->run_id);
    hg_json_set_string(doc, "id", run_has_backup(run) ? run->result.id : NULL);
    if (m->id) { /* not before the manifest is begun */
        hg_json_set_string(doc, "kind", hg_backup_kind(m->safety, m->partial));
    }
    hg_tags_to_json(&run->request.tags, doc);
    hg_json_set_time(doc, "started", run->result.first_started_ms);
    hg_json_set_int(doc, "duration_ms", run->result.finished_ms - run->result.first_started_ms);
    hg_json_set_int(doc, "objects", (int64_t)hg_manifest_objects(m));
    hg_json_set_int(doc, "plain_bytes", (int64_t)hg_manifest_plain_bytes(m));
    hg_json_set_int(doc, "stored_bytes", (int64_t)hg_manifest_stored_bytes(m));
    hg_json_set_int(doc, "skew_ms", m->skew_ms);
    json_t *sources = json_array();
    for (size_t i = 0; i < m->source_count; i++) {
        hg_json_add(sources, run_source_document(&m->sources[i]));
    }
    hg_json_set(doc, "sources", sources);
    json_t *sinks = json_array();
    for (size_t i = 0; i < run->sink_count; i++) {
        hg_json_add(sinks, run_sink_document(&run->sinks[i]));
    }
    hg_json_set(doc, "sinks", sinks);
}

struct hg_history_run hg_run_history(const struct hg_run *run, enum hangar_status status,
                                     const struct hg_error *err)
{
    const struct hg_run_result *result = &run->result;
    return (struct hg_history_run){
        .run = run->run_id,
        .id = run_has_backup(run) ? result->id : NULL,
        .status = status,
        .error = err->text[0] ? err->text : NULL,
        .started_ms = result->first_started_ms,
        .duration_ms = result->finished_ms - result->first_started_ms,
        .stored_bytes = (int64_t)hg_manifest_stored_bytes(&result->manifest),
    };
}
