/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * memory_sink: see memory_sink.h.
 */
#include "memory_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "plugin/host.h"

struct hangar_put {
    struct memory_sink *sink;
    char *name;
    uint32_t flags;
    struct hg_str data;
};

struct hangar_get {
    struct memory_sink *sink;
    char *name;
    size_t at;
};

static struct hangar_ctx *ctx_of(void *inst)
{
    return inst;
}

static struct memory_sink *sink_of(void *inst)
{
    /* its first member, which the test made writable */
    return (struct memory_sink *)(uintptr_t)ctx_of(inst)->plugin;
}

/* Records an event; false when the event shall fail. */
static bool memory_record_event(struct memory_sink *sink, const char *what, const char *name)
{
    char event[700];
    snprintf(event, sizeof(event), "%s %s", what, name);
    pthread_mutex_lock(&sink->mutex);
    bool ok = !sink->fail_on || !hg_starts_with(event, sink->fail_on);
    if (ok) {
        hg_str_addf(&sink->events, "%s\n", event);
    }
    pthread_mutex_unlock(&sink->mutex);
    if (!ok) {
        hg_fail(hg_call_error(), HANGAR_IO, 0, "cannot %s", event);
    }
    return ok;
}

/* The position of the name, or where to insert it; with the mutex held. */
static size_t place_of(const struct memory_sink *sink, const char *name)
{
    size_t i = 0;
    while (i < sink->count && strcmp(sink->objects[i].name, name) < 0) {
        i++;
    }
    return i;
}

static struct memory_object *memory_find_object(const struct memory_sink *sink, const char *name)
{
    size_t i = place_of(sink, name);
    return i < sink->count && strcmp(sink->objects[i].name, name) == 0 ? &sink->objects[i] : NULL;
}

/* Stores an object and owns its data from now on; with the mutex held. */
static void memory_store_object(struct memory_sink *sink, const char *name, struct hg_str data)
{
    struct memory_object *old = memory_find_object(sink, name);
    if (old) {
        hg_str_free(&old->data);
        old->data = data;
        return;
    }
    size_t i = place_of(sink, name);
    if (!hg_vec_reserve((void **)&sink->objects, sink->count, &sink->capacity,
                        sizeof(*sink->objects))) {
        abort();
    }
    memmove(sink->objects + i + 1, sink->objects + i, (sink->count - i) * sizeof(*sink->objects));
    sink->objects[i] = (struct memory_object){strdup(name), data};
    sink->count++;
}

static enum hangar_rc memory_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                    void **out)
{
    (void)host;
    *out = ctx;
    return HANGAR_OK;
}

static void memory_destroy(void *inst)
{
    (void)inst;
}

static uint32_t memory_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static enum hangar_rc memory_probe(void *inst, struct hangar_attrs *capabilities)
{
    (void)capabilities;
    return memory_record_event(sink_of(inst), "probe", "") ? HANGAR_OK : HANGAR_IO;
}

static enum hangar_rc memory_put_open(void *inst, const char *name, uint64_t size_hint,
                                      uint32_t flags, struct hangar_put **out)
{
    (void)size_hint;
    struct hangar_put *put = calloc(1, sizeof(*put));
    if (!memory_record_event(sink_of(inst), "open", name)) {
        free(put);
        return HANGAR_IO;
    }
    *put = (struct hangar_put){.sink = sink_of(inst), .name = strdup(name), .flags = flags};
    *out = put;
    return HANGAR_OK;
}

static enum hangar_rc memory_put_write(struct hangar_put *put, const void *data, size_t size)
{
    if (!memory_record_event(put->sink, "write", put->name)) {
        return HANGAR_IO;
    }
    hg_str_add_n(&put->data, data, size);
    return HANGAR_OK;
}

static void memory_put_free(struct hangar_put *put)
{
    hg_str_free(&put->data);
    free(put->name);
    free(put);
}

static enum hangar_rc memory_put_commit(struct hangar_put *put, struct hangar_entry *entry)
{
    struct memory_sink *sink = put->sink;
    enum hangar_rc rc = memory_record_event(sink, "put", put->name) ? HANGAR_OK : HANGAR_IO;
    pthread_mutex_lock(&sink->mutex);
    if (rc == HANGAR_OK && (put->flags & HANGAR_PUT_CREATE_ONLY) &&
        memory_find_object(sink, put->name)) {
        rc = HANGAR_EXISTS;
    }
    if (rc == HANGAR_OK) {
        put->data.len -= put->data.len < sink->lose ? put->data.len : sink->lose;
        entry->size = put->data.len;
        memory_store_object(sink, put->name, put->data);
        put->data = (struct hg_str){0};
    }
    pthread_mutex_unlock(&sink->mutex);
    memory_put_free(put);
    return rc;
}

static void memory_put_abort(struct hangar_put *put)
{
    memory_record_event(put->sink, "abort", put->name);
    memory_put_free(put);
}

static enum hangar_rc memory_get_open(void *inst, const char *name, uint64_t offset,
                                      struct hangar_get **out)
{
    struct memory_sink *sink = sink_of(inst);
    pthread_mutex_lock(&sink->mutex);
    bool there = memory_find_object(sink, name) != NULL;
    pthread_mutex_unlock(&sink->mutex);
    if (!there) {
        return HANGAR_NOT_FOUND;
    }
    struct hangar_get *get = malloc(sizeof(*get));
    *get = (struct hangar_get){sink, strdup(name), (size_t)offset};
    *out = get;
    return memory_record_event(sink, "get", name) ? HANGAR_OK
                                                  : (free(get->name), free(get), HANGAR_IO);
}

static enum hangar_rc memory_get_read(struct hangar_get *get, void *buffer, size_t size,
                                      size_t *got)
{
    pthread_mutex_lock(&get->sink->mutex);
    const struct memory_object *object = memory_find_object(get->sink, get->name);
    size_t left = object && get->at < object->data.len ? object->data.len - get->at : 0;
    *got = left < size ? left : size;
    if (*got) {
        memcpy(buffer, object->data.data + get->at, *got);
    }
    get->at += *got;
    pthread_mutex_unlock(&get->sink->mutex);
    return HANGAR_OK;
}

static void memory_get_close(struct hangar_get *get)
{
    free(get->name);
    free(get);
}

static enum hangar_rc memory_stat_object(void *inst, const char *name, struct hangar_entry *entry)
{
    struct memory_sink *sink = sink_of(inst);
    pthread_mutex_lock(&sink->mutex);
    const struct memory_object *object = memory_find_object(sink, name);
    entry->size = object ? object->data.len : 0;
    pthread_mutex_unlock(&sink->mutex);
    return object ? HANGAR_OK : HANGAR_NOT_FOUND;
}

/* The cursor is the last name given. */
static enum hangar_rc memory_list(void *inst, struct hangar_page *page)
{
    struct memory_sink *sink = sink_of(inst);
    size_t left = sink->page_size ? sink->page_size : 1000, n = strlen(page->prefix);
    char last[1024];
    snprintf(last, sizeof(last), "%s", page->cursor);
    page->cursor[0] = '\0';
    if (!memory_record_event(sink, "list", page->prefix)) {
        return HANGAR_IO;
    }
    pthread_mutex_lock(&sink->mutex);
    for (size_t i = 0; i < sink->count; i++) {
        char name[700];
        snprintf(name, sizeof(name), "%s", sink->objects[i].name);
        struct hangar_entry entry = {
            .struct_size = sizeof(entry), .name = name, .size = sink->objects[i].data.len};
        if (strncmp(name, page->prefix, n) != 0) {
            continue;
        }
        char *cut = page->delimiter ? strchr(name + n, page->delimiter) : NULL;
        if (cut) {
            cut[1] = '\0';
            entry.flags = HANGAR_ENTRY_PREFIX;
        }
        if (strcmp(name, last) <= 0) {
            continue;
        }
        if (left-- == 0) {
            snprintf(page->cursor, sizeof(page->cursor), "%s", last);
            break;
        }
        if (hg_host.page_add(page, &entry) != HANGAR_OK) {
            abort();
        }
        snprintf(last, sizeof(last), "%s", name);
    }
    pthread_mutex_unlock(&sink->mutex);
    return HANGAR_OK;
}

static enum hangar_rc memory_remove_object(void *inst, const char *name)
{
    struct memory_sink *sink = sink_of(inst);
    if (!memory_record_event(sink, "remove", name)) {
        return HANGAR_IO;
    }
    pthread_mutex_lock(&sink->mutex);
    struct memory_object *object = memory_find_object(sink, name);
    if (object) {
        free(object->name);
        hg_str_free(&object->data);
        size_t i = (size_t)(object - sink->objects);
        sink->count--;
        memmove(object, object + 1, (sink->count - i) * sizeof(*object));
    }
    pthread_mutex_unlock(&sink->mutex);
    return HANGAR_OK;
}

static const struct hangar_sink functions = {.struct_size = sizeof(functions),
                                             .probe = memory_probe,
                                             .put_open = memory_put_open,
                                             .put_write = memory_put_write,
                                             .put_commit = memory_put_commit,
                                             .put_abort = memory_put_abort,
                                             .get_open = memory_get_open,
                                             .get_read = memory_get_read,
                                             .get_close = memory_get_close,
                                             .stat = memory_stat_object,
                                             .list = memory_list,
                                             .remove = memory_remove_object};
static struct hangar_option no_options;

void memory_sink_init(struct memory_sink *sink)
{
    *sink = (struct memory_sink){
        .plugin = {.d = {HANGAR_PLUGIN_HEADER, .name = "memory", .version = "1.0.0",
                         .summary = "keeps objects in memory", .license = "Apache-2.0",
                         .create = memory_create, .destroy = memory_destroy,
                         .threads = memory_threads, .sink = &functions},
                   .sink = functions,
                   .options = &no_options}};
    pthread_mutex_init(&sink->mutex, NULL);
    pthread_mutex_init(&sink->plugin.serial, NULL);
}

void memory_sink_free(struct memory_sink *sink)
{
    for (size_t i = 0; i < sink->count; i++) {
        free(sink->objects[i].name);
        hg_str_free(&sink->objects[i].data);
    }
    free(sink->objects);
    hg_str_free(&sink->events);
    pthread_mutex_destroy(&sink->mutex);
    pthread_mutex_destroy(&sink->plugin.serial);
}

enum hangar_rc memory_sink_open(struct memory_sink *sink, struct hg_job *job, const char *name,
                                struct hangar_ctx **out)
{
    static const struct hg_options none;
    struct hg_instance_spec spec = {
        .plugin = &sink->plugin, .kind = "sink", .name = name, .options = &none};
    return hg_instance_open(job, &spec, out, NULL);
}

struct memory_object *memory_sink_find(struct memory_sink *sink, const char *name)
{
    return memory_find_object(sink, name);
}

void memory_sink_set(struct memory_sink *sink, const char *name, const void *data, size_t size)
{
    struct hg_str copy = {0};
    hg_str_add_n(&copy, data, size);
    memory_store_object(sink, name, copy);
}
