/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * psync_frame: what a server sends after it agreed to replicate, up to the end
 * of the RDB, in chunks split anywhere:
 *
 *     newlines, as signs of life       then one of
 *     $<size>\r\n                      that many bytes of RDB
 *     $EOF:<40 characters>\r\n         an RDB of unknown size, then those characters again
 *
 * The RDB is complete only when this framing, the RDB's own end and its
 * checksum agree, to the byte.  Knows neither server nor network.
 */
#ifndef RD_PSYNC_FRAME_H
#define RD_PSYNC_FRAME_H

#include "rdb/walk.h"

#define PSYNC_MARK 40

struct psync_frame {
    enum { PSYNC_PREFIX, PSYNC_RDB, PSYNC_END_MARK, PSYNC_DONE } step;
    struct rdb_walk *walk;
    char line[128]; /* the prefix so far */
    size_t line_size;
    bool marked; /* ends with a mark, not after a known size */
    char mark[PSYNC_MARK];
    size_t mark_seen;
    uint64_t size, left; /* of the RDB, when not marked */
    uint64_t newlines;   /* signs of life so far */
    char problem[320];
};

/* Begins; `walk` stays the caller's and must be fresh. */
void psync_frame_init(struct psync_frame *frame, struct rdb_walk *walk);

/* Takes `size` bytes; *rdb_size bytes from data + *rdb_at are of the RDB.
 * HANGAR_CORRUPT, HANGAR_UNSUPPORTED: not an RDB, or damaged.  HANGAR_IO: the
 * server refused with an error.  frame->problem then says what. */
enum hangar_rc psync_frame_feed(struct psync_frame *frame, const unsigned char *data, size_t size,
                                size_t *rdb_at, size_t *rdb_size);

/* Is the RDB complete and proven so? */
bool psync_frame_done(const struct psync_frame *frame);

#endif
