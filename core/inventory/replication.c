/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * replication: see replication.h.
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

#define REPLICATION_THREADS_MAX 8
#define REPLICATION_BUFFER_BYTES ((size_t)256 << 10) /* of the decoder, for each thread */

/* ---- the list ---- */

static void replication_add(struct hg_replication *r, const char *name, uint64_t bytes,
                            const char *sha256)
{
    r->items[r->count++] = (struct hg_replication_item){name, bytes, sha256};
}

static enum hangar_rc replication_list(struct hg_replication *r, struct hg_error *err)
{
    const struct hg_manifest *m = r->manifest;
    uint64_t bytes = 0;
    size_t n = 0; /* in the order of the manifest */
    r->items = calloc(hg_manifest_objects(m) + m->file_count + 1, sizeof(*r->items));
    if (!r->items) {
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count; k++, n++) {
            const struct hg_manifest_object *o = &m->sources[i].objects[k];
            if (r->good ? !r->good[n] : !r->has || !r->has(r->arg, i, k)) {
                replication_add(r, o->stored, o->stored_bytes, o->stored_sha256);
                bytes += o->stored_bytes;
            }
        }
    }
    atomic_store(&r->expected_bytes, bytes);
    atomic_store(&r->objects, r->count);
    for (size_t i = 0; r->files && i < m->file_count; i++, n++) {
        if (r->good && r->good[n]) {
            continue;
        }
        replication_add(r, m->files[i].name, m->files[i].bytes, m->files[i].sha256);
    }
    return HANGAR_OK;
}

/* ---- one object ---- */

struct replication_put {
    struct hg_replication *replication;
    struct hangar_put *put;
};

static bool replication_has_failed(struct hg_replication *r)
{
    pthread_mutex_lock(&r->mutex);
    bool failed = r->first.rc != HANGAR_OK;
    pthread_mutex_unlock(&r->mutex);
    return failed;
}

static enum hangar_rc replication_write(void *arg, const void *data, size_t size,
                                        struct hg_error *err)
{
    struct replication_put *p = arg;
    struct hangar_ctx *to = p->replication->to;
    if (replication_has_failed(p->replication)) {
        return hg_fail(err, HANGAR_CANCELLED, 0, "another object could not be copied");
    }
    enum hangar_rc rc = HG_CALL(to, err, to->plugin->sink.put_write(p->put, data, size));
    hg_instance_pace(to, size);
    if (rc == HANGAR_OK) {
        atomic_fetch_add(&p->replication->done_bytes, size);
    }
    return rc;
}

static enum hangar_rc replication_copy(struct hg_replication *r,
                                       const struct hg_replication_item *item, struct hg_error *err)
{
    struct hangar_ctx *to = r->to;
    struct replication_put p = {.replication = r};
    char *path = hg_store_path(r->manifest->pipeline, r->manifest->id, item->name);
    enum hangar_rc rc =
        path ? HG_CALL(to, err, to->plugin->sink.put_open(to->inst, path, item->bytes, 0, &p.put))
             : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        struct hg_stored_object stored = {
            .path = path, .stored_bytes = item->bytes, .stored_sha256 = item->sha256};
        rc = hg_decode_stored(r->from, &stored, replication_write, &p, err);
        if (rc != HANGAR_OK) {
            HG_CALL_CLEAR(to, to->plugin->sink.put_abort(p.put));
        } else {
            struct hangar_entry entry = {.struct_size = sizeof(entry)};
            rc = HG_CALL(to, err, to->plugin->sink.put_commit(p.put, &entry));
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

/* ---- all objects ---- */

static void replication_main(void *arg, size_t n)
{
    (void)n;
    struct hg_replication *r = arg;
    for (;;) {
        pthread_mutex_lock(&r->mutex);
        size_t i = r->first.rc == HANGAR_OK && r->next < r->count ? r->next++ : r->count;
        pthread_mutex_unlock(&r->mutex);
        if (i == r->count) {
            return;
        }
        struct hg_error err = {0};
        if (hg_job_check(r->to->job, &err) == HANGAR_OK &&
            replication_copy(r, &r->items[i], &err) == HANGAR_OK) {
            atomic_fetch_add(&r->done_objects, i < atomic_load(&r->objects));
            continue;
        }
        pthread_mutex_lock(&r->mutex);
        if (r->first.rc == HANGAR_OK) {
            r->first = err;
        }
        pthread_mutex_unlock(&r->mutex);
    }
}

/* As many as the sink accepts and the memory of the job allows, at least one. */
static size_t replication_count_threads(struct hg_replication *r, size_t *memory)
{
    const struct hangar_sink *fn = &r->to->plugin->sink;
    uint32_t most = REPLICATION_THREADS_MAX;
    if (fn->max_open_puts) {
        hg_call_begin(r->to);
        uint32_t puts = fn->max_open_puts(r->to->inst);
        hg_call_end(r->to, HANGAR_OK, NULL);
        puts = puts > 1 ? puts - 1 : 1; /* one put stays free for the renewal of run.json */
        most = puts < most ? puts : most;
    }
    size_t threads = most < r->count ? most : r->count;
    *memory = hg_job_budget_take(r->to->job, threads * REPLICATION_BUFFER_BYTES, 0);
    size_t paid = *memory / REPLICATION_BUFFER_BYTES;
    threads = paid < threads ? paid : threads;
    return threads > 0 ? threads : 1;
}

enum hangar_rc hg_replication_run(struct hg_replication *r, struct hg_error *err)
{
    enum hangar_rc rc = replication_list(r, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    pthread_mutex_init(&r->mutex, NULL);
    r->next = 0;
    r->first = (struct hg_error){0};
    size_t memory = 0;
    if (!hg_thread_run_all(replication_count_threads(r, &memory), replication_main, r)) {
        r->first = (struct hg_error){0};
        hg_no_thread(&r->first);
    }
    hg_job_budget_give(r->to->job, memory);
    pthread_mutex_destroy(&r->mutex);
    free(r->items);
    if (r->first.rc != HANGAR_OK) {
        *err = r->first;
    }
    return r->first.rc;
}
