/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lzf: see lzf.h.  The format is a sequence of runs.  A control byte below 32 begins a literal of
 * control + 1 bytes.  Any other control byte begins a back reference: its upper three bits are a
 * length (after 7, the next byte is added to it), its lower five bits and the following byte are a
 * distance, and length + 2 bytes are copied from that distance before the end.
 */
#include "rdb/lzf.h"

#include <string.h>

void rd_lzf_init(struct rd_lzf *lzf, uint64_t limit)
{
    lzf->step = RD_LZF_CONTROL;
    lzf->run = lzf->high = 0;
    lzf->plain = 0;
    lzf->limit = limit;
    lzf->size = lzf->flushed = 0;
}

static enum hangar_rc lzf_flush(struct rd_lzf *lzf, rd_lzf_sink sink, void *arg)
{
    enum hangar_rc rc = HANGAR_OK;
    if (lzf->size > lzf->flushed) {
        rc = sink(arg, lzf->out + lzf->flushed, lzf->size - lzf->flushed);
    }
    lzf->flushed = lzf->size;
    return rc;
}

/* Makes room for one run (at most 264 bytes); keeps the bytes that a reference can reach. */
static enum hangar_rc lzf_make_room(struct rd_lzf *lzf, rd_lzf_sink sink, void *arg)
{
    if (lzf->size + RD_LZF_WINDOW <= sizeof(lzf->out)) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = lzf_flush(lzf, sink, arg);
    memmove(lzf->out, lzf->out + lzf->size - RD_LZF_WINDOW, RD_LZF_WINDOW);
    lzf->size = lzf->flushed = RD_LZF_WINDOW;
    return rc;
}

static enum hangar_rc lzf_copy_reference(struct rd_lzf *lzf, unsigned distance)
{
    unsigned length = lzf->run + 2;
    if (distance > lzf->size || lzf->plain + length > lzf->limit) {
        return HANGAR_CORRUPT;
    }
    /* byte by byte: source and destination may overlap, which repeats a pattern */
    unsigned char *to = lzf->out + lzf->size;
    const unsigned char *from = to - distance;
    for (unsigned i = 0; i < length; i++) {
        to[i] = from[i];
    }
    lzf->size += length;
    lzf->plain += length;
    lzf->step = RD_LZF_CONTROL;
    return HANGAR_OK;
}

enum hangar_rc rd_lzf_feed(struct rd_lzf *lzf, const unsigned char *data, size_t size,
                           rd_lzf_sink sink, void *arg)
{
    const unsigned char *end = data + size;
    while (data < end) {
        enum hangar_rc rc = lzf_make_room(lzf, sink, arg);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (lzf->step == RD_LZF_LITERAL) {
            size_t n = (size_t)(end - data) < lzf->run ? (size_t)(end - data) : lzf->run;
            memcpy(lzf->out + lzf->size, data, n);
            lzf->size += n;
            lzf->plain += n;
            data += n;
            lzf->run -= (unsigned)n;
            if (lzf->run == 0) {
                lzf->step = RD_LZF_CONTROL;
            }
            continue;
        }
        unsigned byte = *data++;
        switch (lzf->step) {
        case RD_LZF_CONTROL:
            lzf->high = (byte & 31) << 8;
            lzf->run = byte >> 5;
            lzf->step = lzf->run == 7 ? RD_LZF_LENGTH : RD_LZF_OFFSET;
            if (byte < 32) {
                lzf->run = byte + 1;
                lzf->step = RD_LZF_LITERAL;
                if (lzf->plain + lzf->run > lzf->limit) {
                    return HANGAR_CORRUPT;
                }
            }
            break;
        case RD_LZF_LENGTH:
            lzf->run += byte;
            lzf->step = RD_LZF_OFFSET;
            break;
        default:
            rc = lzf_copy_reference(lzf, (lzf->high | byte) + 1);
            if (rc != HANGAR_OK) {
                return rc;
            }
            break;
        }
    }
    return HANGAR_OK;
}

enum hangar_rc rd_lzf_end(struct rd_lzf *lzf, rd_lzf_sink sink, void *arg)
{
    enum hangar_rc rc = lzf_flush(lzf, sink, arg);
    if (rc != HANGAR_OK) {
        return rc;
    }
    return lzf->step == RD_LZF_CONTROL && lzf->plain == lzf->limit ? HANGAR_OK : HANGAR_CORRUPT;
}
