/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * instance: one configured use of a plugin, and the calls of its functions: with the
 * locks that its thread model needs, and with the errors that it records.
 */
#ifndef HG_INSTANCE_H
#define HG_INSTANCE_H

#include "config/options.h"
#include "plugin/job.h"
#include "plugin/loader.h"
#include "plugin/pace.h"

struct hg_signing;

/* The core's side of an instance: the `ctx` of the ABI. */
struct hangar_ctx {
    const struct hg_plugin *plugin;
    const char *kind; /* "source", for messages */
    char *name;       /* in the configuration */
    const char *file; /* the configuration's, for fail_option; may be NULL */
    const struct hg_options *options;
    struct hg_job *job;
    void *inst;            /* the plugin's; NULL until created */
    uint32_t threads;      /* enum hangar_threads */
    atomic_bool cancelled; /* alone or with the job; the plugin's cancel was called */
    pthread_mutex_t serial;
    struct hg_job_hook hook;
    pthread_mutex_t temp_mutex; /* guards temp_dir; may be held while the job's are taken */
    char *temp_dir;
    struct hg_pace pace;
    /* Of a sink: manifests read from it must be signed with one of these keys; NULL: signatures
     * are not checked (catalog/store.h). */
    const struct hg_signing *signing;
    struct hg_error list_error; /* of a sink that could not be listed (page.h) */
};

/* All pointers belong to the caller and must outlive the instance. */
struct hg_instance_spec {
    const struct hg_plugin *plugin;
    const char *kind, *name, *file;
    const struct hg_options *options;
    int64_t bytes_per_second;         /* limit of the bytes that it moves; 0: none */
    const struct hg_signing *signing; /* of a sink: see struct hangar_ctx */
};

/* Creates an instance within a job; cancelling the job cancels it, too. */
enum hangar_rc hg_instance_open(struct hg_job *job, const struct hg_instance_spec *spec,
                                struct hangar_ctx **out, struct hg_error *err);
void hg_instance_close(struct hangar_ctx *ctx);

/* Ends all waits of this instance, now and later; the job continues. */
void hg_instance_cancel(struct hangar_ctx *ctx);

/* Counts bytes that the instance moved, and waits as its rate_limit asks; see pace.h. */
void hg_instance_pace(struct hangar_ctx *ctx, size_t bytes);

/* "PostgreSQL database shop on db1:5432", or the plugin's name. */
const char *hg_instance_target(struct hangar_ctx *ctx);

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

/* The host's table. */
extern const struct hangar_host hg_host;

/* The core's definition of the ABI's opaque text; that of struct hangar_attrs is in
 * base/attrs.h. */
struct hangar_text {
    struct hg_str str;
};

#endif
