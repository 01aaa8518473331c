/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verification_record: the results of verifications.  A record lies beside the backup, in the
 * sink that was read, as verify/<time>.json, with a signature where there is a key (signed.h);
 * and this machine remembers a line, so that a list needs no request for it.
 *
 * A record counts only for the backup and the sink that it names.  With a key, one that is not
 * signed does not count.  A good result from the future never counts.
 */
#ifndef HG_INVENTORY_VERIFICATION_RECORD_H
#define HG_INVENTORY_VERIFICATION_RECORD_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "plugin/instance.h"
#include "session/handle.h"
#include "state/state.h"

#define HG_VERIFICATION_RECORDS_KEPT 20 /* beside a backup */

/* "quick", "full" or "drill". */
const char *hg_verify_level_name(enum hangar_verify_level level);

/* Is this file of a backup a record, or the signature of one?  The name is relative to the folder
 * of the backup; a source may be named like the folder of the records. */
bool hg_verification_is_record(const char *name);

/* The same for a record alone, with the time in its name. */
bool hg_verification_record_time(const char *name, int64_t *time_ms);

/* How the verification of one backup in one sink ended. */
struct hg_verification {
    const char *id;   /* of the backup */
    const char *sink; /* its name */
    int64_t time_ms;  /* when it began */
    enum hangar_verify_level level;
    enum hangar_status status;
    const char *error; /* NULL: none */
    bool unread;       /* it found what every listing shows, and read no more */
    bool forget;       /* of one that was read: the copy is a new one */
    /* For the record only: */
    int64_t duration_ms;
    json_t *sources; /* what the plugins of a drill reported */
    /* Of one that was read only: */
    json_t *line;  /* owns the strings */
    size_t number; /* in the journal */
};

/* Stores the record in the open sink and removes the oldest ones beyond
 * HG_VERIFICATION_RECORDS_KEPT.  Only of a verification that judged the backup: others would
 * displace the records of damage. */
enum hangar_rc hg_verification_store(struct hangar *h, struct hangar_ctx *sink,
                                     const char *pipeline, const struct hg_verification *v,
                                     struct hg_error *err);

/* Has this machine remember the result. */
void hg_verification_remember(const struct hg_state *state, const char *pipeline,
                              const struct hg_verification *v);

/* The newest record in the sink that counts, with "sink"; null when there is none, or it cannot
 * be read.  Requests: a listing, the file, with a key its signature; more only for files that do
 * not count, which are logged. */
json_t *hg_verification_newest(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               const char *id);

/* The copy of this backup in this sink is a new one: what is remembered of the old one no longer
 * counts. */
void hg_verification_forget(const struct hg_state *state, const char *pipeline, const char *id,
                            const char *sink);

/* The last result of each copy of a pipeline's backups that this machine remembers; one that was
 * not judged only where none was. */
struct hg_verifications {
    struct hg_verification *items; /* by id, then sink */
    size_t count, capacity;
    bool is_read;
};

/* Without a journal, or without memory, there are none.  Free with hg_verifications_free. */
void hg_verifications_read(struct hg_verifications *all, const struct hg_state *state,
                           const char *pipeline);
void hg_verifications_free(struct hg_verifications *all);

/* The result of a copy.  NULL when none is remembered; `all` may be NULL. */
const struct hg_verification *hg_verifications_find(const struct hg_verifications *all,
                                                    const char *id, const char *sink);

/* Which of two results a backup shows: the worse one, of equal ones the newer; one that was not
 * judged only where there is no other.  Each may be NULL. */
const struct hg_verification *hg_verification_shown(const struct hg_verification *a,
                                                    const struct hg_verification *b);

/* What a caller knows of the newest record beside a copy, which saves requests. */
struct hg_newest_record {
    int64_t time_ms; /* -1: there is none */
#define HG_RECORD_UNKNOWN INT64_MAX
    bool good; /* it, or the one before it that judged the copy, found no damage */
};

/* Has a full verification or a drill found damage in a copy since it was last found good?  From
 * the records in the sink and from what this machine remembers.
 *
 * OK: no.  CORRUPT: yes, and err says what.  Else the sink cannot be read. */
enum hangar_rc hg_verification_check(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                     const struct hg_newest_record *record,
                                     const struct hg_verifications *remembered,
                                     struct hg_error *err);

/* The same of a copy of which nothing else is known: a listing, and usually one file. */
enum hangar_rc hg_verification_find_damage(struct hangar *h, struct hangar_ctx *sink,
                                           const char *pipeline, const char *id,
                                           struct hg_error *err);

/* The last verification of at least this level in a sink that this machine remembers; `id` is NULL
 * when there is none.  Free with hg_verification_free. */
struct hg_verification hg_verification_last(const struct hg_state *state, const char *pipeline,
                                            const char *sink, enum hangar_verify_level level);
void hg_verification_free(struct hg_verification *v);

/* True when `a` is the worse result, or as bad and newer.  `id` of both may be NULL. */
bool hg_verification_is_worse(const struct hg_verification *a, const struct hg_verification *b);

/* A remembered result as documents show it: a new object; null for NULL and for one without id. */
json_t *hg_verification_json(const struct hg_verification *v);

#endif
