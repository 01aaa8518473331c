/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * context: an instance as the core sees it: the opaque types of the ABI.  instance.h opens and
 * closes one, call.h calls its functions.
 */
#ifndef HG_PLUGIN_CONTEXT_H
#define HG_PLUGIN_CONTEXT_H

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

/* The core's definition of the ABI's opaque text; that of struct hangar_attrs is in
 * base/attrs.h. */
struct hangar_text {
    struct hg_str str;
};

#endif
