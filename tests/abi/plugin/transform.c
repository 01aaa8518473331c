/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * transform: shifts every byte, in the stream form and in the block form.
 * Built from a frozen header.
 */
#include <stdlib.h>
#include <hangar/plugin.h>

struct hangar_stream {
    int shift;
};

static enum hangar_rc abi_transform_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                           void **out)
{
    (void)host;
    *out = ctx;
    return HANGAR_OK;
}

static void abi_transform_destroy(void *inst)
{
    (void)inst;
}

static uint32_t abi_transform_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static enum hangar_rc abi_transform_open_stream(void *inst, enum hangar_direction direction,
                                                const struct hangar_attrs *attrs,
                                                struct hangar_stream **out)
{
    (void)inst, (void)attrs;
    struct hangar_stream *stream = malloc(sizeof(*stream));
    if (!stream) {
        return HANGAR_NO_MEMORY;
    }
    stream->shift = direction == HANGAR_ENCODE ? 13 : -13;
    *out = stream;
    return HANGAR_OK;
}

static enum hangar_rc abi_transform_process(struct hangar_stream *stream, struct hangar_io *io,
                                            int last)
{
    for (; io->in_size > 0 && io->out_size > 0; io->in_size--, io->out_size--) {
        *io->out++ = (unsigned char)(*io->in++ + stream->shift);
    }
    return last && io->in_size == 0 ? HANGAR_EOF : HANGAR_OK;
}

static enum hangar_rc abi_transform_close_stream(struct hangar_stream *stream,
                                                 struct hangar_attrs *attrs)
{
    (void)attrs;
    free(stream);
    return HANGAR_OK;
}

static size_t encode_bound(void *inst, size_t size)
{
    (void)inst;
    return size;
}

static enum hangar_rc abi_transform_block_open(void *inst, struct hangar_stream **out)
{
    return abi_transform_open_stream(inst, HANGAR_ENCODE, NULL, out);
}

static enum hangar_rc encode_block(struct hangar_stream *stream, uint64_t index, int last,
                                   const void *in, size_t in_size, void *out, size_t out_capacity,
                                   size_t *out_size)
{
    (void)index, (void)last, (void)out_capacity;
    const unsigned char *from = in;
    unsigned char *to = out;
    for (size_t i = 0; i < in_size; i++) {
        to[i] = (unsigned char)(from[i] + stream->shift);
    }
    *out_size = in_size;
    return HANGAR_OK;
}

static const struct hangar_transform transform = {
    .struct_size = sizeof(transform),
    .suffix = ".shifted",
    .decode_command = "LC_ALL=C tr '\\15-\\377\\0-\\14' '\\0-\\377'",
    .open = abi_transform_open_stream,
    .process = abi_transform_process,
    .close = abi_transform_close_stream,
    .encode_bound = encode_bound,
    .block_open = abi_transform_block_open,
    .encode_block = encode_block,
    .block_close = abi_transform_close_stream};

static const struct hangar_plugin plugin = {HANGAR_PLUGIN_HEADER,
                                            .name = "example-transform",
                                            .version = "1.0.0",
                                            .summary = "shifts bytes",
                                            .license = "Apache-2.0",
                                            .create = abi_transform_create,
                                            .destroy = abi_transform_destroy,
                                            .threads = abi_transform_threads,
                                            .transform = &transform};
HANGAR_PLUGIN(plugin)
