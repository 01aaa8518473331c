/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * store: reads, writes and removes the files of a backup in a sink.  The layout is
 * that of docs/format.md.
 */
#ifndef HG_CATALOG_STORE_H
#define HG_CATALOG_STORE_H

#include "base/clock.h"
#include "catalog/folder.h"
#include "catalog/manifest.h"
#include "plugin/instance.h"
#include "plugin/page.h"

/* "<pipeline>/<id>/<name>"; name may be NULL for the folder with its slash.
 * malloc'd, NULL when out of memory. */
char *hg_store_path(const char *pipeline, const char *id, const char *name);

/* A file of a backup.  The strings belong to the caller. */
struct hg_backup_file {
    const char *pipeline, *id, *name;
};

/* Stores a small file; with create_only EXISTS when there is one of this name. */
enum hangar_rc hg_store_put(struct hangar_ctx *sink, const char *path, const void *data,
                            size_t size, bool create_only, struct hg_error *err);

/* Stores a text as a file of a backup.  A text of NULL is NO_MEMORY. */
enum hangar_rc hg_store_put_text(struct hangar_ctx *sink, const struct hg_backup_file *file,
                                 const char *text, bool create_only, struct hg_error *err);

/* Reads a file of at most `max` bytes; CORRUPT when it is larger. */
enum hangar_rc hg_store_get(struct hangar_ctx *sink, const char *path, size_t max,
                            struct hg_str *out, struct hg_error *err);

#define HG_ORIGIN_NAME "origin.json" /* in the folder of a pipeline */

/* The content of origin.json of a pipeline's folder. */
struct hg_origin {
    bool exists;
    char created[HG_TIME_SIZE]; /* "": not known */
};

/* Checks that the folder of a pipeline in a sink belongs to this origin (NULL: to any).  CONFIG
 * when its origin.json names another one.  With `claim`, writes origin.json when there is none.
 * *found may be NULL. */
enum hangar_rc hg_store_origin(struct hangar_ctx *sink, const char *pipeline, const char *origin,
                               bool claim, struct hg_origin *found, struct hg_error *err);

/* origin.json as a listing of the pipeline's folder has it. */
struct hg_listed_origin {
    bool exists;
    char etag[128]; /* "": the sink reports none */
};

/* Fills *origin when an entry of a listing is it; `skip` is the length of "<pipeline>/". */
void hg_store_note_origin(const struct hg_page_entry *entry, size_t skip,
                          struct hg_listed_origin *origin);

/* Whether a pipeline has stored something in the sink before: it has an origin.json. */
enum hangar_rc hg_store_has_origin(struct hangar_ctx *sink, const char *pipeline, bool *has,
                                   struct hg_error *err);

/* Stores HG_ABANDONED as manifest.json, so that the dead run cannot commit when its process
 * continues later.  EXISTS when the run has committed. */
enum hangar_rc hg_store_abandon(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                struct hg_error *err);

/* Sets *begun when deleted.json proves that hangar has begun to remove this backup (removal.h).
 * Fails when the sink cannot be read. */
enum hangar_rc hg_store_find_removal(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                     bool *begun, struct hg_error *err);

/* For a folder without a manifest, or with the mark of a dead run in its place.  CORRUPT: a backup
 * was in it and has lost its manifest (hg_folder_had_backup).  NOT_FOUND: there is no backup in it
 * so far: it does not exist, a run is just storing its last files, or it is a leftover.  Another
 * failure: the sink cannot be read. */
enum hangar_rc hg_store_fail_without_manifest(struct hangar_ctx *sink, const char *pipeline,
                                              const char *id, const struct hg_folder *folder,
                                              int64_t store_ms, struct hg_error *err);
/* The same; it lists the folder itself. */
enum hangar_rc hg_store_judge_folder(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                     struct hg_error *err);

/* The bytes of manifest.json.  Where the sink has signing keys: only when they
 * are signed with it; CORRUPT when not, and when the backup has lost its manifest.  NOT_FOUND when
 * there is none. */
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

/* A file beside a backup. */
struct hg_store_file {
    bool exists;
    int64_t time_ms; /* when it was stored, by the store's clock; 0 when it does not exist */
};

/* Finds out whether a file of a backup exists.  Fails when the sink cannot be read. */
enum hangar_rc hg_store_find(struct hangar_ctx *sink, const char *pipeline, const char *id,
                             const char *name, struct hg_store_file *out, struct hg_error *err);

/* Lists the ids of the folders of a pipeline in a sink, oldest first, whether or not they
 * contain a whole backup, and those that cannot be read.  The caller frees the array with
 * hg_store_ids_free; *origin may be NULL.  Jobs call hg_origin_ids (inventory/origin.h) instead. */
enum hangar_rc hg_store_ids(struct hangar_ctx *sink, const char *pipeline, char ***ids,
                            size_t *count, struct hg_listed_origin *origin, struct hg_error *err);
void hg_store_ids_free(char **ids, size_t count);

/* Removes all objects below <pipeline>/<id>/: the manifest first, deleted.json and run.json
 * last, so that an interrupted removal can be repeated.  keep_manifest leaves the manifest,
 * which is the mark of a dead run.  Continues after failures and returns the first one. */
enum hangar_rc hg_store_remove(struct hangar_ctx *sink, const char *pipeline, const char *id,
                               bool keep_manifest, struct hg_error *err);

#endif
