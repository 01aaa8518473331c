/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * store: small files in a sink, and where things of a backup lie in it.  Knows
 * the layout of docs/format.md; on top of it stand the index and the runs.
 */
#ifndef HG_STORE_H
#define HG_STORE_H

#include "catalog/manifest.h"
#include "plugin/instance.h"

/* "<pipeline>/<id>/<name>"; name may be NULL for the folder with its slash.
 * malloc'd, NULL when out of memory. */
char *hg_store_path(const char *pipeline, const char *id, const char *name);

/* Stores a small file; with create_only HANGAR_EXISTS when it is there. */
enum hangar_rc hg_store_put(struct hangar_ctx *sink, const char *path, const void *data,
                            size_t size, bool create_only, struct hg_error *err);

/* The same of a text beside a backup's manifest, or the manifest itself; a text of NULL is
 * one that there was no memory for. */
enum hangar_rc hg_store_put_text(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                 const char *name, const char *text, bool create_only,
                                 struct hg_error *err);

/* Reads one of at most `max` bytes (CORRUPT when it is larger). */
enum hangar_rc hg_store_get(struct hangar_ctx *sink, const char *path, size_t max,
                            struct hg_str *out, struct hg_error *err);

/* Whose is a pipeline's place in a sink?  Refuses (CONFIG) when its origin.json
 * names another origin; with `claim`, writes one when there is none. */
enum hangar_rc hg_store_origin(struct hangar_ctx *sink, const char *pipeline, const char *origin,
                               bool claim, struct hg_error *err);

/* What lies beside a manifest, or instead of it. */
#define HG_RUN_NAME "run.json"         /* a run began here; renewed while it lives */
#define HG_DELETED_NAME "deleted.json" /* retention took the manifest; the objects follow */
#define HG_HOLD_NAME "hold"            /* not to be removed */

/* All that stands in manifest.json of a run that died, so that it cannot commit. */
#define HG_ABANDONED "{ \"hangar\": \"abandoned\" }\n"

/* Takes the place of the manifest of a run that died, so that it cannot commit when
 * it wakes up late: create-only, so EXISTS when it has committed after all. */
enum hangar_rc hg_store_abandon(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                struct hg_error *err);

/* The bytes of manifest.json.  Where the sink's job has a signing key: only when they
 * are signed with it; CORRUPT when not.  NOT_FOUND when there is none. */
enum hangar_rc hg_store_manifest_text(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                      struct hg_str *text, struct hg_error *err);

/* The bytes of manifest.json.sig; NOT_FOUND when there is none. */
enum hangar_rc hg_store_signature(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                  struct hg_str *out, struct hg_error *err);

/* The manifest of a backup in a sink, checked (as above), and that it is of this place.
 * NOT_FOUND when there is none; see hg_manifest_read. */
enum hangar_rc hg_store_manifest(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                 struct hg_manifest *m, struct hg_error *err);

/* The same, with the bytes that it was read from. */
enum hangar_rc hg_store_manifest_both(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                      struct hg_str *text, struct hg_manifest *m,
                                      struct hg_error *err);

/* When was this file of a backup stored, by the store's clock?  NOT_FOUND. */
enum hangar_rc hg_store_time(struct hangar_ctx *sink, const char *pipeline, const char *id,
                             const char *name, int64_t *time_ms, struct hg_error *err);

/* The ids of a pipeline's folders in a sink, oldest first, whether or not they
 * hold a whole backup.  The array and its strings are the caller's.  `store_ms` (may
 * be NULL) is the store's clock, ours when it has none. */
enum hangar_rc hg_store_ids(struct hangar_ctx *sink, const char *pipeline, char ***ids,
                            size_t *count, int64_t *store_ms, struct hg_error *err);
void hg_store_ids_free(char **ids, size_t count);

/* Removes all objects below <pipeline>/<id>/, the manifest first and what says why
 * there is none last, so that it can be begun again at any point.  keep_manifest
 * leaves that one: the mark of a run that was given up.  Goes on after failures and
 * tells the first. */
enum hangar_rc hg_store_remove(struct hangar_ctx *sink, const char *pipeline, const char *id,
                               bool keep_manifest, struct hg_error *err);

#endif
