/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run_file: the content of run.json, by which a run claims the folder of a backup.  Where the sink
 * has signing keys, a MAC covers it.  It must not know what a claim permits (inventory/claim.h).
 */
#ifndef HG_CATALOG_RUN_FILE_H
#define HG_CATALOG_RUN_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "catalog/signing.h"

/* The members of the file.  Where one is missing or of another type, a parsed string is "", a
 * number 0. */
struct hg_run_file {
    const char *run, *pipeline;
    const char *backup; /* NULL: there is none; early versions did not write it */
    const char *origin, *host, *started;
    int64_t pid;
    const char *mac; /* NULL: there is none; the writer adds it */
    json_t *doc;     /* has the strings of a parsed file */
};

/* The text of the file; `signing` may be NULL.  malloc'd, NULL when out of memory. */
char *hg_run_file_text(const struct hg_run_file *file, const struct hg_signing *signing);

/* CORRUPT when the text is not JSON.  After OK, free the file with hg_run_file_free. */
enum hangar_rc hg_run_file_parse(const struct hg_str *text, struct hg_run_file *out,
                                 struct hg_error *err);
void hg_run_file_free(struct hg_run_file *file);

/* Does the MAC of the file prove that a run with the key claims this backup? */
bool hg_run_file_is_proven(const struct hg_run_file *file, const struct hg_signing *signing,
                           const char *pipeline, const char *id);

#endif
