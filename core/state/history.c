/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * history: see history.h.
 */
#include "state/history.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "state/journal.h"
#include "state/state.h"
#include "state/status_name.h"

/* As the journal has it, and documents. */
static json_t *history_run_json(const struct hg_history_run *run)
{
    json_t *line = json_object();
    hg_json_set_string(line, "run", run->run);
    hg_json_set_string(line, "id", run->id);
    hg_json_set_string(line, "status", hangar_status_name(run->status));
    hg_json_set_time(line, "started", run->started_ms);
    if (run->duration_ms >= 0) {
        hg_json_set_int(line, "duration_ms", run->duration_ms);
    }
    if (run->stored_bytes >= 0) {
        hg_json_set_int(line, "stored_bytes", run->stored_bytes);
    }
    if (run->retry_ms > 0) {
        hg_json_set_time(line, "retry", run->retry_ms);
    }
    if (run->error) {
        hg_json_set_string(line, "error", run->error);
    }
    return line;
}

json_t *hg_history_json(const struct hg_history_run *run)
{
    return run->exists ? history_run_json(run) : json_null();
}

void hg_history_append(const struct hg_state *state, const char *pipeline,
                       const struct hg_history_run *run)
{
    json_t *line = history_run_json(run);
    hg_journal_append(state, pipeline, line);
    json_decref(line);
}

void hg_history_append_apart(const struct hg_state *state, const char *pipeline, const char *suffix,
                             const struct hg_history_run *run)
{
    char *name = hg_format("%s%s", pipeline, suffix); /* a pipeline's name has no dot */
    if (name) {
        hg_history_append(state, name, run);
    }
    free(name);
}

/* Reads a line of a journal; NULL: there is none.  Takes no reference to it. */
static struct hg_history_run history_run_of(json_t *line)
{
    struct hg_history_run run = {.started_ms = -1, .duration_ms = -1, .stored_bytes = -1};
    run.retry_ms = -1;
    if (!line) {
        return run;
    }
    run.exists = true;
    run.line = line;
    run.run = hg_json_string(line, "run", NULL);
    run.id = hg_json_string(line, "id", NULL);
    run.status = hg_status_of_name(hg_json_string(line, "status", ""));
    run.error = hg_json_string(line, "error", NULL);
    hg_time_parse(hg_json_string(line, "started", ""), &run.started_ms);
    hg_time_parse(hg_json_string(line, "retry", ""), &run.retry_ms);
    run.duration_ms = hg_json_int(line, "duration_ms", -1);
    run.stored_bytes = hg_json_int(line, "stored_bytes", -1);
    return run;
}

enum hangar_rc hg_history_last(const struct hg_state *state, const char *pipeline,
                               struct hg_history_run *last, struct hg_error *err)
{
    json_t *line = NULL;
    enum hangar_rc rc = hg_journal_last(state, pipeline, &line, err);
    *last = history_run_of(line);
    return rc;
}

void hg_history_free(struct hg_history_run *run)
{
    json_decref(run->line);
    *run = (struct hg_history_run){0};
}

struct history_reader {
    void (*fn)(void *arg, const struct hg_history_run *run);
    void *arg;
};

static void history_read_line(void *arg, const json_t *line)
{
    const struct history_reader *reader = arg;
    const struct hg_history_run run = history_run_of((json_t *)(uintptr_t)line);
    reader->fn(reader->arg, &run);
}

enum hangar_rc hg_history_each(const struct hg_state *state, const char *pipeline,
                               const char *suffix,
                               void (*fn)(void *arg, const struct hg_history_run *run), void *arg,
                               struct hg_error *err)
{
    struct history_reader reader = {fn, arg};
    char *name = hg_format("%s%s", pipeline, suffix);
    enum hangar_rc rc =
        name ? hg_journal_each(state, name, history_read_line, &reader, err) : hg_no_memory(err);
    free(name);
    return rc;
}
