/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * origin: detects that a sink is missing, empty or replaced.  It compares origin.json of a
 * pipeline's folder with the copy on this machine (known_origin.h).  A sink that had one and has
 * none, or has another, is refused, for storing and for reading: its disk is not mounted, or
 * another is in its place.  One that lost only that file, and still has backups, can be read;
 * nothing is stored or removed there.
 */
#ifndef HG_INVENTORY_ORIGIN_H
#define HG_INVENTORY_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "catalog/store.h"
#include "plugin/instance.h"
#include "session/handle.h"

/* Before something is stored or removed.  CONFIG: the folder belongs to another origin.  IO: its
 * origin.json is not the one that this machine has recorded.  With `claim`, writes origin.json when
 * there is none and there was none. */
enum hangar_rc hg_origin_check(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               bool claim, struct hg_error *err);

/* After a listing of the pipeline's folder.  It costs a request only when the listed origin.json
 * is not the one that was seen last.  The owner is not compared: other origins may be read.
 * OK with *lost: only origin.json is lost, the backups are there; the reader continues, and reports
 * hg_origin_fail_lost. */
enum hangar_rc hg_origin_listed(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                                const struct hg_listed_origin *listed, bool *lost,
                                struct hg_error *err);

/* After something was not found or could not be read: is it the sink that is not there?  Then that
 * is the error, and nothing is known of what is in it. */
enum hangar_rc hg_origin_again(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               struct hg_error *err);

/* The ids in a pipeline's folder; free them with hg_store_ids_free. */
struct hg_origin_ids {
    char **items;
    size_t count;
    bool lost; /* as in hg_origin_listed */
};

/* hg_store_ids, of a sink whose origin.json is the recorded one. */
enum hangar_rc hg_origin_ids(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                             struct hg_origin_ids *ids, struct hg_error *err);

/* IO: the sink has lost its origin.json, and what to do. */
enum hangar_rc hg_origin_fail_lost(const struct hangar *h, struct hangar_ctx *sink,
                                   const char *pipeline, struct hg_error *err);
/* Logs that as a warning, for a reader that continues. */
void hg_origin_warn_lost(struct hangar *h, struct hangar_ctx *sink, const char *pipeline);

#endif
