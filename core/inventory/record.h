/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * record: the records of verifications.  A record lies beside the backup, in the sink that was
 * read, as verify/<time>.json, with a signature where there is a key (sidecar.h).
 *
 * A record counts only for the backup and the sink that it names.  With a key, one that is not
 * signed does not count.  A good result from the future never counts.
 */
#ifndef HG_INVENTORY_RECORD_H
#define HG_INVENTORY_RECORD_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "inventory/verification_memory.h"
#include "plugin/instance.h"
#include "session/handle.h"

#define HG_RECORDS_KEPT 20 /* beside a backup */

/* Is this file of a backup a record, or the signature of one?  The name is relative to the folder
 * of the backup; a source may be named like the folder of the records. */
bool hg_record_has_name(const char *name);

/* The same for a record alone, with the time in its name. */
bool hg_record_time(const char *name, int64_t *time_ms);

/* Stores the record in the open sink and removes the oldest ones beyond
 * HG_RECORDS_KEPT.  Only of a verification that judged the backup: others would
 * displace the records of damage. */
enum hangar_rc hg_record_store(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               const struct hg_verification *v, struct hg_error *err);

/* A record that was read. */
struct hg_record {
    struct hg_verification v;  /* `id` NULL: there is no record; `sources` belongs to its `line` */
    const char *host, *hangar; /* where it was made, and by which version; NULL: not known */
};

/* Reads the newest record in the sink that counts; there is none when it cannot be read.  Free *out
 * with hg_record_free.  Requests: a listing, the file, with a key its signature; more only for
 * files that do not count, which are logged. */
void hg_record_newest(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                      const char *id, struct hg_record *out);
void hg_record_free(struct hg_record *record);

/* The record as documents show it: a new object; null when there is none. */
json_t *hg_record_json(const struct hg_record *record);

/* The newest record beside a copy, as a listing shows it: this saves requests. */
struct hg_newest_record {
    int64_t time_ms; /* -1: there is none */
#define HG_RECORD_UNKNOWN INT64_MAX
    bool good; /* it, or the one before it that judged the copy, found no damage */
};

/* Before the result of a verification that restored nothing is stored: adds the damage that an
 * earlier drill found.  *previous owns the text; free it with hg_verification_free, also after a
 * failure. */
enum hangar_rc hg_record_carry(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               struct hg_verification *v, struct hg_verification *previous,
                               struct hg_error *err);

/* Has a full verification or a drill found damage in a copy since it was last found good?  From
 * the records in the sink and from what this machine remembers.
 *
 * OK: no.  CORRUPT: yes, and err describes the damage.  Else the sink cannot be read. */
enum hangar_rc hg_record_check(struct hangar_ctx *sink, const char *pipeline, const char *id,
                               const struct hg_newest_record *record,
                               const struct hg_verifications *remembered, struct hg_error *err);

/* The same of a copy of which nothing else is known: a listing, and usually one file. */
enum hangar_rc hg_record_find_damage(struct hangar *h, struct hangar_ctx *sink,
                                     const char *pipeline, const char *id, struct hg_error *err);

#endif
