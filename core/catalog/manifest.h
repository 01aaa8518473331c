/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * manifest: the model of manifest.json, which describes a backup; writing and reading
 * it.  docs/format.md describes the file.  A folder without it is not a backup.
 *
 * The file ends with a line that contains the SHA-256 of all bytes before it, so
 * that each change of the file is detected.
 */
#ifndef HG_CATALOG_MANIFEST_H
#define HG_CATALOG_MANIFEST_H

#include <jansson.h>
#include "base/attrs.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "catalog/sizes.h"
#include "catalog/tags.h"
#include "config/config.h"

#define HG_MANIFEST_FORMAT 1
#define HG_MANIFEST_NAME "manifest.json"
#define HG_SUMS_NAME "SHA256SUMS"
#define HG_RESTORE_NAME "RESTORE.txt"
#define HG_PHASE_MAX 1000

struct hg_manifest_object {
    char *name;   /* in its source */
    char *stored; /* in the folder of the backup: source, name, suffixes */
    uint32_t phase;
    uint64_t plain_bytes, stored_bytes;
    char plain_sha256[HG_SHA256_HEX], stored_sha256[HG_SHA256_HEX];
    struct hangar_attrs *attrs;                   /* of the source */
    struct hangar_attrs *transform[HG_CHAIN_MAX]; /* of each transform; NULL: none */
};

struct hg_manifest_source {
    char *name, *plugin, *version, *target;
    json_t *options; /* an object of strings, without secrets */
    struct hangar_attrs *facts, *point;
    int64_t time_ms; /* the recovery point */
    struct hg_manifest_object *objects;
    size_t count, capacity;
};

struct hg_manifest_transform {
    char *name, *plugin, *version, *suffix, *decode;
};

/* Owns everything below it; zero it before use. */
struct hg_manifest {
    int64_t format;
    char *id, *origin, *pipeline, *run, *host, *platform, *arch, *hangar;
    int64_t started_ms, finished_ms;
    int64_t skew_ms;
    bool safety;  /* a safety backup */
    bool partial; /* a partial backup: of some of the pipeline's sources */
    struct hg_tags tags;
    json_t *requires;  /* array of ids */
    size_t required;   /* how many: 0, or it cannot be restored without other backups */
    json_t *retention; /* object: per sink, the policy in force */
    json_t *sinks;     /* object: per sink, its plugin and capabilities; NULL: not recorded */
    struct hg_manifest_transform chain[HG_CHAIN_MAX];
    size_t chain_count;
    struct hg_manifest_source *sources;
    size_t source_count;
    struct hg_manifest_file {
        char *name;
        uint64_t bytes;
        char sha256[HG_SHA256_HEX];
    } files[2]; /* RESTORE.txt, SHA256SUMS */
    size_t file_count;
};

void hg_manifest_free(struct hg_manifest *m);

/* Appends the bytes of manifest.json to `out`.  UNSUPPORTED when they are too many. */
enum hangar_rc hg_manifest_write(const struct hg_manifest *m, struct hg_str *out,
                                 struct hg_error *err);

/* "backup", "safety" or "partial"; static. */
const char *hg_backup_kind(bool safety, bool partial);

/* Parses manifest.json and checks its hash and every field.  CORRUPT when it is damaged.
 * UNSUPPORTED for a newer format: then format, id and times are set. */
enum hangar_rc hg_manifest_read(const char *text, size_t size, struct hg_manifest *m,
                                struct hg_error *err);

/* Appends the text of SHA256SUMS for `sha256sum -c`: all objects, then RESTORE.txt. */
void hg_manifest_sums(const struct hg_manifest *m, const char *restore_sha256, struct hg_str *out);

size_t hg_manifest_objects(const struct hg_manifest *m);
uint64_t hg_manifest_plain_bytes(const struct hg_manifest *m);
uint64_t hg_manifest_stored_bytes(const struct hg_manifest *m); /* of the objects */

struct hg_manifest_source *hg_manifest_source(const struct hg_manifest *m, const char *name);

/* Sets *twin to an object that has the same stored name as another one, which is not
 * allowed; NULL: there is none.  False when out of memory. */
bool hg_manifest_twin(const struct hg_manifest_source *source,
                      const struct hg_manifest_object **twin);

/* The same for two sources of one name: sets *twin to that name. */
bool hg_manifest_source_twin(const struct hg_manifest *m, const char **twin);

/* Appends the shell command that writes an object's plain bytes to its output. */
void hg_manifest_decode_command(const struct hg_manifest *m,
                                const struct hg_manifest_object *object, struct hg_str *out);

#endif
