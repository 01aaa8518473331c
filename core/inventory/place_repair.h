/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * place_repair: repairs the copy of a backup in one sink from the copy in another.  Every file of
 * the damaged copy is read and compared with the manifest of the good one; what does not match is
 * replaced, each file at once, by bytes that were compared on their way, and read again.  The
 * signature and the manifest are stored last.
 *
 * It removes nothing, and replaces no file that matches.  An interruption leaves the copy as
 * damaged as it was, or less.  It needs no claim: what it stores is the same on every host.
 */
#ifndef HG_INVENTORY_PLACE_REPAIR_H
#define HG_INVENTORY_PLACE_REPAIR_H

#include "base/error.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "inventory/replication.h"
#include "session/session.h"

struct hg_place_repair {
    /* in; the caller's */
    struct hg_session *session;
    struct hangar_ctx *from, *to;
    const struct hg_manifest *manifest;    /* of the good copy, as is */
    const struct hg_str *text, *signature; /* its bytes, and those of its signature (or empty) */
    bool dry;                              /* change nothing */
    /* out */
    struct hg_replication replication; /* of the files that are replaced; for progress */
    size_t files, bad;                 /* that the manifest lists; that do not match it */
    bool bad_manifest;                 /* manifest.json or its signature */
    struct hg_str problems;            /* a line for each that does not match; free it */
};

/* OK: the copy is whole now (or, when dry, `bad` and `bad_manifest` mark what would be replaced).
 * CORRUPT: the good copy is damaged, too.  EXISTS: the copy is being removed.  After a failure the
 * copy may be partly repaired. */
enum hangar_rc hg_place_repair_run(struct hg_place_repair *repair, struct hg_error *err);

#endif
