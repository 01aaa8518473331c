/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * selection: which backup is meant by an id or "latest", and which sink has it.
 */
#ifndef HG_INVENTORY_SELECTION_H
#define HG_INVENTORY_SELECTION_H

#include <hangar/hangar.h>

#include "base/error.h"
#include "catalog/manifest.h"
#include "session/session.h"

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

#endif
