/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz: see fuzz.h.
 */
#include "fuzz.h"

#include <stdarg.h>

unsigned long fuzz_failures;

static void fuzz_host_log(struct hangar_ctx *ctx, enum hangar_log_level level, const char *fmt, ...)
{
    (void)ctx, (void)level, (void)fmt;
}

/* Formats the text, as its arguments are tested, too. */
static enum hangar_rc fuzz_host_fail(struct hangar_ctx *ctx, enum hangar_rc rc, int error_number,
                                     const char *fmt, ...)
{
    char text[4096];
    va_list args;
    (void)ctx, (void)error_number;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    fuzz_failures++;
    return rc;
}

static int fuzz_host_cancelled(struct hangar_ctx *ctx)
{
    (void)ctx;
    return 0;
}

static void fuzz_host_alive(struct hangar_ctx *ctx, const char *what)
{
    (void)ctx, (void)what;
}

const struct hangar_host fuzz_host = {.struct_size = sizeof(fuzz_host),
                                      .abi_minor = HANGAR_ABI_MINOR,
                                      .log = fuzz_host_log,
                                      .fail = fuzz_host_fail,
                                      .alive = fuzz_host_alive,
                                      .cancelled = fuzz_host_cancelled};

struct fuzz_pieces fuzz_pieces(const uint8_t *data, size_t size)
{
    struct fuzz_pieces pieces = {data, size, 0, 1};
    if (size) {
        pieces.step = data[0];
        pieces.data++;
        pieces.size--;
    }
    return pieces;
}

int fuzz_piece(struct fuzz_pieces *pieces, const uint8_t **data, size_t *size)
{
    if (!pieces->size) {
        return 0;
    }
    /* 0: all at once; else 1 to that many bytes, the same for the same input */
    pieces->state = pieces->state * 1103515245u + 12345u;
    size_t n = pieces->step ? (pieces->state >> 16) % pieces->step + 1 : pieces->size;
    n = n < pieces->size ? n : pieces->size;
    *data = pieces->data;
    *size = n;
    pieces->data += n;
    pieces->size -= n;
    return 1;
}
