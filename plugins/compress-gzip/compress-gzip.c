/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * compress-gzip: a transform that stores objects as gzip files, which every gunzip reads.  Blocks
 * are compressed on several threads, each into gzip members of its own.  The file is their
 * concatenation; its bytes depend only on the data and the level.  This file has the options and
 * the instance; encode.c and decode.c do the work.
 */
#include "gzip.h"

#include <stdio.h>
#include <stdlib.h>

struct hangar_stream {
    struct gz *gz;
    struct gz_encoder *encoder; /* one of these two; both NULL for the block form */
    struct gz_decoder *decoder;
};

static const struct hangar_option options[] = {
    {.name = "level",
     .type = HANGAR_OPT_INT,
     .default_value = "2",
     .min = 1,
     .max = 9,
     .help = "Compression level: 1 is the fastest, 9 gives the smallest files. Each level uses the "
             "fastest library for it."},
    {0},
};

static enum hangar_rc gzip_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                  void **out)
{
    struct gz *gz = calloc(1, sizeof(*gz));
    if (!gz) {
        return failure_raise_no_memory(host, ctx, "set up gzip");
    }
    gz->host = host;
    gz->ctx = ctx;
    gz->level = (int)host->opt_int(ctx, "level");
    gz->codec = gz_choose(gz->level, &gz->library_level);
    snprintf(gz->description, sizeof(gz->description), "gzip level %d (%s %d)", gz->level,
             gz->codec->name, gz->library_level);
    pthread_mutex_init(&gz->mutex, NULL);
    *out = gz;
    return HANGAR_OK;
}

static void gzip_destroy(void *inst)
{
    struct gz *gz = inst;
    if (!gz) {
        return;
    }
    for (size_t i = 0; i < gz->idle_count; i++) {
        gz->codec->free(gz->idle[i]);
    }
    pthread_mutex_destroy(&gz->mutex);
    free(gz);
}

static uint32_t gzip_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static const char *gzip_describe(void *inst)
{
    struct gz *gz = inst;
    return gz->description;
}

static enum hangar_rc gzip_new_stream(struct gz *gz, struct hangar_stream **out)
{
    struct hangar_stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        return failure_raise_no_memory(gz->host, gz->ctx, "start gzip");
    }
    stream->gz = gz;
    *out = stream;
    return HANGAR_OK;
}

static enum hangar_rc gzip_open(void *inst, enum hangar_direction direction,
                                const struct hangar_attrs *attrs, struct hangar_stream **out)
{
    (void)attrs;
    struct gz *gz = inst;
    struct hangar_stream *stream = NULL;
    enum hangar_rc rc = gzip_new_stream(gz, &stream);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (direction == HANGAR_ENCODE) {
        rc = gz_encoder_new(gz, &stream->encoder);
    } else {
        rc = gz_decoder_new(gz, &stream->decoder);
    }
    if (rc != HANGAR_OK) {
        free(stream);
        return rc;
    }
    *out = stream;
    return HANGAR_OK;
}

static enum hangar_rc gzip_process(struct hangar_stream *stream, struct hangar_io *io, int last)
{
    if (stream->encoder) {
        return gz_encoder_process(stream->encoder, io, last);
    }
    return gz_decoder_process(stream->decoder, io, last);
}

static enum hangar_rc gzip_close(struct hangar_stream *stream, struct hangar_attrs *attrs)
{
    (void)attrs; /* a gzip file contains all that decoding needs */
    gz_encoder_free(stream->encoder);
    gz_decoder_free(stream->decoder);
    free(stream);
    return HANGAR_OK;
}

static size_t gzip_encode_bound(void *inst, size_t size)
{
    return gz_encode_bound(inst, size);
}

static enum hangar_rc gzip_block_open(void *inst, struct hangar_stream **out)
{
    return gzip_new_stream(inst, out);
}

static enum hangar_rc gzip_encode_block(struct hangar_stream *stream, uint64_t index, int last,
                                        const void *in, size_t in_size, void *out,
                                        size_t out_capacity, size_t *out_size)
{
    (void)last;
    /* The first block always becomes a member, so that an empty object is a valid file too.  An
     * empty block after it adds nothing. */
    if (in_size == 0 && index > 0) {
        *out_size = 0;
        return HANGAR_OK;
    }
    return gz_encode(stream->gz, in, in_size, out, out_capacity, out_size);
}

static const struct hangar_transform transform = {
    .struct_size = sizeof(transform),
    .suffix = ".gz",
    .decode_command = "gunzip -c",
    .open = gzip_open,
    .process = gzip_process,
    .close = gzip_close,
    .encode_bound = gzip_encode_bound,
    .block_open = gzip_block_open,
    .encode_block = gzip_encode_block,
    .block_close = gzip_close,
};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "compress-gzip",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "compresses objects into gzip files",
    .license = "Apache-2.0",
    .options = options,
    .create = gzip_create,
    .destroy = gzip_destroy,
    .threads = gzip_threads,
    .describe = gzip_describe,
    .transform = &transform,
};
HANGAR_PLUGIN(plugin)
