/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * call: what stands around each call of a plugin: the lock of its thread model, and the error that
 * it records.
 */
#include "plugin/call.h"

/* The error that the plugin records during the current call of this thread. */
static _Thread_local struct hg_error call_error;
static _Thread_local bool clearing; /* a call of HG_CALL_CLEAR runs */

struct hg_error *hg_call_error(void)
{
    return &call_error;
}

void hg_call_set_clearing(bool is_clearing)
{
    clearing = is_clearing;
}

bool hg_call_is_clearing(void)
{
    return clearing;
}

void hg_call_begin(struct hangar_ctx *ctx)
{
    if (ctx->threads == HANGAR_SERIAL_PLUGIN) {
        /* the mutex is the only part of a loaded plugin that changes */
        pthread_mutex_lock((pthread_mutex_t *)&ctx->plugin->serial);
    } else if (ctx->threads == HANGAR_SERIAL_INSTANCE) {
        pthread_mutex_lock(&ctx->serial);
    }
    hg_error_clear(&call_error);
}

enum hangar_rc hg_call_end(struct hangar_ctx *ctx, enum hangar_rc rc, struct hg_error *err)
{
    if (ctx->threads == HANGAR_SERIAL_PLUGIN) {
        pthread_mutex_unlock((pthread_mutex_t *)&ctx->plugin->serial);
    } else if (ctx->threads == HANGAR_SERIAL_INSTANCE) {
        pthread_mutex_unlock(&ctx->serial);
    }
    hg_job_alive(ctx->job);
    if (rc == HANGAR_OK) {
        return rc;
    }
    if ((unsigned)rc > HANGAR_INTERNAL) {
        rc = hg_fail(err, HANGAR_INTERNAL, 0, "%s %s: plugin %s returned the unknown result %d",
                     ctx->kind, ctx->name, ctx->plugin->d.name, (int)rc);
    } else if (rc == HANGAR_EOF) {
        rc = hg_fail(err, HANGAR_INTERNAL, 0,
                     "%s %s: plugin %s returned HANGAR_EOF where it is not allowed", ctx->kind,
                     ctx->name, ctx->plugin->d.name);
    } else if (call_error.text[0]) {
        hg_fail(err, rc, 0, "%s %s: %s", ctx->kind, ctx->name, call_error.text);
    } else {
        hg_fail(err, rc, 0, "%s %s: %s (plugin %s gave no reason)", ctx->kind, ctx->name,
                hg_rc_text(rc), ctx->plugin->d.name);
    }
    return rc;
}

enum hangar_rc hg_call_end_eof(struct hangar_ctx *ctx, enum hangar_rc rc, struct hg_error *err)
{
    enum hangar_rc ended = hg_call_end(ctx, rc == HANGAR_EOF ? HANGAR_OK : rc, err);
    return rc == HANGAR_EOF ? rc : ended;
}
