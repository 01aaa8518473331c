/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * short_id: completes the beginning or the end of the id of a backup.
 */
#ifndef HG_INVENTORY_SHORT_ID_H
#define HG_INVENTORY_SHORT_ID_H

#include <hangar/hangar.h>

#include "base/clock.h"
#include "base/error.h"
#include "session/session.h"

#define HG_SHORT_ID_MIN 4 /* characters, without "backup_" */

/* Whether a text could be a part of an id: "2026-01-15", "backup_2026-01", "00-000Z". */
bool hg_short_id_is_valid(const char *text);

/* Finds the one backup that the request means by a part of its id, in the sinks and the pipeline
 * that the request selects.  NOT_FOUND: there is none; CONFIG: there are several, which the error
 * lists.  A sink that cannot be read fails the search: it may have another one that matches. */
enum hangar_rc hg_short_id_find(struct hg_session *s, const struct hangar_selection *request,
                                char id[HG_BACKUP_ID_SIZE], struct hg_error *err);

#endif
