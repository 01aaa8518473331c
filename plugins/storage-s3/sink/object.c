/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * object: the key of an object, and what HEAD returns about it.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <string.h>

void s3_action(const struct s3 *s3, const char *verb, const char *name, char out[S3_ACTION_SIZE])
{
    snprintf(out, S3_ACTION_SIZE, "%s %s in %s", verb, name, s3->set.description);
}

bool s3_is_valid_name(const char *name)
{
    size_t size = strlen(name);
    if (!size || size > S3_NAME_MAX) {
        return false;
    }
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
        size_t length = strcspn(part, "/");
        if (!length || (length <= 2 && strncmp(part, "..", length) == 0)) {
            return false;
        }
    }
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/=-") ==
           size;
}

enum hangar_rc s3_key(struct s3 *s3, const char *name, char key[S3_KEY_MAX + 1])
{
    if (!s3_is_valid_name(name)) {
        return s3->host->fail(s3->ctx, HANGAR_CONFIG, 0,
                              "cannot use the name %.100s in %s: it is not allowed", name,
                              s3->set.description);
    }
    snprintf(key, S3_KEY_MAX + 1, "%s%s", s3->set.prefix, name);
    return HANGAR_OK;
}

void s3_entry_fill(struct hangar_entry *entry, const struct s3_answer *answer)
{
    entry->flags = 0;
    entry->name = NULL;
    entry->size = answer->length;
    entry->time_ms = answer->modified_ms;
    snprintf(entry->etag, sizeof(entry->etag), "%s", answer->etag);
}

/* The answer to HEAD has no body that explains a refusal; that to GET of one byte has. */
static void s3_head_explain(struct s3 *s3, const char *key, const char *action,
                            struct failure *failure)
{
    const struct s3_pair first_byte = {"range", "bytes=0-0"};
    const struct s3_request request = {
        .method = "GET", .key = key, .headers = &first_byte, .header_count = 1, .few_tries = true};
    struct s3_answer answer;
    s3_send(&s3->wire, &request, action, &answer, failure);
}

enum hangar_rc s3_head(struct s3 *s3, const char *key, const char *action, struct s3_answer *answer,
                       struct failure *failure)
{
    const struct s3_request request = {.method = "HEAD", .key = key};
    struct failure unexplained = {0};
    enum hangar_rc rc = s3_send(&s3->wire, &request, action, answer, &unexplained);
    if (rc == HANGAR_AUTH || rc == HANGAR_CONFIG) {
        s3_head_explain(s3, key, action, failure);
    }
    failure_copy(failure, &unexplained);
    if (rc != HANGAR_OK && rc != HANGAR_NOT_FOUND) {
        failure_record(failure, rc, "cannot %s: the store refused HEAD (HTTP status %ld)", action,
                       answer->status);
    }
    return rc;
}
