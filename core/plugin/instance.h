/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * instance: opens, cancels and closes one configured use of a plugin.
 */
#ifndef HG_PLUGIN_INSTANCE_H
#define HG_PLUGIN_INSTANCE_H

#include "plugin/call.h"
#include "plugin/context.h"

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

#endif
