/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * call: the calls of the functions of an instance: with the locks that its thread model needs, and
 * with the errors that it records.
 */
#ifndef HG_PLUGIN_CALL_H
#define HG_PLUGIN_CALL_H

#include "plugin/context.h"

/*
 * A call of a plugin:
 *
 *     rc = HG_CALL(ctx, err, ctx->plugin->sink.stat(ctx->inst, name, &entry));
 *
 * It holds the locks of the thread model during the call.  On failure it records
 * in err the error of the plugin after "source app_db: ", or that the plugin gave
 * no reason.  Only HG_CALL_EOF may return HANGAR_EOF: elsewhere it is an error of
 * the plugin.
 */
#define HG_CALL(ctx, err, call) hg_call_end((ctx), (hg_call_begin(ctx), (call)), (err))
#define HG_CALL_EOF(ctx, err, call) hg_call_end_eof((ctx), (hg_call_begin(ctx), (call)), (err))
void hg_call_begin(struct hangar_ctx *ctx);
struct hg_error *hg_call_error(void); /* the error that the plugin records in this thread */
enum hangar_rc hg_call_end(struct hangar_ctx *ctx, enum hangar_rc rc, struct hg_error *err);
enum hangar_rc hg_call_end_eof(struct hangar_ctx *ctx, enum hangar_rc rc, struct hg_error *err);

/* The same around functions that return nothing or a value. */
#define HG_CALL_VOID(ctx, call)                                                                    \
    (hg_call_begin(ctx), (call), (void)hg_call_end((ctx), HANGAR_OK, NULL))

/* HG_CALL_VOID around a function that removes what a job has not finished.  What the plugin warns
 * of in such a call is left over. */
#define HG_CALL_CLEAR(ctx, call)                                                                   \
    (hg_call_set_clearing(true), HG_CALL_VOID(ctx, call), hg_call_set_clearing(false))
void hg_call_set_clearing(bool clearing); /* in this thread */
bool hg_call_is_clearing(void);

#endif
