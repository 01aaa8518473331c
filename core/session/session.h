/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * session: the instances that one job opens, with their secrets, and closes together.
 */
#ifndef HG_SESSION_SESSION_H
#define HG_SESSION_SESSION_H

#include "base/error.h"
#include "catalog/manifest.h"
#include "config/config.h"
#include "config/options.h"
#include "plugin/job.h"

#define HG_SESSION_MAX 128
#define HG_SOURCES_MAX 32 /* of a pipeline */

struct hg_session {
    struct hangar *h;
    struct hg_job job;
    const struct hg_signing *signing; /* the keys of manifests; NULL: they are not signed */
    struct hg_session_instance {
        struct hangar_ctx *ctx;
        struct hg_options options;               /* with secrets */
        const struct hg_instance_config *config; /* NULL: opened with overrides, or it is not
                                                    in the configuration */
    } open[HG_SESSION_MAX];
    size_t count;
};

/* Begins a job.  stall_ms replaces the configured stall_timeout, unless it is 0.  on_tick (may
 * be NULL) is called four times a second in the monitor thread. */
enum hangar_rc hg_session_begin(struct hg_session *s, struct hangar *h, int64_t stall_ms,
                                void (*on_tick)(void *arg), void *arg, struct hg_error *err);
/* The same for a job that neither signs nor checks signatures. */
enum hangar_rc hg_session_begin_keyless(struct hg_session *s, struct hangar *h,
                                        struct hg_error *err);
/* The same for work after a job that has ended, such as notifications: it needs no key, and
 * hangar_cancel does not cancel it. */
enum hangar_rc hg_session_begin_apart(struct hg_session *s, struct hangar *h, int64_t stall_ms,
                                      struct hg_error *err);
/* Turns the result of a step into that of the job.  OK stays OK.  If the job was cancelled, the
 * result is the failure that cancelled it, or CANCELLED if the caller did that; also if the
 * monitor has not seen the caller's request yet. */
enum hangar_rc hg_session_result(struct hg_session *s, enum hangar_rc rc, struct hg_error *err);
/* Closes the instances that were opened last, until `count` are open. */
void hg_session_close_from(struct hg_session *s, size_t count);
/* Closes all instances, the last first, and ends the job. */
void hg_session_end(struct hg_session *s);

/* Opens the instance with this index in the configuration.  Without overrides, an instance
 * that is open already is returned again, unless it was cancelled. */
enum hangar_rc hg_session_open(struct hg_session *s, size_t instance,
                               const struct hg_override *overrides, size_t override_count,
                               struct hangar_ctx **out, struct hg_error *err);

/* Opens a source with the options under `scratch:`, which it must have, over its own. */
enum hangar_rc hg_session_open_scratch(struct hg_session *s, size_t instance,
                                       struct hangar_ctx **out, struct hg_error *err);

/* Opens the transforms that decode a backup, in the order of encoding: for each the configured
 * instance of its name and plugin, else another instance of the plugin, else the plugin with
 * its defaults. */
enum hangar_rc hg_session_chain(struct hg_session *s, const struct hg_manifest *m,
                                struct hangar_ctx **chain, struct hg_error *err);

/* The number of worker threads of a job: `limits: workers`, else one per processor, at most
 * 16. */
size_t hg_workers(const struct hg_config *config);

#endif
