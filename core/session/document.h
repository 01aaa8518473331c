/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * document: turns the results of a job into its status and its JSON document.
 */
#ifndef HG_SESSION_DOCUMENT_H
#define HG_SESSION_DOCUMENT_H

#include <hangar/hangar.h>

#include "base/error.h"
#include "base/json.h"
#include "catalog/manifest.h"
#include "config/config.h"
#include "config/options.h"

/* The status of a job whose result is rc. */
enum hangar_status hg_status(enum hangar_rc rc);

/* What a verification with this status proves of the backup.  Interrupted, a store or a server that
 * cannot be reached, a missing program: these prove nothing. */
enum hg_outcome { HG_GOOD, HG_NOT_JUDGED, HG_BAD }; /* the worse, the higher */
enum hg_outcome hg_outcome_of(enum hangar_status status);
/* "good", "not_judged" or "bad". */
const char *hg_outcome_name(enum hg_outcome outcome);

/* Gives the job a new run id, which its log lines carry until hg_doc_end. */
void hg_new_run_id(struct hangar *h);

/* Begins a job on the handle: clears the last error and makes a document with this schema. */
json_t *hg_doc_begin(struct hangar *h, const char *schema);
/* Ends the job: sets status and error in the document, keeps the error for hangar_error, writes
 * the document to *json (json may be NULL) and frees it.  Returns the status. */
enum hangar_status hg_doc_end(struct hangar *h, json_t *doc, enum hangar_status status,
                              const struct hg_error *err, char **json);

/* Ends a job on a handle that is not ready: USAGE. */
enum hangar_status hg_doc_unready(struct hangar *h, json_t *doc, char **json);

json_t *hg_doc_options(const struct hg_options *options);

#endif
