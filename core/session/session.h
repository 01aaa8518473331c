/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * session: the instances that one job uses, opened with their secrets and closed
 * together.
 */
#ifndef HG_SESSION_SESSION_H
#define HG_SESSION_SESSION_H

#include "base/error.h"
#include "catalog/manifest.h"
#include "config/config.h"
#include "config/options.h"
#include "plugin/job.h"

#define HG_SESSION_MAX 128
#define HG_MAX_SOURCES 32 /* of a pipeline */

struct hg_session {
    struct hangar *h;
    struct hg_job job;
    const struct hg_signing *signing; /* the keys of manifests; NULL: they are not signed */
    struct hg_session_instance {
        struct hangar_ctx *ctx;
        struct hg_options options; /* with secrets */
        const struct hg_instance_config
            *config; /* as it stands there; NULL: overridden, or of none */
    } open[HG_SESSION_MAX];
    size_t count;
};

/* stall_ms 0: as configured. */
enum hangar_rc hg_session_begin(struct hg_session *s, struct hangar *h, int64_t stall_ms,
                                void (*on_tick)(void *arg), void *arg, struct hg_error *err);
/* One that neither signs nor looks at signatures. */
enum hangar_rc hg_session_begin_keyless(struct hg_session *s, struct hangar *h,
                                        struct hg_error *err);
/* One that tells of a job that has ended: it needs no key, and a job's being
 * cancelled does not reach it. */
enum hangar_rc hg_session_begin_apart(struct hg_session *s, struct hangar *h, int64_t stall_ms,
                                      struct hg_error *err);
/* Turns the result of a step into that of the job: OK stays OK.  When the job was cancelled,
 * the result is the failure that cancelled it, or CANCELLED when the caller did; a failure that
 * comes between the caller's request and the end of the job is CANCELLED, too. */
enum hangar_rc hg_session_result(struct hg_session *s, enum hangar_rc rc, struct hg_error *err);
/* Closes the instances that were opened last, until `count` are open. */
void hg_session_close_from(struct hg_session *s, size_t count);
/* Closes all instances, the last first, and ends the job. */
void hg_session_end(struct hg_session *s);

/* Opens the instance with this index in the configuration.  Without overrides, an instance
 * that is open already is given again, unless it was cancelled. */
enum hangar_rc hg_session_open(struct hg_session *s, size_t instance,
                               const struct hg_override *overrides, size_t override_count,
                               struct hangar_ctx **out, struct hg_error *err);

/* Opens one more of it, that shares nothing with the first. */
enum hangar_rc hg_session_open_second(struct hg_session *s, size_t instance,
                                      struct hangar_ctx **out, struct hg_error *err);

/* The same with what stands under `scratch:` over its options; there must be such. */
enum hangar_rc hg_session_open_scratch(struct hg_session *s, size_t instance,
                                       struct hangar_ctx **out, struct hg_error *err);

/* The transforms that decode a backup, in the order of encoding: the configured
 * instance of that name and plugin, else one of that plugin, else its defaults. */
enum hangar_rc hg_session_chain(struct hg_session *s, const struct hg_manifest *m,
                                struct hangar_ctx **chain, struct hg_error *err);

/* The number of worker threads of a job: `limits: workers`, else one per processor, at most
 * 16. */
size_t hg_workers(const struct hg_config *config);

#endif
