/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * summary: the part of a manifest that lists, status and retention need, without the objects:
 * small enough to hold one for each of ten thousand backups.
 */
#ifndef HG_CATALOG_SUMMARY_H
#define HG_CATALOG_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/json.h"
#include "catalog/file_sum.h"
#include "catalog/manifest.h"
#include "catalog/tags.h"

/* The summary owns its strings. */
struct hg_summary {
    char *id, *pipeline, *origin;
    char *hangar;   /* the version that made the backup */
    char **sources; /* their names, source_count of them */
    size_t source_count;
    bool safety;  /* a safety backup */
    bool partial; /* of some sources only */
    struct hg_tags tags;
    int64_t finished_ms, duration_ms, skew_ms;
    int64_t objects, plain_bytes, stored_bytes;
    struct hg_file_sum files; /* that the manifest lists */
};

/* Fills *out from a manifest; false when out of memory.  Free with hg_summary_free in both
 * cases. */
bool hg_summary_of(const struct hg_manifest *m, struct hg_summary *out);
void hg_summary_free(struct hg_summary *summary);

/* Adds the fields that documents show of a backup; the origin and the files are not among them. */
void hg_summary_to_json(const struct hg_summary *summary, json_t *object);

/* Adds all fields, for hg_summary_from_json. */
void hg_summary_keep(const struct hg_summary *summary, json_t *object);

/* Reads what hg_summary_keep wrote.  False when a field is missing or of another type, or when
 * out of memory; then *out is empty. */
bool hg_summary_from_json(const json_t *object, struct hg_summary *out);

#endif
