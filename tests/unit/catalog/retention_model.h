/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * model: what retention must decide, told again from its description, for one backup
 * at a time and without regard to speed.  It shares nothing with the core but the
 * types; its calendar is the C library's, in the zone of the variable TZ.
 */
#ifndef RETENTION_MODEL_H
#define RETENTION_MODEL_H

#include "catalog/retention.h"

/* Must the clock guard refuse? */
bool model_refuses(const struct hg_policy *policy, int64_t now_ms, const struct hg_retained *items,
                   size_t count);

/* Must items[i] stay, when the guard does not refuse? */
bool model_keeps(const struct hg_policy *policy, int64_t now_ms, const struct hg_retained *items,
                 size_t count, size_t i);

/* How many good backups, but for safety backups, are newer than items[i]? */
size_t model_newer(const struct hg_retained *items, size_t count, size_t i);

#endif
