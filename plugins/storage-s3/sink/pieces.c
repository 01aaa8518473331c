/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pieces: an object with more parts than the store allows is stored as several.  The first piece
 * has the name of the object; the names of the others are made from it and the mark of the put:
 *
 *     cache/dump.rdb.gz
 *     cache/dump.rdb.gz.part-5f0c…-00002
 *     cache/dump.rdb.gz.part-5f0c…-00003
 *
 * Concatenated they are the object.  The first piece is completed last, which makes the object
 * visible and complete in one step.  The ETag of the first piece ends in its number of parts: only
 * if that is the maximum can other pieces exist, so an ordinary object costs no extra request.
 * Listings show the pieces, too, so removing a folder removes them.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 10000 /* of one object, in AWS */

void s3_piece_key(const char *key, const char *mark, size_t number, char out[S3_KEY_MAX + 1])
{
    int size = snprintf(out, S3_KEY_MAX + 1, "%s.part-%s-%05zu", key, mark, number);
    if (size > S3_KEY_MAX) { /* a valid prefix and name are always short enough */
        out[0] = '\0';
    }
}

bool s3_pieces_possible(const struct s3 *s3, const char *etag)
{
    const char *dash = strrchr(etag, '-');
    uint64_t parts = dash ? strtoull(dash + 1, NULL, 10) : 0;
    return parts && (parts == s3->set.max_parts || parts == PARTS_MAX);
}

struct s3_piece_search {
    struct s3_pieces *pieces;
    const char *key, *mark;
    char found[S3_KEY_MAX + 1];
    uint64_t size;
    bool truncated, gap;
};

static bool s3_pieces_on_element(void *arg, const char *path, char *text)
{
    struct s3_piece_search *search = arg;
    if (!text) {
        *search->pieces = (struct s3_pieces){0};
        search->truncated = search->gap = false;
    } else if (strcmp(path, "ListBucketResult/IsTruncated") == 0) {
        search->truncated = strcmp(text, "true") == 0;
    } else if (strcmp(path, "ListBucketResult/Contents/Key") == 0) {
        snprintf(search->found, sizeof(search->found), "%s", text);
    } else if (strcmp(path, "ListBucketResult/Contents/Size") == 0) {
        search->size = strtoull(text, NULL, 10);
    } else if (strcmp(path, "ListBucketResult/Contents") == 0) {
        struct s3_pieces *pieces = search->pieces;
        char expected[S3_KEY_MAX + 1];
        s3_piece_key(search->key, search->mark, pieces->count + 2, expected);
        if (pieces->count == S3_PIECES_MAX || strcmp(search->found, expected) != 0) {
            search->gap = true;
        } else {
            pieces->sizes[pieces->count++] = search->size;
            pieces->total += search->size;
        }
    }
    return true;
}

enum hangar_rc s3_pieces_find(struct s3 *s3, const char *key, const char *mark, const char *action,
                              struct s3_pieces *pieces, struct failure *failure)
{
    struct s3_piece_search search = {.pieces = pieces, .key = key, .mark = mark};
    *pieces = (struct s3_pieces){0};
    if (!*mark) { /* hangar did not store it */
        return HANGAR_OK;
    }
    char prefix[S3_KEY_MAX + 1];
    s3_piece_key(key, mark, 0, prefix);
    if (strlen(prefix) < 5) {
        return HANGAR_OK;
    }
    prefix[strlen(prefix) - 5] = '\0';
    const struct s3_pair query[] = {
        {"prefix", prefix}, {"max-keys", "1000"}, {s3->set.list_v1 ? NULL : "list-type", "2"}};
    const struct s3_request request = {.method = "GET",
                                       .query = query,
                                       .query_count = s3->set.list_v1 ? 2 : 3,
                                       .root = "ListBucketResult",
                                       .on_element = s3_pieces_on_element,
                                       .arg = &search};
    struct s3_answer answer;
    enum hangar_rc rc = s3_send(&s3->wire, &request, action, &answer, failure);
    if (rc != HANGAR_OK) {
        return failure_record(failure, rc,
                              "cannot %s: the store refused to list its pieces (HTTP status %ld)",
                              action, answer.status);
    }
    if (search.gap || search.truncated) {
        return failure_record(failure, HANGAR_CORRUPT, "cannot %s: one of its pieces is missing",
                              action);
    }
    return HANGAR_OK;
}

enum hangar_rc s3_head_with_pieces(struct s3 *s3, const char *key, const char *action,
                                   struct s3_answer *answer, struct failure *failure)
{
    struct s3_pieces pieces = {0};
    enum hangar_rc rc = s3_head(s3, key, action, answer, failure);
    if (rc == HANGAR_OK && s3_pieces_possible(s3, answer->etag)) {
        rc = s3_pieces_find(s3, key, answer->mark, action, &pieces, failure);
    }
    answer->length += pieces.total;
    return rc;
}

enum hangar_rc s3_stat(void *inst, const char *name, struct hangar_entry *entry)
{
    struct s3 *s3 = inst;
    char key[S3_KEY_MAX + 1], action[S3_ACTION_SIZE];
    enum hangar_rc rc = s3_key(s3, name, key);
    if (rc != HANGAR_OK) {
        return rc;
    }
    s3_action(s3, "read the size of", name, action);
    struct failure failure = {0};
    struct s3_answer answer;
    rc = s3_head_with_pieces(s3, key, action, &answer, &failure);
    if (rc == HANGAR_NOT_FOUND && failure.rc == HANGAR_OK) {
        failure_record(&failure, rc, "cannot %s: the object does not exist", action);
    }
    if (rc != HANGAR_OK) {
        return failure_raise(&failure, s3->host, s3->ctx);
    }
    s3_entry_fill(entry, &answer);
    return HANGAR_OK;
}
