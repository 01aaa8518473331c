/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * toy_source: the source of toys.h.
 */
#include "toys.h"
#include "plugin/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct hangar_object {
    struct toy_source *source;
    size_t number;
    uint64_t at;
    char name[32];
};

static enum hangar_rc toy_source_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point)
{
    (void)inst;
    *time_ms = 1000;
    hg_attrs_set(point, "at", "start");
    return HANGAR_OK;
}

static enum hangar_rc toy_source_prepare(void *inst)
{
    (void)inst;
    return HANGAR_OK;
}

static uint32_t toy_source_jobs(void *inst)
{
    return ((struct toy_source *)inst)->jobs;
}

static enum hangar_rc toy_source_next(void *inst, struct hangar_object_info *info,
                                      struct hangar_object **out)
{
    struct toy_source *s = inst;
    pthread_mutex_lock(&s->mutex);
    size_t number = s->next < s->count ? s->next++ : s->count;
    if (number < s->count && ++s->open > s->most_open) {
        s->most_open = s->open;
    }
    pthread_mutex_unlock(&s->mutex);
    if (number == s->count) {
        return HANGAR_EOF;
    }
    struct hangar_object *o = calloc(1, sizeof(*o));
    o->source = s;
    o->number = number;
    snprintf(o->name, sizeof(o->name), "part/%zu", number);
    info->name = o->name;
    info->phase = (uint32_t)(number % 3);
    info->flags = s->can_rewind ? HANGAR_OBJECT_REREADABLE : 0;
    *out = o;
    return HANGAR_OK;
}

static enum hangar_rc toy_source_read(struct hangar_object *o, void *buffer, size_t size,
                                      size_t *got)
{
    struct toy_source *s = o->source;
    unsigned char *to = buffer;
    uint64_t left = s->sizes[o->number] - o->at;
    size_t n = size < left ? size : (size_t)left;
    n = s->short_reads && n > s->short_reads ? s->short_reads : n;
    if (s->read_us) {
        usleep(s->read_us);
    }
    pthread_mutex_lock(&s->mutex);
    bool fails = s->fail_object == (long)o->number && o->at + n >= s->fail_at && s->fail_times > 0;
    s->fail_times -= fails;
    s->read_bytes += n;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    if (fails) {
        return hg_host.fail(s->ctx, s->fail_rc, 0, "the toy broke");
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = toy_byte((unsigned)o->number, o->at + i);
    }
    o->at += n;
    *got = n;
    return HANGAR_OK;
}

static enum hangar_rc toy_source_close(struct hangar_object *o, struct hangar_attrs *attrs)
{
    struct toy_source *s = o->source;
    pthread_mutex_lock(&s->mutex);
    s->open--;
    s->closed += attrs != NULL;
    s->abandoned += !attrs;
    bool fails = s->fail_close && attrs;
    pthread_mutex_unlock(&s->mutex);
    if (attrs) {
        hg_attrs_setf(attrs, "number", "%zu", o->number);
    }
    free(o);
    return fails ? hg_host.fail(s->ctx, HANGAR_IO, 0, "the toy is not whole") : HANGAR_OK;
}

static enum hangar_rc toy_source_rewind(struct hangar_object *o)
{
    o->at = 0;
    pthread_mutex_lock(&o->source->mutex);
    o->source->rewound++;
    pthread_mutex_unlock(&o->source->mutex);
    return HANGAR_OK;
}

static enum hangar_rc toy_source_end(void *inst, struct hangar_attrs *facts)
{
    struct toy_source *s = inst;
    s->ended += facts != NULL;
    s->ended_failed += !facts;
    return s->fail_end && facts ? hg_host.fail(s->ctx, HANGAR_IO, 0, "the toy's end is missing")
                                : HANGAR_OK;
}

static enum hangar_rc toy_source_check(void *inst, struct hangar_attrs *facts)
{
    (void)inst;
    (void)facts;
    return HANGAR_OK;
}

static enum hangar_rc toy_source_restore_open(void *inst, const struct hangar_object_info *info,
                                              struct hangar_object **out)
{
    struct toy_source *s = inst;
    struct hangar_object *o = calloc(1, sizeof(*o));
    o->source = s;
    o->number = (size_t)strtoul(info->name + 5, NULL, 10);
    pthread_mutex_lock(&s->mutex);
    if (s->phase_ends && info->phase <= s->last_phase) {
        s->phase_disorder = true;
    }
    if (++s->open > s->most_open) {
        s->most_open = s->open;
    }
    pthread_mutex_unlock(&s->mutex);
    *out = o;
    return HANGAR_OK;
}

static enum hangar_rc toy_source_restore_write(struct hangar_object *o, const void *data,
                                               size_t size)
{
    const unsigned char *from = data;
    for (size_t i = 0; i < size; i++) {
        if (from[i] != toy_byte((unsigned)o->number, o->at + i)) {
            o->source->wrong_bytes = true;
        }
    }
    o->at += size;
    struct toy_source *s = o->source;
    if (s->fail_object == (long)o->number && o->at >= s->fail_at) {
        return hg_host.fail(s->ctx, s->fail_rc, 0, "the toy takes no more");
    }
    return HANGAR_OK;
}

static enum hangar_rc toy_source_restore_close(struct hangar_object *o, int complete)
{
    struct toy_source *s = o->source;
    pthread_mutex_lock(&s->mutex);
    s->open--;
    s->restored += complete && o->at == s->sizes[o->number];
    s->restore_failed += !complete;
    pthread_mutex_unlock(&s->mutex);
    free(o);
    return HANGAR_OK;
}

static enum hangar_rc toy_source_restore_phase_end(void *inst, uint32_t phase)
{
    struct toy_source *s = inst;
    s->phase_disorder = s->phase_disorder || s->open > 0;
    s->phase_ends++;
    s->last_phase = phase;
    return HANGAR_OK;
}

static enum hangar_rc toy_source_restore_prepare(void *inst, const struct hangar_restore *how)
{
    (void)inst;
    (void)how;
    return HANGAR_OK;
}

static enum hangar_rc toy_source_restore_end(void *inst, struct hangar_attrs *report)
{
    struct toy_source *s = inst;
    s->restore_ended = report != NULL;
    s->ended_failed += !report;
    return HANGAR_OK;
}

struct toy_source *toy_source_new(struct toy_job *t, const char *name, const uint64_t *sizes,
                                  size_t count)
{
    struct toy_source *s = calloc(1, sizeof(*s));
    s->plugin = calloc(1, sizeof(*s->plugin));
    s->plugin->d.name = "toy";
    s->plugin->source = (struct hangar_source){
        .check = toy_source_check,
        .jobs = toy_source_jobs,
        .prepare = toy_source_prepare,
        .begin = toy_source_begin,
        .next = toy_source_next,
        .read = toy_source_read,
        .close = toy_source_close,
        .rewind = toy_source_rewind,
        .end = toy_source_end,
        .restore_prepare = toy_source_restore_prepare,
        .restore_open = toy_source_restore_open,
        .restore_write = toy_source_restore_write,
        .restore_close = toy_source_restore_close,
        .restore_phase_end = toy_source_restore_phase_end,
        .restore_end = toy_source_restore_end,
    };
    s->sizes = sizes;
    s->count = count;
    s->jobs = 1;
    s->fail_object = -1;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->ctx = toy_open(t, s->plugin, name, s);
    return s;
}

void toy_source_free(struct toy_source *s)
{
    toy_close(s->ctx);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    free(s->plugin);
    free(s);
}
