/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * import_state: the state of an import, shared by import.c (the job), import_place.c (which sink)
 * and import_members.c (the files of the archive).
 */
#ifndef HG_JOBS_TRANSFER_IMPORT_STATE_H
#define HG_JOBS_TRANSFER_IMPORT_STATE_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "config/config.h"
#include "inventory/place.h"
#include "jobs/transfer/transfer.h"

#define HG_IMPORT_BUFFER 65536

/* A file that the manifest lists. */
struct hg_import_file {
    const char *name; /* in the backup's folder; the manifest's */
    uint64_t bytes;
    const char *sha256;
    bool object; /* else RESTORE.txt, SHA256SUMS */
    bool seen;   /* in the archive */
};

struct hg_import {
    struct hg_transfer transfer;
    struct hg_untar *untar;
    unsigned char *buffer;
    const struct hg_pipeline_config *pipeline; /* NULL until it is chosen */
    struct hg_place place;                     /* where the backup is stored */
    char id[HG_BACKUP_ID_SIZE];
    struct hg_str text, signature; /* of the manifest */
    struct hg_manifest manifest;
    int lock;
    bool busy;                    /* another run holds the pipeline */
    bool same;                    /* the sink has this backup already */
    struct hg_import_file *files; /* by name */
    size_t file_count, folders_left;
};

/* Reads a member of `size` bytes; the caller frees *out, also after a failure. */
enum hangar_rc hg_import_text(struct hg_import *x, uint64_t size, struct hg_str *out,
                              struct hg_error *err);

/* With a signing key: reads manifest.json.sig, which must be the next member, and checks it
 * against x->text.  Nothing of the manifest is parsed before. */
enum hangar_rc hg_import_signature(struct hg_import *x, struct hg_error *err);

/* Chooses the pipeline and the sink (either name may be NULL), locks the pipeline and takes
 * the place of the backup, unless the sink has it (x->same).  EXISTS: see x->busy and
 * hg_place_prepare. */
enum hangar_rc hg_import_place(struct hg_import *x, const char *pipeline, const char *sink,
                               struct hg_error *err);

/* Stores the files of the archive.  OK: they are exactly those that the manifest lists. */
enum hangar_rc hg_import_members(struct hg_import *x, struct hg_error *err);

#endif
