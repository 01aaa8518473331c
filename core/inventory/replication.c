/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * copying: see copying.h.
 */
#include "inventory/replication.h"

#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "base/error.h"
#include "catalog/manifest.h"
#include "catalog/store.h"
#include "pipeline/decode.h"
#include "plugin/instance.h"
#include "plugin/job.h"

enum { MOST_AT_ONCE = 8, BUFFER = 256 << 10 }; /* the buffer is the decoder's */

/* ---- what there is to copy ---- */

static void add(struct hg_replication *c, const char *name, uint64_t bytes, const char *sha256)
{
    c->items[c->count++] = (struct hg_replication_item){name, bytes, sha256};
}

static enum hangar_rc list_items(struct hg_replication *c, struct hg_error *err)
{
    const struct hg_manifest *m = c->manifest;
    uint64_t bytes = 0;
    c->items = calloc(hg_manifest_objects(m) + m->file_count + 1, sizeof(*c->items));
    if (!c->items) {
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count; k++) {
            const struct hg_manifest_object *o = &m->sources[i].objects[k];
            if (!c->has || !c->has(c->arg, i, k)) {
                add(c, o->stored, o->stored_bytes, o->stored_sha256);
                bytes += o->stored_bytes;
            }
        }
    }
    atomic_store(&c->expected_bytes, bytes);
    atomic_store(&c->objects, c->count);
    for (size_t i = 0; c->files && i < m->file_count; i++) {
        add(c, m->files[i].name, m->files[i].bytes, m->files[i].sha256);
    }
    return HANGAR_OK;
}

/* ---- one object ---- */

struct writing {
    struct hg_replication *c;
    struct hangar_put *put;
};

static bool has_failed(struct hg_replication *c)
{
    pthread_mutex_lock(&c->mutex);
    bool failed = c->first.rc != HANGAR_OK;
    pthread_mutex_unlock(&c->mutex);
    return failed;
}

static enum hangar_rc write_some(void *arg, const void *data, size_t size, struct hg_error *err)
{
    struct writing *w = arg;
    struct hangar_ctx *to = w->c->to;
    if (has_failed(w->c)) {
        return hg_fail(err, HANGAR_CANCELLED, 0, "another object could not be copied");
    }
    enum hangar_rc rc = HG_CALL(to, err, to->plugin->sink.put_write(w->put, data, size));
    hg_instance_pace(to, size);
    if (rc == HANGAR_OK) {
        atomic_fetch_add(&w->c->done_bytes, size);
    }
    return rc;
}

static enum hangar_rc copy_item(struct hg_replication *c, const struct hg_replication_item *item,
                                struct hg_error *err)
{
    struct hangar_ctx *to = c->to;
    struct writing w = {.c = c};
    char *path = hg_store_path(c->manifest->pipeline, c->manifest->id, item->name);
    enum hangar_rc rc =
        path ? HG_CALL(to, err, to->plugin->sink.put_open(to->inst, path, item->bytes, 0, &w.put))
             : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        struct hg_stored stored = {
            .path = path, .stored_bytes = item->bytes, .stored_sha256 = item->sha256};
        rc = hg_decode_stored(c->from, &stored, write_some, &w, err);
        if (rc != HANGAR_OK) {
            HG_CALL_VOID(to, to->plugin->sink.put_abort(w.put));
        } else {
            struct hangar_entry entry = {.struct_size = sizeof(entry)};
            rc = HG_CALL(to, err, to->plugin->sink.put_commit(w.put, &entry));
            if (rc == HANGAR_OK && entry.size != item->bytes) {
                rc = hg_fail(err, HANGAR_CORRUPT, 0,
                             "sink %s: stored size of %s is %llu bytes (expected %llu)", to->name,
                             path, (unsigned long long)entry.size, (unsigned long long)item->bytes);
            }
        }
    }
    free(path);
    return rc;
}

/* ---- all of them ---- */

static void copy_some(void *arg, size_t n)
{
    (void)n;
    struct hg_replication *c = arg;
    for (;;) {
        pthread_mutex_lock(&c->mutex);
        size_t i = c->first.rc == HANGAR_OK && c->next < c->count ? c->next++ : c->count;
        pthread_mutex_unlock(&c->mutex);
        if (i == c->count) {
            return;
        }
        struct hg_error err = {0};
        if (hg_job_cancelled(c->to->job)) {
            hg_fail(&err, HANGAR_CANCELLED, 0, "interrupted");
        } else if (copy_item(c, &c->items[i], &err) == HANGAR_OK) {
            atomic_fetch_add(&c->done_objects, i < atomic_load(&c->objects));
            continue;
        }
        pthread_mutex_lock(&c->mutex);
        if (c->first.rc == HANGAR_OK) {
            c->first = err;
        }
        pthread_mutex_unlock(&c->mutex);
    }
}

/* So many at once as the sink takes and the memory allows. */
static size_t count_threads(struct hg_replication *c, size_t *memory)
{
    const struct hangar_sink *fn = &c->to->plugin->sink;
    uint32_t most = MOST_AT_ONCE;
    if (fn->max_open_puts) {
        hg_call_begin(c->to);
        uint32_t puts = fn->max_open_puts(c->to->inst);
        hg_call_end(c->to, HANGAR_OK, NULL);
        puts = puts > 1 ? puts - 1 : 1; /* one is left for the mark that says we are alive */
        most = puts < most ? puts : most;
    }
    size_t threads = most < c->count ? most : c->count;
    *memory = hg_job_budget_take(c->to->job, threads * BUFFER, 0);
    size_t paid = *memory / BUFFER;
    threads = paid < threads ? paid : threads;
    return threads > 0 ? threads : 1;
}

enum hangar_rc hg_replication_run(struct hg_replication *c, struct hg_error *err)
{
    size_t memory = 0;
    enum hangar_rc rc = list_items(c, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    pthread_mutex_init(&c->mutex, NULL);
    c->next = 0;
    c->first = (struct hg_error){0};
    if (!hg_thread_run_all(count_threads(c, &memory), copy_some, c)) {
        c->first = (struct hg_error){0};
        hg_fail(&c->first, HANGAR_NO_MEMORY, 0, "cannot start a thread");
    }
    hg_job_budget_give(c->to->job, memory);
    pthread_mutex_destroy(&c->mutex);
    free(c->items);
    if (c->first.rc != HANGAR_OK) {
        *err = c->first;
    }
    return c->first.rc;
}
