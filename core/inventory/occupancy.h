/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * occupancy: what a sink has of a backup that is about to be stored there a second time, by a copy,
 * an import or a repair.
 */
#ifndef HG_INVENTORY_OCCUPANCY_H
#define HG_INVENTORY_OCCUPANCY_H

#include "base/error.h"
#include "base/str.h"
#include "plugin/instance.h"
#include "session/handle.h"

enum hg_occupancy {
    HG_OCCUPANCY_FREE,   /* no backup; perhaps a leftover */
    HG_OCCUPANCY_SAME,   /* the same backup: the same manifest, and the copy is good (goodness.h) */
    HG_OCCUPANCY_DAMAGED /* its manifest is lost or damaged, files are missing, or a verification
                          * found damage */
};

/* A backup that is about to be stored. */
struct hg_incoming_backup {
    const char *pipeline, *id;
    const struct hg_str *manifest; /* the bytes of its manifest */
};

/* Compares the manifest in the sink with that of the backup.  EXISTS: the sink has a whole backup
 * of this id with a different manifest, or one of a newer hangar. */
enum hangar_rc hg_occupancy_find(struct hangar *h, struct hangar_ctx *sink,
                                 const struct hg_incoming_backup *backup, enum hg_occupancy *out,
                                 struct hg_error *err);

#endif
