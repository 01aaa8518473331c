/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * goodness: whether the copy of a backup in one sink is good.  Every job that depends on it judges
 * in this way, one copy here, all copies of a sink in index.h.
 *
 * A copy is good when
 *     1. its manifest can be read and, where there is a key, is signed with it,
 *     2. each file that the manifest lists is in the sink, with its size,
 *     3. no full verification or drill has found damage in it since it was last found good.
 *
 * It reads no bytes of objects.  A copy is bad when one of these is known to be wrong; when the
 * sink does not answer, the copy is not judged, and that is a failure, never "bad".
 */
#ifndef HG_INVENTORY_GOODNESS_H
#define HG_INVENTORY_GOODNESS_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "catalog/manifest.h"
#include "plugin/instance.h"
#include "session/handle.h"

/* Judges a copy and reads its manifest, which the caller frees.
 *
 * OK: it is good.  NOT_FOUND: there is no backup of this id.  CORRUPT: it is bad, and err has the
 * reason; m->id is NULL where the manifest cannot be read.  UNSUPPORTED: of a newer hangar.
 * Else: it is not judged. */
enum hangar_rc hg_goodness(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                           const char *id, struct hg_manifest *m, struct hg_error *err);

/* The same of a copy whose manifest was read. */
enum hangar_rc hg_goodness_of(struct hangar *h, struct hangar_ctx *sink,
                              const struct hg_manifest *m, struct hg_error *err);

/* The newest backup of a pipeline in one sink. */
struct hg_newest_backup {
    char id[HG_BACKUP_ID_SIZE]; /* "": there is none */
    bool good;
    struct hg_manifest manifest;     /* empty where it cannot be read; free it */
    char bad_id[HG_BACKUP_ID_SIZE];  /* the first bad one that was skipped; "": none */
    struct hg_manifest bad_manifest; /* likewise */
    struct hg_error damage;          /* why the first bad one is bad; else OK */
    char future[HG_BACKUP_ID_SIZE];  /* the first that was skipped as from the future; or "" */
    bool apart;                      /* a safety backup or a partial one was skipped */
    bool lost;                       /* the sink lost its origin.json; see inventory/origin.h */
    char unknown[HG_BACKUP_ID_SIZE]; /* after a failure: the folder that could not be read; or "" */
};

enum {
    HG_NEWEST_BAD_TOO = 1,   /* a bad backup counts, too */
    HG_NEWEST_FUTURE_TOO = 2 /* a backup whose time has not come counts, too */
};

struct hg_newest_request {
    const char *pipeline;
    const char *than; /* only backups that are newer than this one; NULL: all */
    unsigned flags;   /* HG_NEWEST_... */
};

/* Finds the newest good backup.  Safety backups and partial ones do not count; damaged ones and
 * those from the future are skipped, with a warning, unless a flag includes them.  It costs one
 * listing of folders, and the requests of hg_goodness for each backup that it judges, usually one.
 * Fails when the sink cannot be read.  Zero *out before the first call. */
enum hangar_rc hg_newest_find(struct hangar *h, struct hangar_ctx *sink,
                              const struct hg_newest_request *request, struct hg_newest_backup *out,
                              struct hg_error *err);

#endif
