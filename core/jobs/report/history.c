/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * history: the last jobs of the pipelines on this machine, from the journals of the state folder:
 * backups, restores and verifications.  It reads no sink.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"
#include "config/config.h"
#include "inventory/verification_memory.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "state/history.h"
#include "state/journal.h"

/* The jobs that were read so far. */
struct past_jobs {
    struct past_job {
        int64_t time_ms;
        size_t number; /* in the order of reading: jobs of one time stay in it */
        json_t *doc;
    } *items;
    size_t count, capacity;
    const char *pipeline;
    bool failed;
};

/* Adds a line of a journal as the document shows it. */
static void past_add(struct past_jobs *jobs, const char *job, const char *time, const json_t *line)
{
    int64_t time_ms;
    if (!hg_time_parse(time, &time_ms)) {
        return;
    }
    if (!HG_VEC_RESERVE(jobs)) {
        jobs->failed = true;
        return;
    }
    json_t *doc = json_object();
    hg_json_set_time(doc, "time", time_ms);
    hg_json_set_string(doc, "job", job);
    hg_json_set_string(doc, "pipeline", jobs->pipeline);
    hg_json_set_string(doc, "status", hg_json_string(line, "status", "failed"));
    hg_json_set_string(doc, "id", hg_json_string(line, "id", NULL));
    hg_json_set_string(doc, "sink", hg_json_string(line, "sink", NULL));
    hg_json_set_string(doc, "run", hg_json_string(line, "run", NULL));
    const json_t *duration = json_object_get(line, "duration_ms");
    hg_json_set(doc, "duration_ms",
                json_is_integer(duration) ? json_integer(json_integer_value(duration))
                                          : json_null());
    hg_json_set_string(doc, "retry", hg_json_string(line, "retry", NULL));
    hg_json_set_string(doc, "error", hg_json_string(line, "error", NULL));
    jobs->items[jobs->count] =
        (struct past_job){.time_ms = time_ms, .number = jobs->count, .doc = doc};
    jobs->count++;
}

static void past_add_backup(void *arg, const json_t *line)
{
    past_add(arg, "backup", hg_json_string(line, "started", ""), line);
}

static void past_add_partial(void *arg, const json_t *line)
{
    past_add(arg, "partial", hg_json_string(line, "started", ""), line);
}

static void past_add_restore(void *arg, const json_t *line)
{
    past_add(arg, "restore", hg_json_string(line, "started", ""), line);
}

static void past_add_verification(void *arg, const json_t *line)
{
    enum hangar_verify_level level;
    const bool drill = hg_verify_level_of_name(hg_json_string(line, "level", ""), &level) &&
                       level == HANGAR_VERIFY_DRILL;
    past_add(arg, drill ? "drill" : "verify", hg_json_string(line, "time", ""), line);
}

/* Reads all histories of jobs->pipeline. */
static enum hangar_rc past_read(struct past_jobs *jobs, const struct hg_state *state,
                                struct hg_error *err)
{
    static const struct {
        const char *suffix;
        void (*add)(void *arg, const json_t *line);
    } all[] = {{"", past_add_backup},
               {HG_HISTORY_PARTIAL, past_add_partial},
               {HG_HISTORY_VERIFY, past_add_verification},
               {HG_HISTORY_RESTORES, past_add_restore}};
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && rc == HANGAR_OK; i++) {
        char *name = hg_format("%s%s", jobs->pipeline, all[i].suffix);
        rc = name ? hg_journal_each(state, name, all[i].add, jobs, err) : hg_no_memory(err);
        free(name);
    }
    return rc;
}

static int past_compare(const void *a, const void *b)
{
    const struct past_job *x = a, *y = b;
    if (x->time_ms != y->time_ms) {
        return x->time_ms < y->time_ms ? 1 : -1;
    }
    return x->number < y->number ? 1 : -1;
}

enum hangar_status hangar_history(struct hangar *h, const char *pipeline, uint32_t last,
                                  char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.history/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    struct past_jobs jobs = {0};
    json_t *list = json_array();
    enum hangar_rc rc = hg_check_names(h->config, pipeline, NULL, &err);
    for (size_t p = 0; rc == HANGAR_OK && p < h->config->pipeline_count; p++) {
        jobs.pipeline = h->config->pipelines[p].name;
        if (!pipeline || strcmp(pipeline, jobs.pipeline) == 0) {
            rc = past_read(&jobs, &h->state, &err);
        }
    }
    if (jobs.count) {
        qsort(jobs.items, jobs.count, sizeof(*jobs.items), past_compare);
    }
    for (size_t i = 0; i < jobs.count; i++) {
        if (last == 0 || i < last) {
            hg_json_add(list, json_incref(jobs.items[i].doc));
        }
        json_decref(jobs.items[i].doc);
    }
    free(jobs.items);
    hg_json_set(doc, "jobs", list);
    rc = rc == HANGAR_OK && jobs.failed ? hg_no_memory(&err) : rc;
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
