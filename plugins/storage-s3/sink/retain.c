/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retain: locks an object until a time, by the object lock of the store.  It never shortens a
 * lock.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"

struct s3_lock {
    char mode[16];
    int64_t until_ms;
};

static bool s3_lock_on_element(void *arg, const char *path, char *text)
{
    struct s3_lock *lock = arg;
    if (!text) {
        *lock = (struct s3_lock){0};
    } else if (strcmp(path, "Retention/Mode") == 0) {
        snprintf(lock->mode, sizeof(lock->mode), "%s", text);
    } else if (strcmp(path, "Retention/RetainUntilDate") == 0) {
        clock_parse(text, &lock->until_ms);
    }
    return true;
}

/* Reads the lock of an object.  HANGAR_OK with an empty mode: there is none. */
static enum hangar_rc s3_lock_read(struct s3 *s3, const char *key, const char *action,
                                   struct s3_lock *lock, struct failure *failure)
{
    struct s3_answer answer;
    const struct s3_pair query = {"retention", ""};
    const struct s3_request request = {.method = "GET",
                                       .key = key,
                                       .query = &query,
                                       .query_count = 1,
                                       .few_tries = true,
                                       .root = "Retention",
                                       .on_element = s3_lock_on_element,
                                       .arg = lock};
    struct failure own = {0};
    enum hangar_rc rc = s3_send(&s3->wire, &request, action, &answer, &own);
    if (rc != HANGAR_OK && answer.xml_bad) {
        /* the store has ignored "?retention" and sent the object itself */
        return failure_record(failure, HANGAR_UNSUPPORTED,
                              "cannot %s: the store has no object lock", action);
    }
    failure_copy(failure, &own);
    if (rc == HANGAR_NOT_FOUND && strcmp(answer.code, "NoSuchObjectLockConfiguration") == 0) {
        *lock = (struct s3_lock){0};
        return HANGAR_OK;
    }
    if (rc == HANGAR_NOT_FOUND) {
        return failure_record(failure, rc, "cannot %s: the object does not exist", action);
    }
    return rc;
}

static enum hangar_rc s3_lock_write(struct s3 *s3, const char *key, const char *action,
                                    const char *mode, int64_t until_ms, struct failure *failure)
{
    char until[CLOCK_ISO_SIZE], body[256];
    clock_format(until_ms + 999, CLOCK_ISO, until, sizeof(until)); /* never shorter */
    snprintf(body, sizeof(body),
             "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>%s</Mode>"
             "<RetainUntilDate>%s</RetainUntilDate></Retention>",
             mode, until);
    const struct s3_pair query = {"retention", ""};
    const struct s3_pair header = {"content-type", "application/xml"};
    const struct s3_request request = {.method = "PUT",
                                       .key = key,
                                       .query = &query,
                                       .query_count = 1,
                                       .headers = &header,
                                       .header_count = 1,
                                       .body = body,
                                       .body_size = strlen(body),
                                       .md5 = true};
    struct s3_answer answer;
    return s3_send(&s3->wire, &request, action, &answer, failure);
}

enum hangar_rc s3_retain(void *inst, const char *name, int64_t until_ms)
{
    struct s3 *s3 = inst;
    char key[S3_KEY_MAX + 1], action[S3_ACTION_SIZE];
    enum hangar_rc rc = s3_key(s3, name, key);
    if (rc != HANGAR_OK) {
        return rc;
    }
    s3_action(s3, "lock", name, action);
    if (!s3->set.lock_mode) {
        return s3->host->fail(s3->ctx, HANGAR_UNSUPPORTED, 0, "cannot %s: lock_mode is none",
                              action);
    }
    struct failure failure = {0};
    struct s3_lock lock = {0};
    rc = s3_lock_read(s3, key, action, &lock, &failure);
    if (rc == HANGAR_OK && lock.until_ms >= until_ms) {
        return HANGAR_OK;
    }
    /* a lock of mode compliance cannot become one of mode governance */
    if (rc == HANGAR_OK) {
        rc = s3_lock_write(s3, key, action, *lock.mode ? lock.mode : s3->set.lock_mode, until_ms,
                           &failure);
    }
    if (rc != HANGAR_OK && failure.rc == HANGAR_OK) {
        failure_record(&failure, rc, "cannot %s: the store refused the request", action);
    }
    /* this is the refusal in a bucket without object lock */
    if (rc == HANGAR_CONFIG) {
        failure.rc = HANGAR_UNSUPPORTED;
    }
    return rc != HANGAR_OK ? failure_raise(&failure, s3->host, s3->ctx) : HANGAR_OK;
}
