/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * remove: one object by DELETE, many by requests of 1000 names where the store supports them.
 * The answer to such a request has a result for each name, also when its status is a success.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/escape.h"

#define BATCH_MAX 1000 /* names in a request */

static enum hangar_rc s3_remove_key(struct s3 *s3, const char *key, const char *action,
                                    struct failure *failure)
{
    struct s3_answer answer;
    const struct s3_request request = {.method = "DELETE", .key = key};
    enum hangar_rc rc = s3_send(&s3->wire, &request, action, &answer, failure);
    if (rc == HANGAR_NOT_FOUND && failure->rc == HANGAR_OK) {
        return HANGAR_OK;
    }
    return rc != HANGAR_OK
               ? failure_record(failure, rc, "cannot %s: the store refused (HTTP status %ld)",
                                action, answer.status)
               : HANGAR_OK;
}

enum hangar_rc s3_remove(void *inst, const char *name)
{
    struct s3 *s3 = inst;
    char key[S3_KEY_MAX + 1], action[S3_ACTION_SIZE];
    enum hangar_rc rc = s3_key(s3, name, key);
    if (rc != HANGAR_OK) {
        return rc;
    }
    s3_stale_sweep_once(s3, key);
    s3_action(s3, "remove", name, action);
    struct failure failure = {0};
    rc = s3_remove_key(s3, key, action, &failure);
    return rc != HANGAR_OK ? failure_raise(&failure, s3->host, s3->ctx) : HANGAR_OK;
}

/* A request for many names, and its answer. */
struct s3_batch {
    const char *const *names;
    size_t count;
    size_t skip; /* bytes of the prefix */
    enum hangar_rc *results;
    char key[S3_KEY_MAX + 1], code[64], problem[160];
};

static enum hangar_rc s3_batch_rc_of_code(const char *code)
{
    if (strcmp(code, "NoSuchKey") == 0 || strcmp(code, "NoSuchVersion") == 0) {
        return HANGAR_OK;
    }
    return strcmp(code, "AccessDenied") == 0 ? HANGAR_AUTH : HANGAR_IO;
}

static bool s3_batch_on_element(void *arg, const char *path, char *text)
{
    struct s3_batch *batch = arg;
    if (!text) {
        for (size_t i = 0; i < batch->count; i++) {
            batch->results[i] = HANGAR_OK; /* "Quiet": the answer lists only failures */
        }
        batch->key[0] = batch->code[0] = batch->problem[0] = '\0';
    } else if (strcmp(path, "DeleteResult/Error/Key") == 0) {
        snprintf(batch->key, sizeof(batch->key), "%s", text);
    } else if (strcmp(path, "DeleteResult/Error/Code") == 0) {
        snprintf(batch->code, sizeof(batch->code), "%s", text);
    } else if (strcmp(path, "DeleteResult/Error") == 0) {
        for (size_t i = 0; i < batch->count; i++) {
            if (strlen(batch->key) >= batch->skip &&
                strcmp(batch->key + batch->skip, batch->names[i]) == 0) {
                batch->results[i] = s3_batch_rc_of_code(batch->code);
            }
        }
        if (!*batch->problem && s3_batch_rc_of_code(batch->code)) {
            snprintf(batch->problem, sizeof(batch->problem), "%.64s", batch->code);
        }
    }
    return true;
}

static void s3_batch_make_body(const struct s3 *s3, const struct s3_batch *batch, struct text *body)
{
    text_add(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < batch->count; i++) {
        text_add(body, "<Object><Key>");
        s3_add_xml(body, s3->set.prefix);
        s3_add_xml(body, batch->names[i]);
        text_add(body, "</Key></Object>");
    }
    text_add(body, "<Quiet>true</Quiet></Delete>");
}

/* HANGAR_UNSUPPORTED, not recorded: the store has no such request. */
static enum hangar_rc s3_batch_remove(struct s3 *s3, struct s3_batch *batch, const char *action,
                                      struct failure *failure)
{
    struct text body = {0};
    const struct s3_pair query = {"delete", ""};
    const struct s3_pair header = {"content-type", "application/xml"};
    s3_batch_make_body(s3, batch, &body);
    if (body.failed) {
        text_free(&body);
        return failure_no_memory(failure, "%s", action);
    }
    const struct s3_request request = {.method = "POST",
                                       .query = &query,
                                       .query_count = 1,
                                       .headers = &header,
                                       .header_count = 1,
                                       .body = body.data,
                                       .body_size = body.size,
                                       .md5 = true,
                                       .slow = true,
                                       .root = "DeleteResult",
                                       .on_element = s3_batch_on_element,
                                       .arg = batch};
    struct s3_answer answer;
    enum hangar_rc rc = s3_send(&s3->wire, &request, action, &answer, failure);
    text_free(&body);
    if (rc != HANGAR_OK && rc != HANGAR_UNSUPPORTED) {
        return failure_record(failure, rc, "cannot %s: the store refused (HTTP status %ld)", action,
                              answer.status);
    }
    if (rc == HANGAR_OK && *batch->problem) {
        for (size_t i = 0; i < batch->count && rc == HANGAR_OK; i++) {
            rc = batch->results[i];
        }
        return failure_record(failure, rc, "cannot %s: %s", action, batch->problem);
    }
    return rc;
}

static enum hangar_rc s3_remove_each(struct s3 *s3, const struct s3_batch *batch,
                                     const char *action, struct failure *failure)
{
    char key[S3_KEY_MAX + 1];
    enum hangar_rc first = HANGAR_OK;
    for (size_t i = 0; i < batch->count; i++) {
        snprintf(key, sizeof(key), "%s%s", s3->set.prefix, batch->names[i]);
        batch->results[i] = s3_remove_key(s3, key, action, failure);
        first = first ? first : batch->results[i];
    }
    return first;
}

enum hangar_rc s3_remove_names(struct s3 *s3, const char *const *names, size_t count,
                               enum hangar_rc *results, struct failure *failure)
{
    char action[S3_ACTION_SIZE];
    enum hangar_rc first = HANGAR_OK;
    snprintf(action, sizeof(action), "remove objects in %s", s3->set.description);
    struct s3_batch *batch = calloc(1, sizeof(*batch));
    if (!batch) {
        return failure_no_memory(failure, "%s", action);
    }
    for (size_t done = 0; done < count; done += batch->count) {
        batch->names = names + done;
        batch->results = results + done;
        batch->count = count - done < BATCH_MAX ? count - done : BATCH_MAX;
        batch->skip = strlen(s3->set.prefix);
        for (size_t i = 0; i < batch->count; i++) {
            batch->results[i] = HANGAR_IO; /* until the answer has a result */
        }
        struct failure own = {0};
        enum hangar_rc rc = atomic_load(&s3->no_batch) ? HANGAR_UNSUPPORTED
                                                       : s3_batch_remove(s3, batch, action, &own);
        if (rc == HANGAR_UNSUPPORTED && own.rc == HANGAR_OK) {
            atomic_store(&s3->no_batch, true);
            rc = s3_remove_each(s3, batch, action, &own);
        }
        if (rc != HANGAR_OK) {
            first = failure_copy(failure, &own);
        }
    }
    free(batch);
    return first;
}

enum hangar_rc s3_remove_many(void *inst, const char *const *names, size_t count,
                              enum hangar_rc *results)
{
    struct s3 *s3 = inst;
    char key[S3_KEY_MAX + 1];
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < count && rc == HANGAR_OK; i++) {
        rc = s3_key(s3, names[i], key);
    }
    if (rc != HANGAR_OK || !count) {
        return rc;
    }
    s3_stale_sweep_once(s3, key);
    struct failure failure = {0};
    rc = s3_remove_names(s3, names, count, results, &failure);
    return rc != HANGAR_OK ? failure_raise(&failure, s3->host, s3->ctx) : HANGAR_OK;
}
