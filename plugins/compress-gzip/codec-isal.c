/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * codec-isal: deflate by ISA-L, levels 1 to 3.
 */
#include "gzip.h"

#include <stdlib.h>
#include <isa-l/igzip_lib.h>

#define STORED_MAX 65535 /* bytes of data in a stored block; its header has 5 more */

struct isal {
    struct isal_zstream stream;
    unsigned char *buffer;
    uint32_t buffer_size;
    uint32_t level;
};

static void *isal_new(int level)
{
    static const uint32_t sizes[] = {
        [1] = ISAL_DEF_LVL1_DEFAULT, [2] = ISAL_DEF_LVL2_DEFAULT, [3] = ISAL_DEF_LVL3_DEFAULT};
    struct isal *isal = calloc(1, sizeof(*isal));
    if (!isal) {
        return NULL;
    }
    isal->level = (uint32_t)level;
    isal->buffer_size = sizes[level];
    isal->buffer = malloc(isal->buffer_size);
    if (!isal->buffer) {
        free(isal);
        return NULL;
    }
    return isal;
}

static void isal_free(void *state)
{
    struct isal *isal = state;
    if (!isal) {
        return;
    }
    free(isal->buffer);
    free(isal);
}

static size_t isal_bound(size_t size)
{
    return size + 5 * (size / STORED_MAX + 1);
}

static size_t isal_deflate_piece(void *state, const void *in, size_t size, void *out,
                                 size_t capacity)
{
    struct isal *isal = state;
    struct isal_zstream *stream = &isal->stream;
    /* With only as much room as stored blocks need, ISA-L uses them for data that it cannot
     * compress. */
    size_t room = isal_bound(size) < capacity ? isal_bound(size) : capacity;
    isal_deflate_stateless_init(stream);
    stream->level = isal->level;
    stream->level_buf = isal->buffer;
    stream->level_buf_size = isal->buffer_size;
    stream->gzip_flag = IGZIP_DEFLATE;
    stream->flush = NO_FLUSH;
    stream->end_of_stream = 1;
    stream->next_in = (uint8_t *)in;
    stream->avail_in = (uint32_t)size;
    stream->next_out = out;
    stream->avail_out = (uint32_t)room;
    if (isal_deflate_stateless(stream) != COMP_OK || stream->avail_in) {
        return 0;
    }
    return stream->total_out;
}

const struct gz_codec gz_codec_isal = {
    .name = "ISA-L",
    .new = isal_new,
    .free = isal_free,
    .bound = isal_bound,
    .deflate = isal_deflate_piece,
};
