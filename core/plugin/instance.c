/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * instance: see instance.h.
 */
#include "plugin/instance.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "plugin/host.h"

void hg_instance_cancel(struct hangar_ctx *ctx)
{
    if (!atomic_exchange(&ctx->cancelled, true)) {
        hg_job_wake(ctx->job);
        if (ctx->plugin->d.cancel) {
            ctx->plugin->d.cancel(ctx->inst);
        }
    }
}

static void instance_wake(void *arg)
{
    hg_instance_cancel(arg);
}

static uint32_t instance_thread_model(struct hangar_ctx *ctx)
{
    if (!ctx->plugin->d.threads) {
        return HANGAR_SERIAL_INSTANCE;
    }
    hg_call_begin(ctx);
    uint32_t model = ctx->plugin->d.threads(ctx->inst);
    hg_call_end(ctx, HANGAR_OK, NULL);
    return model <= HANGAR_PARALLEL_HANDLES ? model : HANGAR_SERIAL_PLUGIN;
}

enum hangar_rc hg_instance_open(struct hg_job *job, const struct hg_instance_spec *spec,
                                struct hangar_ctx **out, struct hg_error *err)
{
    struct hangar_ctx *ctx = calloc(1, sizeof(*ctx));
    if (!ctx || !(ctx->name = strdup(spec->name)) || pthread_mutex_init(&ctx->serial, NULL) != 0 ||
        pthread_mutex_init(&ctx->temp_mutex, NULL) != 0 ||
        pthread_mutex_init(&ctx->pace.mutex, NULL) != 0) {
        if (ctx) {
            free(ctx->name);
        }
        free(ctx);
        return hg_no_memory(err);
    }
    ctx->plugin = spec->plugin;
    ctx->kind = spec->kind;
    ctx->file = spec->file;
    ctx->options = spec->options;
    ctx->pace.bytes_per_second = spec->bytes_per_second;
    ctx->job = job;
    ctx->signing = spec->signing;
    ctx->threads = HANGAR_SERIAL_PLUGIN;
    void *inst = NULL;
    enum hangar_rc rc = HG_CALL(ctx, err, ctx->plugin->d.create(&hg_host, ctx, &inst));
    if (rc == HANGAR_OK && !inst) {
        rc = hg_fail(err, HANGAR_INTERNAL, 0, "%s %s: plugin %s created no instance", ctx->kind,
                     ctx->name, ctx->plugin->d.name);
    }
    if (rc != HANGAR_OK) {
        hg_instance_close(ctx);
        return rc;
    }
    ctx->inst = inst;
    ctx->threads = instance_thread_model(ctx);
    if (ctx->plugin->d.cancel) {
        ctx->hook = (struct hg_job_hook){.wake = instance_wake, .arg = ctx};
        hg_job_add_hook(job, &ctx->hook);
    }
    *out = ctx;
    return HANGAR_OK;
}

void hg_instance_close(struct hangar_ctx *ctx)
{
    if (!ctx) {
        return;
    }
    if (ctx->inst) {
        if (ctx->hook.wake) {
            hg_job_remove_hook(ctx->job, &ctx->hook);
        }
        ctx->threads = HANGAR_SERIAL_PLUGIN;
        HG_CALL_CLEAR(ctx, ctx->plugin->d.destroy(ctx->inst));
    }
    if (ctx->temp_dir) {
        hg_remove_tree(ctx->temp_dir, NULL);
        free(ctx->temp_dir);
    }
    pthread_mutex_destroy(&ctx->pace.mutex);
    pthread_mutex_destroy(&ctx->temp_mutex);
    pthread_mutex_destroy(&ctx->serial);
    free(ctx->name);
    free(ctx);
}

void hg_instance_pace(struct hangar_ctx *ctx, size_t bytes)
{
    hg_pace_wait(&ctx->pace, ctx->job, &ctx->cancelled, bytes);
}

const char *hg_instance_target(struct hangar_ctx *ctx)
{
    const char *target = ctx->plugin->d.describe ? ctx->plugin->d.describe(ctx->inst) : NULL;
    return target && target[0] ? target : ctx->plugin->d.name;
}
