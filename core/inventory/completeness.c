/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * completeness: see completeness.h.
 */
#include "inventory/completeness.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "catalog/sidecar.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "inventory/record.h"
#include "plugin/page.h"

/* Files in the folder of a backup that its manifest does not list: marks, records, strangers. */
#define OTHER_FILES_MAX 100000

bool hg_completeness_ignores(const char *name)
{
    static const char *const marks[] = {HG_MANIFEST_NAME, HG_SIGNATURE_NAME,
                                        HG_RUN_NAME,      HG_DELETED_NAME,
                                        HG_HOLD_NAME,     HG_HOLD_NAME HG_SIDECAR_SUFFIX};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (strcmp(name, marks[i]) == 0) {
            return true;
        }
    }
    return hg_record_has_name(name);
}

/* Names and sizes of what lies in the backup's folder. */
struct completeness_listing {
    struct hangar_ctx *sink;
    const struct hg_manifest *manifest;
    struct hg_str *problems;
    struct listed_file {
        char *name;
        uint64_t size;
    } *items; /* by name, as listings are */
    size_t count, capacity;
    size_t most;  /* files that the folder may have */
    bool trusted; /* a name that was not listed was not in the store either */
};

static enum hangar_rc listing_add_page(void *arg, const struct hg_page_entries *page,
                                       struct hg_error *err)
{
    struct completeness_listing *list = arg;
    if (list->count + page->count > list->most) {
        return hg_fail(err, HANGAR_IO, 0,
                       "sink %s: the folder of %s has more than %zu files, and its manifest lists "
                       "fewer",
                       list->sink->name, list->manifest->id, list->most);
    }
    for (size_t i = 0; i < page->count; i++) {
        char *name = strdup(page->items[i].name);
        if (!name || !HG_VEC_RESERVE(list)) {
            free(name);
            return hg_no_memory(err);
        }
        list->items[list->count++] = (struct listed_file){name, page->items[i].size};
    }
    return HANGAR_OK;
}

static int listing_compare_names(const void *a, const void *b)
{
    return strcmp(((const struct listed_file *)a)->name, ((const struct listed_file *)b)->name);
}

/* The listing of some stores lags behind what was stored; asking for the object does not.  One
 * object that is missing in both ends that. */
static enum hangar_rc listing_ask(struct completeness_listing *list, const char *path,
                                  struct listed_file *file, bool *found, struct hg_error *err)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    if (list->trusted) {
        return HANGAR_OK;
    }
    const struct hangar_sink *fn = &list->sink->plugin->sink;
    struct hg_error why = {0};
    enum hangar_rc rc = HG_CALL(list->sink, &why, fn->stat(list->sink->inst, path, &entry));
    *found = rc == HANGAR_OK;
    list->trusted = rc == HANGAR_NOT_FOUND;
    file->size = entry.size;
    return rc == HANGAR_OK || rc == HANGAR_NOT_FOUND ? HANGAR_OK : hg_error_move(err, &why);
}

static enum hangar_rc listing_expect(struct completeness_listing *list, const char *name,
                                     uint64_t bytes, struct hg_error *err)
{
    const struct hg_manifest *m = list->manifest;
    char *path = hg_store_path(m->pipeline, m->id, name);
    struct listed_file file = {path, 0};
    if (!path) {
        return hg_no_memory(err);
    }
    const struct listed_file *listed =
        list->count
            ? bsearch(&file, list->items, list->count, sizeof(*list->items), listing_compare_names)
            : NULL;
    bool found = listed != NULL;
    enum hangar_rc rc = HANGAR_OK;
    if (listed) {
        file.size = listed->size;
    } else {
        rc = listing_ask(list, path, &file, &found, err);
    }
    if (rc == HANGAR_OK && !found) {
        hg_str_addf(list->problems, "%s is missing\n", name);
    } else if (rc == HANGAR_OK && file.size != bytes) {
        hg_str_addf(list->problems, "%s is %llu bytes instead of %llu\n", name,
                    (unsigned long long)file.size, (unsigned long long)bytes);
    }
    free(path);
    return rc;
}

static enum hangar_rc listing_expect_all(struct completeness_listing *list, struct hg_error *err)
{
    const struct hg_manifest *m = list->manifest;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count && rc == HANGAR_OK; k++) {
            const struct hg_manifest_object *o = &m->sources[i].objects[k];
            rc = listing_expect(list, o->stored, o->stored_bytes, err);
        }
    }
    for (size_t i = 0; i < m->file_count && rc == HANGAR_OK; i++) {
        rc = listing_expect(list, m->files[i].name, m->files[i].bytes, err);
    }
    return rc;
}

enum hangar_rc hg_completeness_check(struct hangar_ctx *sink, const struct hg_manifest *m,
                                     struct hg_str *problems, struct hg_error *err)
{
    struct completeness_listing list = {
        .sink = sink, .manifest = m, .problems = problems, .most = m->file_count + OTHER_FILES_MAX};
    for (size_t i = 0; i < m->source_count; i++) {
        list.most += m->sources[i].count;
    }
    char *prefix = hg_store_path(m->pipeline, m->id, NULL);
    enum hangar_rc rc =
        prefix ? hg_sink_list(sink, prefix, 0, listing_add_page, &list, err) : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        rc = listing_expect_all(&list, err);
    }
    if (rc == HANGAR_OK && problems->failed) {
        rc = hg_no_memory(err);
    }
    for (size_t i = 0; i < list.count; i++) {
        free(list.items[i].name);
    }
    free(list.items);
    free(prefix);
    return rc;
}

enum hangar_rc hg_completeness_require(struct hangar_ctx *sink, const struct hg_manifest *m,
                                       struct hg_error *err)
{
    struct hg_str problems = {0};
    enum hangar_rc rc = hg_completeness_check(sink, m, &problems, err);
    if (rc == HANGAR_OK && problems.len > 0) {
        const char *text = hg_str_text(&problems);
        rc = hg_fail(err, HANGAR_CORRUPT, 0, "sink %s: %s is incomplete: %.*s", sink->name, m->id,
                     (int)strcspn(text, "\n"), text);
    }
    hg_str_free(&problems);
    return rc;
}
