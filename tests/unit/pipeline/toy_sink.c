/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * toy_sink: the sink of toys.h, in memory.
 */
#include "toys.h"
#include "plugin/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hangar_put {
    struct toy_sink *sink;
    struct toy_object object;
};

struct hangar_get {
    struct toy_object *object;
    size_t at;
};

static uint32_t toy_sink_max_puts(void *inst)
{
    return ((struct toy_sink *)inst)->max_puts;
}

static enum hangar_rc toy_sink_put_open(void *inst, const char *name, uint64_t hint, uint32_t flags,
                                        struct hangar_put **out)
{
    (void)hint;
    (void)flags;
    struct toy_sink *s = inst;
    pthread_mutex_lock(&s->mutex);
    bool fails = s->fail_open >= 0 && s->opens++ >= (size_t)s->fail_open;
    s->open += !fails;
    s->most_open = s->open > s->most_open ? s->open : s->most_open;
    pthread_mutex_unlock(&s->mutex);
    if (fails) {
        return hg_host.fail(s->ctx, s->fail_rc, 0, "the toy takes nothing new");
    }
    struct hangar_put *put = calloc(1, sizeof(*put));
    put->sink = s;
    snprintf(put->object.name, sizeof(put->object.name), "%s", name);
    *out = put;
    return HANGAR_OK;
}

static enum hangar_rc toy_sink_put_write(struct hangar_put *put, const void *data, size_t size)
{
    struct toy_sink *s = put->sink;
    pthread_mutex_lock(&s->mutex);
    bool fails = s->fail_write >= 0 && s->writes >= (size_t)s->fail_write;
    s->writes++;
    while (s->hang && !s->cancelled) {
        pthread_cond_wait(&s->changed, &s->mutex);
    }
    bool cancelled = s->cancelled && s->hang;
    pthread_mutex_unlock(&s->mutex);
    if (cancelled) {
        return HANGAR_CANCELLED;
    }
    if (fails) {
        return hg_host.fail(s->ctx, s->fail_rc, 0, "the toy is full");
    }
    if (s->slow_us) {
        usleep((useconds_t)((unsigned)random() % s->slow_us));
    }
    put->object.data = realloc(put->object.data, put->object.size + size);
    memcpy(put->object.data + put->object.size, data, size);
    put->object.size += size;
    return HANGAR_OK;
}

static void toy_sink_put_free(struct hangar_put *put, bool keep)
{
    if (!keep) {
        free(put->object.data);
    }
    free(put);
}

static enum hangar_rc toy_sink_put_commit(struct hangar_put *put, struct hangar_entry *entry)
{
    struct toy_sink *s = put->sink;
    pthread_mutex_lock(&s->mutex);
    s->open--;
    bool fails = s->fail_commit >= 0 && s->commits >= (size_t)s->fail_commit;
    s->commits++;
    if (!fails) {
        s->objects = realloc(s->objects, (s->count + 1) * sizeof(*s->objects));
        if (s->lose_a_byte && put->object.size) {
            put->object.size--;
        }
        s->objects[s->count++] = put->object;
        entry->size = put->object.size;
    }
    pthread_mutex_unlock(&s->mutex);
    toy_sink_put_free(put, !fails);
    return fails ? hg_host.fail(s->ctx, HANGAR_IO, 0, "the toy cannot commit") : HANGAR_OK;
}

static void toy_sink_put_abort(struct hangar_put *put)
{
    pthread_mutex_lock(&put->sink->mutex);
    put->sink->open--;
    put->sink->aborts++;
    pthread_mutex_unlock(&put->sink->mutex);
    toy_sink_put_free(put, false);
}

static enum hangar_rc toy_sink_get_open(void *inst, const char *name, uint64_t offset,
                                        struct hangar_get **out)
{
    struct toy_object *object = toy_sink_find(inst, name);
    if (!object) {
        return HANGAR_NOT_FOUND;
    }
    *out = calloc(1, sizeof(**out));
    (*out)->object = object;
    (*out)->at = (size_t)offset;
    return HANGAR_OK;
}

static enum hangar_rc toy_sink_get_read(struct hangar_get *get, void *buffer, size_t size,
                                        size_t *got)
{
    size_t left = get->object->size - get->at;
    *got = size < left ? size : left;
    if (*got) {
        memcpy(buffer, get->object->data + get->at, *got);
    }
    get->at += *got;
    return HANGAR_OK;
}

static void toy_sink_get_close(struct hangar_get *get)
{
    free(get);
}

static void toy_sink_cancel(void *inst)
{
    struct toy_sink *s = inst;
    pthread_mutex_lock(&s->mutex);
    s->cancelled = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

void toy_sink_let_go(struct toy_sink *s)
{
    pthread_mutex_lock(&s->mutex);
    s->hang = false;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

struct toy_object *toy_sink_find(struct toy_sink *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->objects[i].name, name) == 0) {
            return &s->objects[i];
        }
    }
    return NULL;
}

struct toy_sink *toy_sink_new(struct toy_job *t, const char *name)
{
    struct toy_sink *s = calloc(1, sizeof(*s));
    s->plugin = calloc(1, sizeof(*s->plugin));
    s->plugin->d.name = "toy";
    s->plugin->d.cancel = toy_sink_cancel;
    s->plugin->sink = (struct hangar_sink){.max_open_puts = toy_sink_max_puts,
                                           .put_open = toy_sink_put_open,
                                           .put_write = toy_sink_put_write,
                                           .put_commit = toy_sink_put_commit,
                                           .put_abort = toy_sink_put_abort,
                                           .get_open = toy_sink_get_open,
                                           .get_read = toy_sink_get_read,
                                           .get_close = toy_sink_get_close};
    s->max_puts = 64;
    s->fail_open = s->fail_write = s->fail_commit = -1;
    s->fail_rc = HANGAR_NO_SPACE;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->ctx = toy_open(t, s->plugin, name, s);
    return s;
}

void toy_sink_free(struct toy_sink *s)
{
    toy_close(s->ctx);
    for (size_t i = 0; i < s->count; i++) {
        free(s->objects[i].data);
    }
    free(s->objects);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    free(s->plugin);
    free(s);
}
