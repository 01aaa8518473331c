/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * toys: the job, the instances and the transforms of toys.h.
 */
#include "toys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

static void toy_wake(void *arg)
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
        ctx->hook = (struct hg_job_hook){.wake = toy_wake, .arg = ctx};
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

/* ---- transforms ---- */

struct hangar_stream {
    bool decode;
    uint32_t left; /* of the frame being decoded */
    unsigned char head[4];
    size_t head_size;
};

static enum hangar_rc toy_stream_open(void *inst, enum hangar_direction direction,
                                      const struct hangar_attrs *attrs, struct hangar_stream **out)
{
    (void)inst;
    (void)attrs;
    *out = calloc(1, sizeof(**out));
    (*out)->decode = direction == HANGAR_DECODE;
    return HANGAR_OK;
}

static enum hangar_rc toy_block_open(void *inst, struct hangar_stream **out)
{
    return toy_stream_open(inst, HANGAR_ENCODE, NULL, out);
}

static enum hangar_rc toy_stream_close(struct hangar_stream *stream, struct hangar_attrs *attrs)
{
    if (attrs) {
        hg_attrs_set(attrs, "toy", "yes");
    }
    free(stream);
    return HANGAR_OK;
}

static size_t toy_frame_bound(void *inst, size_t size)
{
    (void)inst;
    return size + 4;
}

static enum hangar_rc toy_frame_block(struct hangar_stream *stream, uint64_t index, int last,
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

static enum hangar_rc toy_frame_process(struct hangar_stream *s, struct hangar_io *io, int last)
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

static enum hangar_rc toy_add_process(struct hangar_stream *s, struct hangar_io *io, int last)
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
                                                    .open = toy_stream_open,
                                                    .process = toy_frame_process,
                                                    .close = toy_stream_close,
                                                    .encode_bound = toy_frame_bound,
                                                    .block_open = toy_block_open,
                                                    .encode_block = toy_frame_block,
                                                    .block_close = toy_stream_close}};
    return toy_open(t, &plugin, "frame", &plugin);
}

struct hangar_ctx *toy_add(struct toy_job *t)
{
    static struct hg_plugin plugin = {.d.name = "add",
                                      .transform = {.suffix = ".add",
                                                    .decode_command = "unadd",
                                                    .open = toy_stream_open,
                                                    .process = toy_add_process,
                                                    .close = toy_stream_close}};
    return toy_open(t, &plugin, "add", &plugin);
}
