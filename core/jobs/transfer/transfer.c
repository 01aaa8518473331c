/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * transfer: see transfer.h.
 */
#include "jobs/transfer/transfer.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "catalog/manifest.h"
#include "session/handle.h"
#include "session/progress.h"
#include "session/session.h"

/* How a job is called. */
static const struct transfer_words {
    const char *job, *done, *failed; /* its name; the events in the log */
    const char *direction;           /* of the backup, before the name of its sink */
} transfer_words[] = {
    [HG_EXPORT] = {"export", "export.done", "export.failed", "from"},
    [HG_IMPORT] = {"import", "import.done", "import.failed", "into"},
};

static void transfer_on_tick(void *arg)
{
    struct hg_transfer *t = arg;
    struct hg_progress progress;
    struct hangar_progress *p = &progress.values;
    const char *job = transfer_words[t->job].job;
    if (!hg_progress_begin(&progress, &t->session, job, job, t->started_ms)) {
        return;
    }
    p->plain_bytes = p->stored_bytes = atomic_load(&t->done_bytes);
    p->expected_bytes = atomic_load(&t->expected_bytes);
    p->objects_done = atomic_load(&t->done_objects);
    p->objects_total = atomic_load(&t->objects);
    hg_progress_report(&progress, &t->session);
}

enum hangar_rc hg_transfer_begin(struct hg_transfer *t, struct hangar *h, enum hg_transfer_job job,
                                 struct hg_error *err)
{
    t->h = h;
    t->job = job;
    t->started_ms = hg_now_ms();
    return hg_session_begin(&t->session, h, 0, transfer_on_tick, t, err);
}

enum hangar_rc hg_transfer_end(struct hg_transfer *t, enum hangar_rc rc, struct hg_error *err)
{
    rc = hg_session_result(&t->session, rc, err);
    hg_session_end(&t->session);
    return rc;
}

void hg_transfer_expect(struct hg_transfer *t, const struct hg_manifest *m)
{
    atomic_store(&t->expected_bytes, hg_manifest_stored_bytes(m));
    atomic_store(&t->objects, hg_manifest_objects(m));
}

void hg_transfer_report(const struct hg_transfer *t, json_t *doc, const struct hg_manifest *m,
                        enum hangar_rc rc, const struct hg_error *err)
{
    int64_t ms = hg_now_ms() - t->started_ms;
    const struct transfer_words *words = &transfer_words[t->job];
    if (rc == HANGAR_OK) {
        hg_log_took(&t->h->log, HANGAR_LOG_INFO, words->done, ms, "%s %s sink %s in %lld ms", m->id,
                    words->direction, t->sink, (long long)ms);
    } else {
        hg_log_took(&t->h->log, HANGAR_LOG_ERROR, words->failed, ms, "after %lld ms: %s",
                    (long long)ms, err->text);
    }
    hg_json_set_string(doc, "id", m->id);
    hg_json_set_string(doc, "pipeline", m->pipeline);
    hg_json_set_string(doc, "sink", t->sink);
    hg_json_set_int(doc, "objects", (int64_t)atomic_load(&t->done_objects));
    hg_json_set_int(doc, "stored_bytes", (int64_t)atomic_load(&t->done_bytes));
    hg_json_set_int(doc, "bytes", (int64_t)t->archive_bytes);
    hg_json_set_int(doc, "duration_ms", ms);
}
