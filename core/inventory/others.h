/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * others: which other pipelines have backups in a sink.  A host that is to restore what another
 * one stored often has a configuration with another name of the pipeline; "there is nothing" would
 * be wrong there.
 */
#ifndef HG_INVENTORY_OTHERS_H
#define HG_INVENTORY_OTHERS_H

#include <stddef.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "session/session.h"

#define HG_OTHERS_MAX 20 /* of a sink */

/* Another pipeline that has backups in a sink. */
struct hg_other_pipeline {
    const char *sink; /* its name, of the configuration */
    char *pipeline;
    char *origin; /* safe to print; NULL: not known */
};

/* Those of one sink stand together. */
struct hg_other_pipelines {
    struct hg_other_pipeline *items;
    size_t count, capacity;
};

/* Finds them in the sinks of all pipelines (or of `pipeline` alone, and `sink` alone; both may be
 * NULL).  Pipelines of the configuration are left out.  A sink that cannot be read has none.
 * Fails only without memory; free *out with hg_others_free, also then. */
enum hangar_rc hg_others_find(struct hg_session *session, const char *pipeline, const char *sink,
                              struct hg_other_pipelines *out, struct hg_error *err);
void hg_others_free(struct hg_other_pipelines *others);

/* As documents show them: an array of { sink, pipeline, origin (or null) }. */
json_t *hg_others_json(const struct hg_other_pipelines *others);

/* "sink s holds backups of nightly (origin db1); hint: ...": why nothing was found. */
void hg_others_text(const struct hg_other_pipelines *others, struct hg_str *out);

#endif
