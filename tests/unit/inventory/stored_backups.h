/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * stored_backups: an open configuration with the pipeline nightly, whose sink is the
 * directory ./backups.  A test makes backups of any age in it, and can make calls of the
 * sink fail.
 */
#ifndef TEST_UNIT_INVENTORY_STORED_BACKUPS_H
#define TEST_UNIT_INVENTORY_STORED_BACKUPS_H

#include "base/json.h"
#include "base/str.h"
#include "catalog/store.h"
#include "session/handle.h"

struct world {
    struct hangar *h;
    struct hg_plugin sink; /* the sink of the configuration, with replaced functions */
    long calls_left;       /* calls that change the store until all fail; -1: none fails */
    void (*on_stat)(const char *name); /* called before each stat and get; may be NULL */
    char *json;                        /* the document of the last job */
    json_t *doc;                       /* the same, parsed */
    char ids[64][HG_BACKUP_ID_SIZE];   /* of the backups, in the order of their making */
    size_t count;
    struct hg_str log; /* the warnings and errors of all jobs so far, a line each */
    const char *key;   /* of `signing:`; set it before world_open; NULL: none */
};
extern struct world world;

/* A libcheck fixture: a fresh folder; no configuration is open yet. */
void world_setup(void);
void world_teardown(void);

/* Opens a configuration whose sink has this retention ("keep_last: 1"; NULL: none). */
void world_open(const char *retention);

/* Makes a whole backup with this many objects that finished `age_ms` ago.  Returns its id. */
const char *world_backup(int64_t age_ms, size_t objects);

/* Makes four backups, the last an hour ago, the others a day apart; world.ids has only them. */
void world_four(size_t objects);
/* The files of such a backup: its objects, run.json and the files of the end. */
#define WORLD_FILES(objects) ((objects) + 4)

/* "backups/nightly/ID/NAME"; valid for the next seven calls. */
const char *world_path(const char *id, const char *name);
bool world_has(const char *id, const char *name);
void world_write(const char *id, const char *name, const char *text);
/* Writes deleted.json of a removal that has begun. */
void world_begin_removal(const char *id);
/* Writes what a run on another host left that died `age_ms` ago: run.json and an object. */
void world_dead_run(const char *id, int64_t age_ms);
/* Sets the file's modification time to `ms` ago. */
void world_age(const char *id, const char *name, int64_t ms);

/* The number of files below the backup's folder; -1: the folder does not exist. */
long world_files(const char *id);

/* Prunes all pipelines and sinks; the document is in world.doc. */
enum hangar_status world_prune(uint32_t flags);
/* The sink in the document of the last job. */
const json_t *world_sink(void);
/* Holds ('h'), releases ('u') or removes ('r') a backup. */
enum hangar_status world_do(char what, const char *id);

/* The action that the last prune reported for a leftover, or "". */
const char *world_action(const char *id);

#endif
