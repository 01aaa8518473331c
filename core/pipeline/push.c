/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * push: see push.h.
 */
#include "pipeline/push.h"

#include "base/thread.h"
#include "plugin/call.h"

/* An object that is being restored. */
struct hg_object_writer {
    struct hg_push *push;
    struct hangar_object *object;
};

static enum hangar_rc push_write_bytes(void *arg, const void *data, size_t size,
                                       struct hg_error *err)
{
    struct hg_object_writer *w = arg;
    struct hangar_ctx *ctx = w->push->source;
    enum hangar_rc rc = HG_CALL(ctx, err, ctx->plugin->source.restore_write(w->object, data, size));
    hg_instance_pace(ctx, size);
    pthread_mutex_lock(&w->push->mutex);
    w->push->plain_bytes += size;
    pthread_mutex_unlock(&w->push->mutex);
    return rc;
}

static enum hangar_rc push_restore_object(struct hg_push *push, size_t i, struct hg_error *err)
{
    struct hangar_ctx *ctx = push->source;
    const struct hangar_source *fn = &ctx->plugin->source;
    struct hg_object_writer w = {.push = push};
    enum hangar_rc rc = HG_CALL(ctx, err, fn->restore_open(ctx->inst, &push->infos[i], &w.object));
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = hg_decode(&push->from, &push->stored[i], push_write_bytes, &w, err);
    if (rc != HANGAR_OK) {
        HG_CALL_VOID(ctx, fn->restore_close(w.object, 0));
        return rc;
    }
    rc = HG_CALL(ctx, err, fn->restore_close(w.object, 1));
    pthread_mutex_lock(&push->mutex);
    push->objects_done++;
    push->stored_bytes += push->stored[i].stored_bytes;
    pthread_mutex_unlock(&push->mutex);
    return rc;
}

static void push_writer_main(void *arg, size_t n)
{
    (void)n;
    struct hg_push *push = arg;
    while (!hg_job_cancelled(push->job)) {
        pthread_mutex_lock(&push->mutex);
        size_t i = push->next < push->phase_end ? push->next++ : push->count;
        pthread_mutex_unlock(&push->mutex);
        if (i == push->count) {
            return;
        }
        struct hg_error err = {0};
        if (push_restore_object(push, i, &err) != HANGAR_OK) {
            hg_job_fail(push->job, &err);
        }
    }
}

static size_t push_count_writers(struct hg_push *push, size_t objects)
{
    struct hangar_ctx *ctx = push->source;
    size_t jobs = 1;
    if (ctx->plugin->source.jobs && ctx->threads == HANGAR_PARALLEL_HANDLES) {
        hg_call_begin(ctx);
        jobs = ctx->plugin->source.jobs(ctx->inst);
        hg_call_end(ctx, HANGAR_OK, NULL);
    }
    jobs = jobs == 0 ? 1 : jobs > 64 ? 64 : jobs;
    return jobs < objects ? jobs : objects;
}

static enum hangar_rc push_restore_phase(struct hg_push *push, struct hg_error *err)
{
    struct hangar_ctx *ctx = push->source;
    size_t first = push->next;
    uint32_t phase = push->infos[first].phase;
    push->phase_end = first;
    while (push->phase_end < push->count && push->infos[push->phase_end].phase == phase) {
        push->phase_end++;
    }
    if (!hg_thread_run_all(push_count_writers(push, push->phase_end - first), push_writer_main,
                           push)) {
        return hg_no_thread(err);
    }
    enum hangar_rc rc = hg_job_check(push->job, err);
    if (rc != HANGAR_OK || !ctx->plugin->source.restore_phase_end) {
        return rc;
    }
    return HG_CALL(ctx, err, ctx->plugin->source.restore_phase_end(ctx->inst, phase));
}

void hg_push_load(struct hg_push *push)
{
    struct hg_error err = {0};
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK && push->next < push->count) {
        rc = push_restore_phase(push, &err);
    }
    if (rc != HANGAR_OK) {
        hg_job_fail(push->job, &err);
    }
    pthread_mutex_lock(&push->mutex);
    push->done = true;
    pthread_mutex_unlock(&push->mutex);
}

void hg_push_end(struct hg_push *push, bool goes_on)
{
    struct hangar_ctx *ctx = push->source;
    const struct hangar_source *fn = &ctx->plugin->source;
    if (!goes_on && hg_job_cancelled(push->job)) {
        HG_CALL_CLEAR(ctx, fn->restore_end(ctx->inst, NULL));
        return;
    }
    hg_call_set_clearing(true); /* it may fail, and then clears up itself */
    struct hg_error err = {0};
    enum hangar_rc rc = HG_CALL(ctx, &err, fn->restore_end(ctx->inst, push->report));
    hg_call_set_clearing(false);
    push->restored = rc == HANGAR_OK;
    if (rc != HANGAR_OK && goes_on) {
        hg_job_record(push->job, &err);
    } else if (rc != HANGAR_OK) {
        hg_job_fail(push->job, &err);
    }
}
