/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * instance: one configured use of a plugin, and how the core calls it: with the
 * locks its thread model asks for, and with what it says about errors.
 */
#ifndef HG_INSTANCE_H
#define HG_INSTANCE_H

#include "config/options.h"
#include "plugin/job.h"
#include "plugin/loader.h"
#include "plugin/pace.h"

/* The core's side of an instance: what a plugin knows as its ctx. */
struct hangar_ctx {
    const struct hg_plugin *plugin;
    const char *kind; /* "source", for messages */
    char *name;       /* in the configuration */
    const char *file; /* the configuration's, for fail_option; may be NULL */
    const struct hg_options *options;
    struct hg_job *job;
    void *inst;            /* the plugin's; NULL until created */
    uint32_t threads;      /* enum hangar_threads */
    atomic_bool cancelled; /* it alone, or with the job: the plugin has been told once */
    pthread_mutex_t serial;
    struct hg_job_hook hook;
    pthread_mutex_t temp_mutex; /* guards temp_dir; may be held while the job's are taken */
    char *temp_dir;
    struct hg_pace pace;
    struct hg_error list_error; /* of a sink that could not be listed (page.h) */
};

/* What an instance is made of; everything is the caller's and outlives it. */
struct hg_instance_spec {
    const struct hg_plugin *plugin;
    const char *kind, *name, *file;
    const struct hg_options *options;
    int64_t bytes_per_second; /* that may pass through it, 0: no limit */
};

/* Creates the plugin's instance within a job; the job's cancellation reaches it. */
enum hangar_rc hg_instance_open(struct hg_job *job, const struct hg_instance_spec *spec,
                                struct hangar_ctx **out, struct hg_error *err);
void hg_instance_close(struct hangar_ctx *ctx);

/* Ends what this instance waits for, now and later, and leaves the job alone. */
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
 * takes the locks of the thread model around it, and on failure moves what the
 * plugin said (or that it said nothing) into err, after "source app_db: ".
 * HANGAR_EOF is a result of HG_CALL_EOF only: elsewhere a plugin must not return it.
 */
#define HG_CALL(ctx, err, call) hg_call_end((ctx), (hg_call_begin(ctx), (call)), (err))
#define HG_CALL_EOF(ctx, err, call) hg_call_end_eof((ctx), (hg_call_begin(ctx), (call)), (err))
void hg_call_begin(struct hangar_ctx *ctx);
struct hg_error *hg_call_said(void); /* what the plugin said on this thread; for the host */
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
