/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * decode: see decode.h.
 */
#include "pipeline/decode.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER ((size_t)256 << 10)

/* One object that is being decoded. */
struct hg_decoder {
    struct hangar_ctx *sink;
    struct hangar_ctx *const *chain;
    size_t count;
    const struct hg_stored_object *object;
    enum hangar_rc (*write)(void *arg, const void *data, size_t size, struct hg_error *err);
    void *arg;
    struct hg_error *err;
    struct hg_sha256 *plain, *stored;
    uint64_t plain_bytes, stored_bytes;
    struct hangar_stream *streams[HG_CHAIN_MAX];
    unsigned char *buffers[HG_CHAIN_MAX + 1]; /* output of each transform; the last: of the sink */
    bool ended[HG_CHAIN_MAX];
};

static enum hangar_rc decode_damaged(struct hg_decoder *d, const char *what)
{
    return hg_fail(d->err, HANGAR_CORRUPT, 0, "sink %s: %s: %s", d->sink->name, d->object->path,
                   what);
}

static enum hangar_rc decode_add_plain(struct hg_decoder *d, const void *data, size_t size)
{
    d->plain_bytes += size;
    if (d->plain_bytes > d->object->plain_bytes) {
        return decode_damaged(d, "decoded, it is longer than the original");
    }
    if (d->count > 0) { /* otherwise these are the stored bytes, which are hashed already */
        hg_sha256_update(d->plain, data, size);
    }
    return d->write && size ? d->write(d->arg, data, size, d->err) : HANGAR_OK;
}

/* Passes encoded bytes to transform number `stage` - 1, the outermost first. */
static enum hangar_rc decode_stage(struct hg_decoder *d, size_t stage, const unsigned char *data,
                                   size_t size, bool last)
{
    if (stage == 0) {
        return decode_add_plain(d, data, size);
    }
    size_t i = stage - 1;
    struct hangar_ctx *ctx = d->chain[i];
    struct hangar_io io = {.in = data, .in_size = size};
    while (!d->ended[i]) {
        size_t before = io.in_size;
        io.out = d->buffers[i];
        io.out_size = BUFFER;
        enum hangar_rc rc =
            HG_CALL_EOF(ctx, d->err, ctx->plugin->transform.process(d->streams[i], &io, last));
        if (rc != HANGAR_OK && rc != HANGAR_EOF) {
            hg_context(d->err, "sink %s: %s", d->sink->name, d->object->path);
            return rc;
        }
        size_t made = BUFFER - io.out_size;
        d->ended[i] = rc == HANGAR_EOF;
        if (!d->ended[i] && made == 0 && io.in_size == before && (before || last)) {
            return hg_fail(
                d->err, HANGAR_INTERNAL, 0,
                "transform %s: it makes no progress: it reads no input and writes no output",
                ctx->name);
        }
        if (made || (d->ended[i] && last)) {
            rc = decode_stage(d, stage - 1, d->buffers[i], made, d->ended[i] && last);
            if (rc != HANGAR_OK) {
                return rc;
            }
        }
        if (!last && io.in_size == 0 && io.out_size > 0) {
            return HANGAR_OK;
        }
    }
    return io.in_size ? decode_damaged(d, "data follows after the end of the encoded data")
                      : HANGAR_OK;
}

/* Fills the buffer, except at the end: the calls of transforms must not depend on the sizes
 * in which the sink reads. */
static enum hangar_rc decode_read_block(struct hg_decoder *d, struct hangar_get *get,
                                        unsigned char *buffer, size_t *got)
{
    const struct hangar_sink *fn = &d->sink->plugin->sink;
    enum hangar_rc rc = HANGAR_OK;
    size_t step = 1;
    for (*got = 0; rc == HANGAR_OK && step > 0 && *got < BUFFER; *got += step) {
        step = 0;
        rc = HG_CALL(d->sink, d->err, fn->get_read(get, buffer + *got, BUFFER - *got, &step));
    }
    return rc;
}

static enum hangar_rc decode_read_all(struct hg_decoder *d, bool decode)
{
    const struct hangar_sink *fn = &d->sink->plugin->sink;
    struct hangar_get *get = NULL;
    struct hg_error why = {0};
    enum hangar_rc rc =
        HG_CALL(d->sink, &why, fn->get_open(d->sink->inst, d->object->path, 0, &get));
    if (rc == HANGAR_NOT_FOUND) {
        return decode_damaged(d, "it is missing");
    }
    if (rc != HANGAR_OK) {
        return hg_error_move(d->err, &why);
    }
    unsigned char *buffer = d->buffers[HG_CHAIN_MAX];
    while (rc == HANGAR_OK) {
        size_t got = 0;
        rc = decode_read_block(d, get, buffer, &got);
        rc = rc == HANGAR_OK ? hg_job_check(d->sink->job, d->err) : rc;
        if (rc != HANGAR_OK) {
            break;
        }
        hg_instance_pace(d->sink, got);
        d->stored_bytes += got;
        if (d->stored_bytes > d->object->stored_bytes) {
            rc = decode_damaged(d, "it is longer than the manifest states");
        } else {
            hg_sha256_update(d->stored, buffer, got);
        }
        if (rc == HANGAR_OK && decode) {
            rc = decode_stage(d, d->count, buffer, got, got == 0);
        } else if (rc == HANGAR_OK && d->write && got > 0) {
            rc = d->write(d->arg, buffer, got, d->err);
        }
        if (got == 0) {
            break;
        }
    }
    HG_CALL_VOID(d->sink, fn->get_close(get));
    return rc;
}

static enum hangar_rc decode_compare(struct hg_decoder *d, bool decode)
{
    if (d->stored_bytes != d->object->stored_bytes) {
        return decode_damaged(d, "it is shorter than the manifest states");
    }
    char hex[HG_SHA256_HEX];
    hg_sha256_final(d->stored, hex);
    if (strcmp(hex, d->object->stored_sha256) != 0) {
        return decode_damaged(d, "stored bytes differ from those of the backup (SHA-256 mismatch)");
    }
    if (!decode) {
        return HANGAR_OK;
    }
    if (d->count > 0) {
        hg_sha256_final(d->plain, hex);
    }
    if (d->plain_bytes != d->object->plain_bytes || strcmp(hex, d->object->plain_sha256) != 0) {
        return decode_damaged(d, "decoded bytes differ from the original (SHA-256 mismatch)");
    }
    return HANGAR_OK;
}

static enum hangar_rc decode_open_chain(struct hg_decoder *d)
{
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < d->count && rc == HANGAR_OK; i++) {
        struct hangar_ctx *ctx = d->chain[i];
        d->buffers[i] = malloc(BUFFER);
        if (!d->buffers[i]) {
            return hg_no_memory(d->err);
        }
        rc = HG_CALL(ctx, d->err,
                     ctx->plugin->transform.open(ctx->inst, HANGAR_DECODE,
                                                 d->object->attrs ? d->object->attrs[i] : NULL,
                                                 &d->streams[i]));
    }
    return rc;
}

static enum hangar_rc decode_run(struct hg_decoder *d, bool decode)
{
    d->plain = hg_sha256_new();
    d->stored = hg_sha256_new();
    d->buffers[HG_CHAIN_MAX] = malloc(BUFFER);
    enum hangar_rc rc = HANGAR_OK;
    if (!d->plain || !d->stored || !d->buffers[HG_CHAIN_MAX]) {
        rc = hg_no_memory(d->err);
    }
    if (rc == HANGAR_OK && decode) {
        rc = decode_open_chain(d);
    }
    if (rc == HANGAR_OK) {
        rc = decode_read_all(d, decode);
    }
    if (rc == HANGAR_OK) {
        rc = decode_compare(d, decode);
    }
    for (size_t i = 0; i < d->count; i++) {
        if (d->streams[i]) {
            HG_CALL_VOID(d->chain[i], d->chain[i]->plugin->transform.close(d->streams[i], NULL));
        }
        free(d->buffers[i]);
    }
    free(d->buffers[HG_CHAIN_MAX]);
    hg_sha256_free(d->plain);
    hg_sha256_free(d->stored);
    return rc;
}

enum hangar_rc hg_decode_check(struct hangar_ctx *sink, const struct hg_stored_object *object,
                               struct hg_error *err)
{
    return hg_decode_stored(sink, object, NULL, NULL, err);
}

enum hangar_rc hg_decode_stored(struct hangar_ctx *sink, const struct hg_stored_object *object,
                                enum hangar_rc (*write)(void *arg, const void *data, size_t size,
                                                        struct hg_error *err),
                                void *arg, struct hg_error *err)
{
    struct hg_decoder d = {.sink = sink, .object = object, .write = write, .arg = arg, .err = err};
    return decode_run(&d, false);
}

enum hangar_rc hg_decode(const struct hg_object_reader *from, const struct hg_stored_object *object,
                         enum hangar_rc (*write)(void *arg, const void *data, size_t size,
                                                 struct hg_error *err),
                         void *arg, struct hg_error *err)
{
    struct hg_decoder d = {.sink = from->sink,
                           .chain = from->chain,
                           .count = from->chain_count,
                           .object = object,
                           .write = write,
                           .arg = arg,
                           .err = err};
    return decode_run(&d, true);
}
