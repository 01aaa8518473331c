/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verification_memory: how verifications ended, and what this machine remembers of them: a line in
 * a journal of the state folder for each, so that a list needs no request.  It does not know the
 * records in the sinks (record.h).
 *
 * A good result from the future never counts.
 */
#ifndef HG_INVENTORY_VERIFICATION_MEMORY_H
#define HG_INVENTORY_VERIFICATION_MEMORY_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "session/document.h"
#include "session/handle.h"
#include "state/state.h"

/* "quick", "full" or "drill". */
const char *hg_verify_level_name(enum hangar_verify_level level);

/* How the verification of one backup in one sink ended. */
struct hg_verification {
    const char *id;   /* of the backup */
    const char *sink; /* its name */
    int64_t time_ms;  /* when it began */
    enum hangar_verify_level level;
    enum hangar_status status;
    const char *error; /* NULL: none */
    bool unread;       /* it found what every listing shows, and read no more */
    /* Damage that a drill found in what it restored; NULL: none.  Bytes that are as they were
     * written do not refute it, so that each later result has it, until a drill is good. */
    const char *drill_error;
    int64_t drill_ms; /* when that drill began */
    bool forget;      /* of one that was read: the copy is a new one */
    /* For the record only: */
    int64_t duration_ms;
    json_t *sources; /* what the plugins of a drill reported */
    /* Of one that was read only: */
    json_t *line;  /* owns the strings */
    size_t number; /* in the journal */
};

/* Reads a line of the journal, or a record with the field "id"; *out takes a reference.  False: it
 * is neither, or proves nothing. */
bool hg_verification_parse(const json_t *line, struct hg_verification *out);
void hg_verification_free(struct hg_verification *v);

/* Sets the fields that a line and a record have in common. */
void hg_verification_add_fields(const struct hg_verification *v, json_t *out);

/* The result that counts: what a drill found before goes first.  The strings stay those of *v. */
struct hg_verification hg_verification_counted(const struct hg_verification *v);

/* Does it concern the bytes of the copy?  A manifest that cannot be read and files that
 * are missing are seen anew each time (goodness.h), so that such a finding ends with its cause. */
bool hg_verification_judges(const struct hg_verification *v);

/* Does a time lie ahead, so that it proves nothing?  A forged record could otherwise hide all
 * others for years. */
bool hg_verification_is_ahead(int64_t time_ms);

/* Has this machine remember the result. */
void hg_verification_remember(const struct hg_state *state, const char *pipeline,
                              const struct hg_verification *v);

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

/* Calls fn with each result that this machine remembers, the oldest first; those that only record
 * that a copy is a new one are among them (`forget`).  `v` lives until fn returns, and its strings
 * as long as fn keeps a reference to its line. */
enum hangar_rc hg_verifications_each(const struct hg_state *state, const char *pipeline,
                                     void (*fn)(void *arg, const struct hg_verification *v),
                                     void *arg, struct hg_error *err);

/* The last verification of at least `level` in a sink that this machine remembers. */
struct hg_last_verification {
    const char *sink; /* its name */
    enum hangar_verify_level level;
    struct hg_verification found; /* `id` is NULL when there is none; hg_verification_free */
    int64_t good_ms;              /* when the last good one began; 0: there is none */
};

/* Finds all of them in one reading; sets `found` and `good_ms` of each.  Fails when what is
 * remembered cannot be read. */
enum hangar_rc hg_verifications_last(const struct hg_state *state, const char *pipeline,
                                     struct hg_last_verification *wanted, size_t count,
                                     struct hg_error *err);

/* True when `a` is the worse result, or as bad and newer.  `id` of both may be NULL. */
bool hg_verification_is_worse(const struct hg_verification *a, const struct hg_verification *b);

/* A remembered result as documents show it: a new object; null for NULL and for one without id. */
json_t *hg_verification_json(const struct hg_verification *v);

#endif
