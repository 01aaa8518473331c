/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * selection: finds the backup that an id or "latest" means, and a sink that has it.
 */
#ifndef HG_INVENTORY_SELECTION_H
#define HG_INVENTORY_SELECTION_H

#include <hangar/hangar.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "session/session.h"

/* A backup in a sink. */
struct hg_selected_backup {
    char id[HG_BACKUP_ID_SIZE]; /* also after a failure; "" when it could not be determined */
    size_t pipeline;            /* index in the configuration */
    size_t sink;                /* index among the instances */
    struct hangar_ctx *ctx;
    bool good; /* see goodness.h */
    struct hg_manifest manifest;
};

/* Finds the backup that the request means, by its id, a unique part of it (short_id.h) or "latest",
 * in a sink whose copy is good (goodness.h); the caller frees the manifest.  "latest" is the newest
 * good backup of all sinks that is not a safety backup and not from the future.  A sink that cannot
 * be read, a bad copy and a backup from the future are skipped with a warning.  Where there is
 * no good one, a bad one is given, with a warning, as long as its manifest can be read: a part of
 * it may be what is needed.  A folder that cannot be read and is newer than the newest backup may
 * be the latest: that is a failure.
 *
 * NOT_FOUND: no sink has it.  CONFIG: the request is not valid, or several pipelines have such
 * a backup.  CORRUPT: no manifest of it can be read.  After a failure only out->id and
 * out->pipeline are set: the pipeline that has the backup, or SIZE_MAX if none was found. */
enum hangar_rc hg_select(struct hg_session *s, const struct hangar_selection *request,
                         struct hg_selected_backup *out, struct hg_error *err);

/* What a request means when it may be good or bad. */
struct hg_selected_id {
    char id[HG_BACKUP_ID_SIZE];
    size_t pipeline; /* index in the configuration */
    bool good;       /* a sink has a good copy */
    bool newer;      /* it was made by a newer hangar, which this one cannot judge */
};

/* The same for jobs that judge the backup themselves: "latest" is the newest one, good or bad.
 * After a failure *out is zero. */
enum hangar_rc hg_select_newest(struct hg_session *s, const struct hangar_selection *request,
                                struct hg_selected_id *out, struct hg_error *err);

/* Appends the names of the other sinks of its pipeline that have a good copy of a selected backup,
 * separated by ", ".  For a session that was not cancelled. */
void hg_select_others(struct hg_session *s, const struct hg_selected_backup *selected,
                      struct hg_str *names);

#endif
