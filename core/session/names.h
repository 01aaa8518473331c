/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * names: the names of pipelines and sinks that a caller gives, looked up in the configuration.
 */
#ifndef HG_SESSION_NAMES_H
#define HG_SESSION_NAMES_H

#include "base/error.h"
#include "config/config.h"
#include "session/handle.h"

/* The index of a pipeline; NOT_FOUND with a text. */
enum hangar_rc hg_find_pipeline(const struct hangar *h, const char *name, size_t *index,
                                struct hg_error *err);

/* The instance of the pipeline's sink of this name; without a name that of its first sink.
 * CONFIG with a text. */
enum hangar_rc hg_find_pipeline_sink(const struct hangar *h,
                                     const struct hg_pipeline_config *pipeline, const char *name,
                                     size_t *instance, struct hg_error *err);

/* Are these the names of a pipeline and a sink (NULL: any)?  NOT_FOUND with a text. */
enum hangar_rc hg_check_names(const struct hangar *h, const char *pipeline, const char *sink,
                              struct hg_error *err);

#endif
