/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * stored_backups: an open configuration with one pipeline, nightly, that stores in a real
 * directory, ./backups; backups of any age in it; and the sink's calls, which can be
 * made to fail.
 */
#ifndef STORED_BACKUPS_H
#define STORED_BACKUPS_H

#include "base/json.h"
#include "catalog/store.h"
#include "session/handle.h"

struct world {
    struct hangar *h;
    struct hg_plugin sink;             /* what the configuration's sink has become */
    long calls_left;                   /* that change something; then all fail; -1: none */
    void (*on_stat)(const char *name); /* before the sink looks; NULL: nothing */
    char *json;                        /* of the last job */
    json_t *doc;                       /* the same */
    char ids[64][HG_BACKUP_ID_SIZE];   /* of the backups made, in order */
    size_t count;
};
extern struct world world;

/* A libcheck fixture: a folder, with nothing open yet. */
void world_setup(void);
void world_teardown(void);

/* Opens a configuration whose sink has this retention ("keep_last: 1"; NULL: none). */
void world_open(const char *retention);

/* Makes a whole backup with this many objects, finished so long ago; its id. */
const char *world_backup(int64_t age_ms, size_t objects);

/* "backups/nightly/ID/NAME"; lives until the next call but seven. */
const char *world_path(const char *id, const char *name);
bool world_has(const char *id, const char *name);
void world_write(const char *id, const char *name, const char *text);
/* The file's last change was so long ago. */
void world_age(const char *id, const char *name, int64_t ms);

/* How many files are below the backup's folder; -1: there is no such folder. */
long world_files(const char *id);

/* Runs a prune of everything; what the library answered is in world.doc. */
enum hangar_status world_prune(uint32_t flags);
/* hold, unhold or remove of a backup. */
enum hangar_status world_do(char what, const char *id);

/* The action told for a leftover of the last prune, or "". */
const char *world_action(const char *id);

#endif
