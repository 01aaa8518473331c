/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * toys: see toys.h.
 */
#include "toys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

unsigned char toy_byte(unsigned seed, uint64_t at)
{
    uint64_t x = (at / 7 + 1) * 0x9e3779b97f4a7c15u + seed * 0x85ebca6bu;
    return (unsigned char)(x >> 56);
}

void toy_job_begin(struct toy_job *t, size_t memory_bytes, int64_t stall_ms,
                   void (*on_tick)(void *arg), void *arg)
{
    memset(t, 0, sizeof(*t));
    hg_log_init(&t->log);
    struct hg_job_settings set = {.log = &t->log,
                                  .memory_bytes = memory_bytes,
                                  .stall_timeout_ms = stall_ms,
                                  .on_tick = on_tick,
                                  .arg = arg,
                                  .temp_base = "/tmp"};
    struct hg_error err = {0};
    enum hangar_rc rc = hg_job_begin(&t->job, &set, &err);
    assert(rc == HANGAR_OK);
    (void)rc;
}

void toy_job_end(struct toy_job *t)
{
    hg_job_end(&t->job);
    hg_log_fini(&t->log);
}

static void wake(void *arg)
{
    struct hangar_ctx *ctx = arg;
    ctx->plugin->d.cancel(ctx->inst);
}

struct hangar_ctx *toy_open(struct toy_job *t, const struct hg_plugin *plugin, const char *name,
                            void *inst)
{
    struct hangar_ctx *ctx = calloc(1, sizeof(*ctx));
    ctx->plugin = plugin;
    ctx->kind = "toy";
    ctx->name = strdup(name);
    ctx->job = &t->job;
    ctx->inst = inst;
    ctx->threads = HANGAR_PARALLEL_HANDLES;
    pthread_mutex_init(&ctx->serial, NULL);
    if (plugin->d.cancel) {
        ctx->hook = (struct hg_job_hook){.wake = wake, .arg = ctx};
        hg_job_add_hook(&t->job, &ctx->hook);
    }
    return ctx;
}

void toy_close(struct hangar_ctx *ctx)
{
    if (ctx->hook.wake) {
        hg_job_remove_hook(ctx->job, &ctx->hook);
    }
    pthread_mutex_destroy(&ctx->serial);
    free(ctx->name);
    free(ctx);
}

/* ---- source ---- */

struct hangar_object {
    struct toy_source *source;
    size_t number;
    uint64_t at;
    char name[32];
};

static enum hangar_rc source_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point)
{
    (void)inst;
    *time_ms = 1000;
    hg_attrs_set(point, "at", "start");
    return HANGAR_OK;
}

static enum hangar_rc source_prepare(void *inst)
{
    (void)inst;
    return HANGAR_OK;
}

static uint32_t source_jobs(void *inst)
{
    return ((struct toy_source *)inst)->jobs;
}

static enum hangar_rc source_next(void *inst, struct hangar_object_info *info,
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

static enum hangar_rc source_read(struct hangar_object *o, void *buffer, size_t size, size_t *got)
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

static enum hangar_rc source_close(struct hangar_object *o, struct hangar_attrs *attrs)
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

static enum hangar_rc source_rewind(struct hangar_object *o)
{
    o->at = 0;
    pthread_mutex_lock(&o->source->mutex);
    o->source->rewound++;
    pthread_mutex_unlock(&o->source->mutex);
    return HANGAR_OK;
}

static enum hangar_rc source_end(void *inst, struct hangar_attrs *facts)
{
    struct toy_source *s = inst;
    s->ended += facts != NULL;
    s->ended_failed += !facts;
    return s->fail_end && facts ? hg_host.fail(s->ctx, HANGAR_IO, 0, "the toy's end is missing")
                                : HANGAR_OK;
}

static enum hangar_rc source_check(void *inst, struct hangar_attrs *facts)
{
    (void)inst;
    (void)facts;
    return HANGAR_OK;
}

static enum hangar_rc restore_open(void *inst, const struct hangar_object_info *info,
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

static enum hangar_rc restore_write(struct hangar_object *o, const void *data, size_t size)
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

static enum hangar_rc restore_close(struct hangar_object *o, int complete)
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

static enum hangar_rc restore_phase_end(void *inst, uint32_t phase)
{
    struct toy_source *s = inst;
    s->phase_disorder = s->phase_disorder || s->open > 0;
    s->phase_ends++;
    s->last_phase = phase;
    return HANGAR_OK;
}

static enum hangar_rc restore_prepare(void *inst, const struct hangar_restore *how)
{
    (void)inst;
    (void)how;
    return HANGAR_OK;
}

static enum hangar_rc restore_end(void *inst, struct hangar_attrs *report)
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
        .check = source_check,
        .jobs = source_jobs,
        .prepare = source_prepare,
        .begin = source_begin,
        .next = source_next,
        .read = source_read,
        .close = source_close,
        .rewind = source_rewind,
        .end = source_end,
        .restore_prepare = restore_prepare,
        .restore_open = restore_open,
        .restore_write = restore_write,
        .restore_close = restore_close,
        .restore_phase_end = restore_phase_end,
        .restore_end = restore_end,
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

/* ---- transforms ---- */

struct hangar_stream {
    bool decode;
    uint32_t left; /* of the frame being decoded */
    unsigned char head[4];
    size_t head_size;
};

static enum hangar_rc stream_open(void *inst, enum hangar_direction direction,
                                  const struct hangar_attrs *attrs, struct hangar_stream **out)
{
    (void)inst;
    (void)attrs;
    *out = calloc(1, sizeof(**out));
    (*out)->decode = direction == HANGAR_DECODE;
    return HANGAR_OK;
}

static enum hangar_rc block_open(void *inst, struct hangar_stream **out)
{
    return stream_open(inst, HANGAR_ENCODE, NULL, out);
}

static enum hangar_rc stream_close(struct hangar_stream *stream, struct hangar_attrs *attrs)
{
    if (attrs) {
        hg_attrs_set(attrs, "toy", "yes");
    }
    free(stream);
    return HANGAR_OK;
}

static size_t frame_bound(void *inst, size_t size)
{
    (void)inst;
    return size + 4;
}

static enum hangar_rc frame_block(struct hangar_stream *stream, uint64_t index, int last,
                                  const void *in, size_t in_size, void *out, size_t capacity,
                                  size_t *out_size)
{
    (void)stream;
    (void)index;
    (void)last;
    assert(capacity >= in_size + 4);
    (void)capacity;
    uint32_t n = (uint32_t)in_size;
    memcpy(out, &n, 4);
    memcpy((char *)out + 4, in, in_size);
    *out_size = in_size + 4;
    return HANGAR_OK;
}

static enum hangar_rc frame_process(struct hangar_stream *s, struct hangar_io *io, int last)
{
    while (io->in_size > 0 && io->out_size > 0) {
        if (s->left == 0) {
            s->head[s->head_size++] = *io->in++;
            io->in_size--;
            if (s->head_size == 4) {
                memcpy(&s->left, s->head, 4);
                s->head_size = 0;
            }
            continue;
        }
        size_t n = io->in_size < io->out_size ? io->in_size : io->out_size;
        n = n < s->left ? n : s->left;
        memcpy(io->out, io->in, n);
        io->in += n;
        io->in_size -= n;
        io->out += n;
        io->out_size -= n;
        s->left -= (uint32_t)n;
    }
    if (last && io->in_size == 0) {
        return s->left || s->head_size ? HANGAR_CORRUPT : HANGAR_EOF;
    }
    return HANGAR_OK;
}

static enum hangar_rc add_process(struct hangar_stream *s, struct hangar_io *io, int last)
{
    while (io->in_size > 0 && io->out_size > 0) {
        *io->out++ = (unsigned char)(*io->in++ + (s->decode ? 255 : 1));
        io->in_size--;
        io->out_size--;
    }
    return last && io->in_size == 0 ? HANGAR_EOF : HANGAR_OK;
}

struct hangar_ctx *toy_frame(struct toy_job *t)
{
    static struct hg_plugin plugin = {.d.name = "frame",
                                      .transform = {.suffix = ".fr",
                                                    .decode_command = "unframe",
                                                    .open = stream_open,
                                                    .process = frame_process,
                                                    .close = stream_close,
                                                    .encode_bound = frame_bound,
                                                    .block_open = block_open,
                                                    .encode_block = frame_block,
                                                    .block_close = stream_close}};
    return toy_open(t, &plugin, "frame", &plugin);
}

struct hangar_ctx *toy_add(struct toy_job *t)
{
    static struct hg_plugin plugin = {.d.name = "add",
                                      .transform = {.suffix = ".add",
                                                    .decode_command = "unadd",
                                                    .open = stream_open,
                                                    .process = add_process,
                                                    .close = stream_close}};
    return toy_open(t, &plugin, "add", &plugin);
}

/* ---- sink ---- */

struct hangar_put {
    struct toy_sink *sink;
    struct toy_object object;
};

struct hangar_get {
    struct toy_object *object;
    size_t at;
};

static uint32_t sink_max_puts(void *inst)
{
    return ((struct toy_sink *)inst)->max_puts;
}

static enum hangar_rc put_open(void *inst, const char *name, uint64_t hint, uint32_t flags,
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

static enum hangar_rc put_write(struct hangar_put *put, const void *data, size_t size)
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

static void put_free(struct hangar_put *put, bool keep)
{
    if (!keep) {
        free(put->object.data);
    }
    free(put);
}

static enum hangar_rc put_commit(struct hangar_put *put, struct hangar_entry *entry)
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
    put_free(put, !fails);
    return fails ? hg_host.fail(s->ctx, HANGAR_IO, 0, "the toy cannot commit") : HANGAR_OK;
}

static void put_abort(struct hangar_put *put)
{
    pthread_mutex_lock(&put->sink->mutex);
    put->sink->open--;
    put->sink->aborts++;
    pthread_mutex_unlock(&put->sink->mutex);
    put_free(put, false);
}

static enum hangar_rc get_open(void *inst, const char *name, uint64_t offset,
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

static enum hangar_rc get_read(struct hangar_get *get, void *buffer, size_t size, size_t *got)
{
    size_t left = get->object->size - get->at;
    *got = size < left ? size : left;
    if (*got) {
        memcpy(buffer, get->object->data + get->at, *got);
    }
    get->at += *got;
    return HANGAR_OK;
}

static void get_close(struct hangar_get *get)
{
    free(get);
}

static void sink_cancel(void *inst)
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
    s->plugin->d.cancel = sink_cancel;
    s->plugin->sink = (struct hangar_sink){.max_open_puts = sink_max_puts,
                                           .put_open = put_open,
                                           .put_write = put_write,
                                           .put_commit = put_commit,
                                           .put_abort = put_abort,
                                           .get_open = get_open,
                                           .get_read = get_read,
                                           .get_close = get_close};
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
