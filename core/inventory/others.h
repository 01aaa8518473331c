/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * others: which other pipelines have backups in a sink.  A host that is to restore what another
 * one stored often has a configuration with another name of the pipeline, and must not be told
 * that there is nothing.
 */
#ifndef HG_INVENTORY_OTHERS_H
#define HG_INVENTORY_OTHERS_H

#include "base/json.h"
#include "base/str.h"
#include "session/session.h"

#define HG_OTHERS_MAX 20 /* of a sink */

/* Lists them for the sinks of all pipelines (or of `pipeline` alone, and `sink` alone; both may be
 * NULL): an array of { sink, pipeline, origin (or null) }, for the caller to free.  Pipelines that
 * the configuration has are no others.  A sink that cannot be read has none. */
json_t *hg_others_find(struct hg_session *session, const char *pipeline, const char *sink);

/* "sink s holds backups of nightly (origin db1); hint: ...": why nothing was found. */
void hg_others_text(const json_t *others, struct hg_str *out);

#endif
