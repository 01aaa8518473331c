/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore: see restore.h.
 */
#include "restore/restore.h"

#include <stdlib.h>
#include <string.h>
#include "restore/file.h"
#include "restore/live.h"

struct rd_restore {
    struct rd_live_restore *live; /* one of live and file is NULL */
    struct rd_file *file;
    bool complete;
};

struct hangar_object {
    struct redis *redis;
};

static void drop_restore(struct redis *redis)
{
    if (!redis->restore) {
        return;
    }
    rd_live_drop(redis->restore->live);
    rd_file_drop(redis->restore->file);
    free(redis->restore);
    redis->restore = NULL;
}

enum hangar_rc redis_restore_prepare(void *inst, const struct hangar_restore *how)
{
    struct redis *redis = inst;
    const struct hangar_host *host = redis->host;
    for (size_t i = 0; i < how->object_count; i++) {
        if (strcmp(how->objects[i].name, RD_OBJECT) != 0) {
            return host->fail(
                redis->ctx, HANGAR_UNSUPPORTED, 0,
                "cannot restore the object %s: a newer version of hangar made this backup",
                how->objects[i].name);
        }
    }
    redis->restore = calloc(1, sizeof(*redis->restore));
    if (!redis->restore) {
        return rd_no_memory(redis, "prepare the restore");
    }
    if (redis->method_file) {
        return rd_file_prepare(redis, how, &redis->restore->file);
    }
    return rd_live_prepare(redis, how, &redis->restore->live);
}

enum hangar_rc redis_restore_open(void *inst, const struct hangar_object_info *info,
                                  struct hangar_object **out)
{
    (void)info;
    struct redis *redis = inst;
    struct hangar_object *object = malloc(sizeof(*object));
    if (!object) {
        return rd_no_memory(redis, "restore " RD_OBJECT);
    }
    object->redis = redis;
    enum hangar_rc rc = redis->restore->file ? rd_file_open(redis->restore->file)
                                             : rd_live_open(redis->restore->live);
    if (rc != HANGAR_OK) {
        free(object);
        return rc;
    }
    *out = object;
    return HANGAR_OK;
}

enum hangar_rc redis_restore_write(struct hangar_object *object, const void *data, size_t size)
{
    struct rd_restore *restore = object->redis->restore;
    return restore->file ? rd_file_write(restore->file, data, size)
                         : rd_live_write(restore->live, data, size);
}

enum hangar_rc redis_restore_close(struct hangar_object *object, int complete)
{
    struct rd_restore *restore = object->redis->restore;
    free(object);
    if (!complete) {
        return HANGAR_OK;
    }
    enum hangar_rc rc =
        restore->file ? rd_file_complete(restore->file) : rd_live_complete(restore->live);
    restore->complete = rc == HANGAR_OK;
    return rc;
}

/* The core ends all sources one after the other, so that what needs long is done here. */
enum hangar_rc redis_restore_phase_end(void *inst, uint32_t phase)
{
    const struct redis *redis = inst;
    (void)phase; /* there is only one */
    return redis->restore->live ? rd_live_check(redis->restore->live) : HANGAR_OK;
}

enum hangar_rc redis_restore_end(void *inst, struct hangar_attrs *report)
{
    struct redis *redis = inst;
    struct rd_restore *restore = redis->restore;
    enum hangar_rc rc = HANGAR_OK;
    if (restore && report && restore->complete) {
        rc =
            restore->file ? rd_file_end(restore->file, report) : rd_live_end(restore->live, report);
    }
    if (restore && !(report && restore->complete && rc == HANGAR_OK)) {
        rd_live_warn_of_rest(restore->live);
    }
    drop_restore(redis);
    return rc;
}
