/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pieces: objects with more parts than the store takes are stored as several: the first
 * has the name, what follows has names made from it and from the mark of its put,
 *
 *     cache/dump.rdb.gz
 *     cache/dump.rdb.gz.part-5f0c…-00002
 *     cache/dump.rdb.gz.part-5f0c…-00003
 *
 * and concatenated they are the object.  The first is completed last, so the object is
 * there, whole, in that instant.  That there may be more is seen by the first one's etag,
 * which ends in its number of parts: only with all parts that are allowed can something
 * follow.  So nothing is asked for ordinary objects.  Listings show the pieces, too: who
 * removes a folder removes them.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_MOST 10000 /* of the service */

void s3_piece_key(const char *key, const char *mark, size_t number, char out[S3_KEY_MAX + 1])
{
    int size = snprintf(out, S3_KEY_MAX + 1, "%s.part-%s-%05zu", key, mark, number);
    if (size > S3_KEY_MAX) { /* the limits of prefixes and names leave room for it */
        out[0] = '\0';
    }
}

bool s3_pieces_possible(const struct s3 *s3, const char *etag)
{
    const char *dash = strrchr(etag, '-');
    uint64_t parts = dash ? strtoull(dash + 1, NULL, 10) : 0;
    return parts && (parts == s3->set.max_parts || parts == PARTS_MOST);
}

struct search {
    struct s3_pieces *pieces;
    const char *key, *mark;
    char found[S3_KEY_MAX + 1];
    uint64_t size;
    bool truncated, gap;
};

static bool take_piece(void *arg, const char *path, char *text)
{
    struct search *search = arg;
    char expected[S3_KEY_MAX + 1];
    if (!text) {
        *search->pieces = (struct s3_pieces){0};
        search->truncated = search->gap = false;
    } else if (!strcmp(path, "ListBucketResult/IsTruncated")) {
        search->truncated = !strcmp(text, "true");
    } else if (!strcmp(path, "ListBucketResult/Contents/Key")) {
        snprintf(search->found, sizeof(search->found), "%s", text);
    } else if (!strcmp(path, "ListBucketResult/Contents/Size")) {
        search->size = strtoull(text, NULL, 10);
    } else if (!strcmp(path, "ListBucketResult/Contents")) {
        struct s3_pieces *pieces = search->pieces;
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

enum hangar_rc s3_pieces_find(struct s3 *s3, const char *key, const char *mark, const char *what,
                              struct s3_pieces *pieces, struct s3_error *error)
{
    char prefix[S3_KEY_MAX + 1];
    struct s3_answer answer;
    struct search search = {.pieces = pieces, .key = key, .mark = mark};
    *pieces = (struct s3_pieces){0};
    if (!*mark) { /* not hangar's */
        return HANGAR_OK;
    }
    s3_piece_key(key, mark, 0, prefix);
    if (strlen(prefix) < 5) {
        return HANGAR_OK;
    }
    prefix[strlen(prefix) - 5] = '\0';
    const struct s3_pair query[] = {
        {"prefix", prefix}, {"max-keys", "1000"}, {s3->set.list_v1 ? NULL : "list-type", "2"}};
    struct s3_xml *xml = s3_xml_new(take_piece, &search);
    if (!xml) {
        return s3_error_set(error, HANGAR_NO_MEMORY, "cannot %s: out of memory", what);
    }
    const struct s3_request request = {
        .method = "GET", .query = query, .query_count = s3->set.list_v1 ? 2 : 3, .xml = xml};
    enum hangar_rc rc = s3_send(s3, &request, what, &answer, error);
    s3_xml_free(xml);
    if (rc) {
        return s3_error_set(error, rc, "cannot %s: the store does not list its pieces", what);
    }
    if (search.gap || search.truncated) {
        return s3_error_set(error, HANGAR_CORRUPT, "cannot %s: one of its pieces is missing", what);
    }
    return HANGAR_OK;
}

enum hangar_rc s3_head_all(struct s3 *s3, const char *key, const char *what,
                           struct s3_answer *answer, struct s3_error *error)
{
    struct s3_pieces pieces = {0};
    enum hangar_rc rc = s3_head(s3, key, what, answer, error);
    if (!rc && s3_pieces_possible(s3, answer->etag)) {
        rc = s3_pieces_find(s3, key, answer->mark, what, &pieces, error);
    }
    answer->length += pieces.total;
    return rc;
}
