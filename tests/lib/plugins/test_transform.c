/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test-transform: writes a marker byte and then the input with all bits inverted; it has only
 * the stream form.  Decoding requires the attribute that encoding returned at close.
 */
#include <stdlib.h>
#include <string.h>
#include <hangar/plugin.h>

#define HEAD 0x7e

struct hangar_stream {
    void *inst;
    enum hangar_direction direction;
    int began;
};

struct transform {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
};

static const struct hangar_option options[] = {{.name = "key",
                                                .type = HANGAR_OPT_STRING,
                                                .default_value = "k1",
                                                .help = "the attribute at close"},
                                               {.name = NULL}};

static enum hangar_rc test_transform_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                            void **out)
{
    struct transform *t = calloc(1, sizeof(*t));
    *t = (struct transform){host, ctx};
    *out = t;
    return HANGAR_OK;
}

static uint32_t test_transform_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static enum hangar_rc test_transform_open_stream(void *inst, enum hangar_direction direction,
                                                 const struct hangar_attrs *attrs,
                                                 struct hangar_stream **out)
{
    struct transform *t = inst;
    if (direction == HANGAR_DECODE && !t->host->attr_get(attrs, "key")) {
        return t->host->fail(t->ctx, HANGAR_CORRUPT, 0, "the key of an object is not known");
    }
    struct hangar_stream *s = calloc(1, sizeof(*s));
    *s = (struct hangar_stream){inst, direction, 0};
    *out = s;
    return HANGAR_OK;
}

static enum hangar_rc test_transform_process(struct hangar_stream *s, struct hangar_io *io,
                                             int last)
{
    struct transform *t = s->inst;
    if (!s->began && s->direction == HANGAR_ENCODE && io->out_size > 0) {
        *io->out++ = HEAD;
        io->out_size--;
        s->began = 1;
    } else if (!s->began && s->direction == HANGAR_DECODE && io->in_size > 0) {
        if (*io->in != HEAD) {
            return t->host->fail(t->ctx, HANGAR_CORRUPT, 0, "it does not begin as it should");
        }
        io->in++;
        io->in_size--;
        s->began = 1;
    }
    for (; s->began && io->in_size > 0 && io->out_size > 0; io->in_size--, io->out_size--) {
        *io->out++ = (unsigned char)~*io->in++;
    }
    if (!last || io->in_size > 0 || (!s->began && s->direction == HANGAR_ENCODE)) {
        return HANGAR_OK;
    }
    return s->began ? HANGAR_EOF
                    : t->host->fail(t->ctx, HANGAR_CORRUPT, 0, "it ends before it began");
}

static enum hangar_rc test_transform_close_stream(struct hangar_stream *s,
                                                  struct hangar_attrs *attrs)
{
    struct transform *t = s->inst;
    if (attrs) {
        t->host->attr_set(attrs, "key", t->host->opt_string(t->ctx, "key"));
    }
    free(s);
    return HANGAR_OK;
}

static const struct hangar_transform transform = {.struct_size = sizeof(transform),
                                                  .suffix = ".not",
                                                  .decode_command = "not",
                                                  .open = test_transform_open_stream,
                                                  .process = test_transform_process,
                                                  .close = test_transform_close_stream};

static const struct hangar_plugin plugin = {HANGAR_PLUGIN_HEADER,
                                            .name = "test-transform",
                                            .version = "1.0.0",
                                            .summary = "turns bits around",
                                            .license = "Apache-2.0",
                                            .options = options,
                                            .create = test_transform_create,
                                            .destroy = free,
                                            .threads = test_transform_threads,
                                            .transform = &transform};
HANGAR_PLUGIN(plugin)
