/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * object: the names of objects, and the requests about one object that move no data: HEAD and
 * DELETE.
 */
#include "driver.h"

#include <stdio.h>
#include <string.h>

bool driver_is_name(const char *name)
{
    size_t size = strlen(name), part = 0;
    if (!size || size > NAME_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i <= size; i++) {
        char c = name[i];
        if (c && c != '/') {
            bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || strchr("._=-", c);
            if (!good) {
                return false;
            }
            part++;
            continue;
        }
        const char *begin = name + i - part;
        if (!part || (part == 1 && *begin == '.') || (part == 2 && memcmp(begin, "..", 2) == 0)) {
            return false;
        }
        part = 0;
    }
    return true;
}

enum hangar_rc driver_check_name(struct driver *driver, const char *name)
{
    if (driver_is_name(name)) {
        return HANGAR_OK;
    }
    return driver->host->fail(driver->ctx, HANGAR_CONFIG, 0,
                              "cannot use the name %.100s: it is not allowed", name);
}

void driver_key(const struct driver *driver, const char *name, char key[KEY_SIZE])
{
    snprintf(key, KEY_SIZE, "%s%s", driver->prefix, name);
}

static void libs3_head_begin(struct call *call, S3RequestContext *context)
{
    char key[KEY_SIZE];
    driver_key(call->driver, call->name, key);
    S3_head_object(&call->driver->bucket, key, context, LIBS3_HANDLER(&call_handler), call);
}

enum hangar_rc driver_head(struct driver *driver, const char *name, bool missing_is_failure,
                           struct hangar_entry *entry)
{
    struct call call = {.driver = driver,
                        .verb = "read the size of",
                        .name = name,
                        .missing_is_failure = missing_is_failure};
    enum hangar_rc rc = call_run(&call, libs3_head_begin, NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    entry->flags = 0;
    entry->name = NULL;
    entry->size = call.length;
    entry->time_ms = call.modified_ms;
    memcpy(entry->etag, call.etag, sizeof(entry->etag));
    return HANGAR_OK;
}

enum hangar_rc libs3_stat(void *inst, const char *name, struct hangar_entry *entry)
{
    enum hangar_rc rc = driver_check_name(inst, name);
    return rc != HANGAR_OK ? rc : driver_head(inst, name, true, entry);
}

static void libs3_remove_begin(struct call *call, S3RequestContext *context)
{
    char key[KEY_SIZE];
    driver_key(call->driver, call->name, key);
    S3_delete_object(&call->driver->bucket, key, context, LIBS3_HANDLER(&call_handler), call);
}

enum hangar_rc libs3_remove(void *inst, const char *name)
{
    struct driver *driver = inst;
    struct call call = {.driver = driver, .verb = "remove", .name = name};
    enum hangar_rc rc = driver_check_name(driver, name);
    if (rc == HANGAR_OK) {
        rc = call_run(&call, libs3_remove_begin, NULL);
    }
    return rc == HANGAR_NOT_FOUND ? HANGAR_OK : rc;
}
