/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * names: finds the pipelines and sinks that the caller of a job names.
 */
#ifndef HG_SESSION_NAMES_H
#define HG_SESSION_NAMES_H

#include "base/error.h"
#include "config/config.h"

/* Finds the pipeline of this name; *index is its index in the configuration.  NOT_FOUND. */
enum hangar_rc hg_find_pipeline(const struct hg_config *config, const char *name, size_t *index,
                                struct hg_error *err);

/* Finds the sink of this name (NULL: the first) among those of a pipeline; *instance is its
 * index among the instances.  CONFIG when it does not belong to the pipeline. */
enum hangar_rc hg_find_pipeline_sink(const struct hg_config *config,
                                     const struct hg_pipeline_config *pipeline, const char *name,
                                     size_t *instance, struct hg_error *err);

/* Checks that the configuration has this pipeline and this sink; NULL: not checked.  NOT_FOUND. */
enum hangar_rc hg_check_names(const struct hg_config *config, const char *pipeline,
                              const char *sink, struct hg_error *err);

#endif
