/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: a page of names, as the store lists them.  Objects and common prefixes come in
 * two lists, each in order, and are put into one.  Keys that hangar cannot have made are
 * somebody else's, and left out.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/escape.h"

#define PAGE_MAX 1000

struct item {
    struct hangar_entry entry;
    char *name;
};

struct lister {
    struct s3 *s3;
    size_t count;
    bool failed, escaped, truncated;
    struct hangar_entry entry; /* the one that is being read */
    char key[3 * S3_KEY_MAX + 1], last[S3_KEY_MAX + 1], token[3 * 1024];
    struct item items[PAGE_MAX];
};

static void clear_items(struct lister *lister)
{
    for (size_t i = 0; i < lister->count; i++) {
        free(lister->items[i].name);
    }
    lister->count = 0;
}

/* An object or prefix is complete: keeps it, if it is one of ours. */
static void keep(struct lister *lister, bool prefix)
{
    const char *own = lister->s3->set.prefix;
    size_t skip = strlen(own), size = strlen(lister->key);
    char name[S3_KEY_MAX + 1];
    struct hangar_entry entry = lister->entry;
    lister->entry = (struct hangar_entry){.struct_size = sizeof(entry)};
    if (strncmp(lister->key, own, skip)) {
        return;
    }
    memcpy(name, lister->key + skip, size - skip + 1);
    size -= skip;
    if (prefix && size && name[size - 1] == '/') {
        name[size - 1] = '\0';
    }
    if (!s3_name_valid(name)) {
        return;
    }
    if (prefix) {
        entry = (struct hangar_entry){.struct_size = sizeof(entry), .flags = HANGAR_ENTRY_PREFIX};
        name[size - 1] = '/';
    }
    struct item *item = &lister->items[lister->count];
    if (lister->count == PAGE_MAX || !(item->name = strdup(name))) {
        lister->failed = true;
        return;
    }
    item->entry = entry;
    lister->count++;
}

static bool take_key(struct lister *lister, char *text)
{
    if (strlen(text) >= sizeof(lister->key)) {
        return false;
    }
    strcpy(lister->key, text);
    return true;
}

static void take_etag(struct lister *lister, char *text)
{
    size_t size = strlen(text);
    if (size >= 2 && text[0] == '"' && text[size - 1] == '"') {
        text[size - 1] = '\0';
        text++;
    }
    snprintf(lister->entry.etag, sizeof(lister->entry.etag), "%s", text);
}

static bool take_element(void *arg, const char *path, char *text)
{
    struct lister *lister = arg;
    if (!text) {
        clear_items(lister);
        lister->escaped = lister->truncated = false;
        lister->token[0] = lister->last[0] = '\0';
        return true;
    }
    if (strncmp(path, "ListBucketResult/", 17)) {
        return true;
    }
    path += 17;
    if (!strcmp(path, "EncodingType")) {
        lister->escaped = !strcmp(text, "url");
    } else if (!strcmp(path, "IsTruncated")) {
        lister->truncated = !strcmp(text, "true");
    } else if (!strcmp(path, "NextContinuationToken")) {
        if (strlen(text) >= sizeof(lister->token)) {
            return false;
        }
        strcpy(lister->token, text);
    } else if (!strcmp(path, "Contents/Size")) {
        lister->entry.size = strtoull(text, NULL, 10);
    } else if (!strcmp(path, "Contents/LastModified")) {
        lister->entry.time_ms = s3_parse_time(text);
    } else if (!strcmp(path, "Contents/ETag")) {
        take_etag(lister, text);
    } else if (!strcmp(path, "Contents/Key") || !strcmp(path, "CommonPrefixes/Prefix")) {
        return take_key(lister, text);
    } else if (!strcmp(path, "Contents") || !strcmp(path, "CommonPrefixes")) {
        if (lister->escaped && !s3_unescape(lister->key)) {
            return false;
        }
        if (strlen(lister->key) > S3_KEY_MAX) {
            return false; /* none has ever been that long */
        }
        if (strcmp(lister->key, lister->last) > 0) {
            memcpy(lister->last, lister->key, strlen(lister->key) + 1);
        }
        keep(lister, !strcmp(path, "CommonPrefixes"));
        return !lister->failed;
    }
    return true;
}

static int compare_items(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

static enum hangar_rc ask(struct lister *lister, struct hangar_page *page, struct s3_error *error)
{
    struct s3 *s3 = lister->s3;
    const struct s3_settings *set = &s3->set;
    char prefix[S3_KEY_MAX + 1], what[S3_WHAT_SIZE], delimiter[2] = {page->delimiter};
    struct s3_answer answer;
    if (snprintf(prefix, sizeof(prefix), "%s%s", set->prefix, page->prefix) >=
        (int)sizeof(prefix)) {
        return HANGAR_OK; /* no key can be so long */
    }
    snprintf(what, sizeof(what), "list %s", set->description);
    struct s3_pair query[6] = {{"prefix", prefix}, {"max-keys", "1000"}, {"encoding-type", "url"}};
    size_t count = 3;
    if (*delimiter) {
        query[count++] = (struct s3_pair){"delimiter", delimiter};
    }
    if (!set->list_v1) {
        query[count++] = (struct s3_pair){"list-type", "2"};
    }
    if (*page->cursor) {
        query[count++] =
            (struct s3_pair){set->list_v1 ? "marker" : "continuation-token", page->cursor};
    }
    struct s3_xml *xml = s3_xml_new(take_element, lister);
    if (!xml) {
        return s3_error_set(error, HANGAR_NO_MEMORY, "cannot %s: out of memory", what);
    }
    const struct s3_request request = {
        .method = "GET", .query = query, .query_count = count, .xml = xml};
    enum hangar_rc rc = s3_send(s3, &request, what, &answer, error);
    s3_xml_free(xml);
    if (rc) {
        return s3_error_set(error, rc, "cannot %s: the store refuses (status %ld)", what,
                            answer.status);
    }
    page->store_time_ms = answer.date_ms;
    return HANGAR_OK;
}

/* Where the next page begins. */
static enum hangar_rc set_cursor(struct lister *lister, struct hangar_page *page,
                                 struct s3_error *error)
{
    page->cursor[0] = '\0';
    if (!lister->truncated) {
        return HANGAR_OK;
    }
    if (lister->s3->set.list_v1) { /* behind the last one; not all stores say where that is */
        snprintf(lister->token, sizeof(lister->token), "%s", lister->last);
    }
    if (!*lister->token || strlen(lister->token) >= sizeof(page->cursor)) {
        return s3_error_set(error, HANGAR_UNSUPPORTED,
                            "cannot list %s: the store does not say how the listing goes on; hint: "
                            "set list_version: 1",
                            lister->s3->set.description);
    }
    strcpy(page->cursor, lister->token);
    return HANGAR_OK;
}

/* An object that is stored as several has the size of all. */
static enum hangar_rc add_pieces(struct lister *lister, struct s3_error *error)
{
    struct s3 *s3 = lister->s3;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < lister->count && !rc; i++) {
        struct item *item = &lister->items[i];
        char key[S3_KEY_MAX + 1], what[S3_WHAT_SIZE];
        struct s3_answer answer;
        if (!s3_pieces_possible(s3, item->entry.etag)) {
            continue;
        }
        s3_what(s3, "list", item->name, what);
        rc = s3_key(s3, item->name, key);
        if (!rc) {
            rc = s3_head_all(s3, key, what, &answer, error);
        }
        if (!rc) {
            item->entry.size = answer.length;
        } else if (rc == HANGAR_NOT_FOUND && !error->rc) {
            rc = HANGAR_OK; /* removed meanwhile */
        }
    }
    return rc;
}

enum hangar_rc s3_list(void *inst, struct hangar_page *page)
{
    struct s3 *s3 = inst;
    struct s3_error error = {0};
    struct lister *lister = calloc(1, sizeof(*lister));
    if (!lister) {
        return s3->host->fail(s3->ctx, HANGAR_NO_MEMORY, 0, "cannot list %s", s3->set.description);
    }
    lister->s3 = s3;
    lister->entry.struct_size = sizeof(lister->entry);
    enum hangar_rc rc = ask(lister, page, &error);
    if (!rc) {
        rc = set_cursor(lister, page, &error);
    }
    if (!rc) {
        rc = add_pieces(lister, &error);
    }
    qsort(lister->items, lister->count, sizeof(lister->items[0]), compare_items);
    for (size_t i = 0; i < lister->count && !rc; i++) {
        lister->items[i].entry.name = lister->items[i].name;
        rc = s3->host->page_add(page, &lister->items[i].entry);
    }
    clear_items(lister);
    free(lister);
    return error.rc ? s3_raise(s3, &error) : rc;
}
