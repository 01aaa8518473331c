/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * handle: what is behind struct hangar, and what the jobs on it share: opening
 * instances, errors and statuses, the state folder, choosing a backup.
 */
#ifndef HG_SESSION_HANDLE_H
#define HG_SESSION_HANDLE_H

#include <stdatomic.h>
#include <hangar/hangar.h>
#include "base/json.h"
#include "base/log.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "config/config.h"
#include "plugin/instance.h"

struct hangar {
    struct hangar_settings set; /* its strings are not ours past hangar_open */
    struct hg_log log;
    struct hg_str *capture; /* check: warnings go here too; under the log's mutex */
    atomic_bool cancel;
    bool ready; /* the configuration was read, and nothing is wrong with it */
    struct hg_str error;
    struct hg_str warnings;           /* of the configuration, a line each */
    struct hg_config *config;         /* NULL with config_file "" */
    char **plugin_dirs;               /* NULL-terminated */
    const struct hg_plugin **plugins; /* beside config->instances */
    struct hg_options *options;       /* beside them; without secrets */
    const char **pipeline_names;
    char *state_dir, *origin, *host, *temp_base;
    struct hg_signing signing; /* its keys, once a job needed them (key.c) */
};

/* ---- errors and statuses (status.c) ---- */

enum hangar_status hg_status(enum hangar_rc rc);

/* Names a run: what its lines in the log have in common until hg_doc_end. */
void hg_run_begin(struct hangar *h);

/* Begins a job on the handle: a document with its schema. */
json_t *hg_doc_begin(struct hangar *h, const char *schema);
/* Ends it: sets status and error in the document, remembers the error, prints
 * the document, and gives the status back. */
enum hangar_status hg_doc_end(struct hangar *h, json_t *doc, enum hangar_status status,
                              const struct hg_error *err, char **json);

/* The same for a job on a handle that is not ready. */
enum hangar_status hg_doc_unready(struct hangar *h, json_t *doc, char **json);

/* ---- sessions (session.c): the instances that one job uses ---- */

#define HG_SESSION_MAX 128
#define HG_MAX_SOURCES 32 /* of a pipeline */

struct hg_session {
    struct hangar *h;
    struct hg_job job;
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
/* Closes all instances, the last first, and ends the job. */
void hg_session_end(struct hg_session *s);

/* Opens the instance with this index in the configuration.  Without overrides, one
 * that is open already is given again. */
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

size_t hg_workers(const struct hangar *h);

/* The keys that sign and check manifests, read when first needed; *out is NULL when
 * the configuration has none (key.c). */
enum hangar_rc hg_key_load(struct hangar *h, const struct hg_signing **out, struct hg_error *err);

/* ---- state (state.c): history and locks of this machine ---- */

/* One run per pipeline: HANGAR_EXISTS when another holds it.  Freed by closing *fd,
 * or by the process's end. */
enum hangar_rc hg_state_lock(struct hangar *h, const char *pipeline, int *fd, struct hg_error *err);
/* Since when a run has the pipeline, ms; -1: none has. */
int64_t hg_state_running(struct hangar *h, const char *pipeline);
/* Appends a line to the history of a pipeline; what fails is only logged. */
void hg_state_record(struct hangar *h, const char *pipeline, const json_t *line);
/* Gives each line of a history, the oldest first; `line` lives until fn returns
 * unless it takes a reference. */
void hg_state_each(struct hangar *h, const char *pipeline,
                   void (*fn)(void *arg, const json_t *line), void *arg);
/* The last line, or NULL. */
json_t *hg_state_last(struct hangar *h, const char *pipeline);

/* Adds to a counter of this machine; what fails is only logged (counters.c). */
void hg_count(struct hangar *h, const char *counter, const char *of, const char *kind, int64_t n);
/* All of them: counter, of, kind. */
json_t *hg_counters(const struct hangar *h);

/* ---- choosing (select.c) ---- */

/* A backup in a sink. */
struct hg_selected {
    size_t pipeline; /* index in the configuration */
    size_t sink;     /* index among the instances */
    struct hangar_ctx *ctx;
    struct hg_manifest manifest;
};

/* Finds the backup that is meant; free the manifest.  NOT_FOUND, CORRUPT when no
 * sink has it whole (then only out->pipeline is set; it is SIZE_MAX when none was
 * found), CONFIG when several could be meant. */
enum hangar_rc hg_select(struct hg_session *s, const struct hangar_selection *which,
                         struct hg_selected *out, struct hg_error *err);

/* The index of a pipeline; NOT_FOUND with a text. */
enum hangar_rc hg_find_pipeline(const struct hangar *h, const char *name, size_t *index,
                                struct hg_error *err);

/* Are these the names of a pipeline and a sink (NULL: any)?  NOT_FOUND with a text. */
enum hangar_rc hg_check_names(const struct hangar *h, const char *pipeline, const char *sink,
                              struct hg_error *err);

/* ---- documents ---- */

/* "hangar.list" entry's and others' common part of a manifest. */
void hg_doc_manifest(json_t *doc, const struct hg_manifest *m);
json_t *hg_doc_options(const struct hg_options *options);
json_t *hg_doc_retention(const struct hg_retention *retention); /* the rules given */

/* RESTORE.txt for a backup whose manifest is complete but for its files.
 * `sources` are the instances, beside m->sources. */
enum hangar_rc hg_restore_text(const struct hg_manifest *m, struct hangar_ctx *const *sources,
                               struct hg_str *out, struct hg_error *err);

/* The objects of a source as plugins see them, by phase, then name; decode
 * commands when asked.  Free with hg_infos_free. */
struct hg_infos {
    struct hangar_object_info *items;
    struct hg_stored *stored;
    char **texts; /* what items and stored point to and that is ours */
    size_t count, text_count;
};
enum hangar_rc hg_infos_make(const struct hg_manifest *m, const struct hg_manifest_source *s,
                             bool decode, struct hg_infos *out, struct hg_error *err);
void hg_infos_free(struct hg_infos *infos);

#endif
