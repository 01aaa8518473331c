/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * psync_frame: the bytes a server sends after it accepted PSYNC or SYNC, up to the end of the
 * RDB, in chunks of any size:
 *
 *     newlines, as keepalives          then either
 *     $<size>\r\n                      and that many bytes of RDB, or
 *     $EOF:<40 characters>\r\n         and an RDB of unknown size, then those characters again
 *
 * The RDB is complete only when this framing, the RDB's own end and its checksum agree to the
 * byte.  The module is independent of servers and networks.
 */
#ifndef RD_WIRE_PSYNC_FRAME_H
#define RD_WIRE_PSYNC_FRAME_H

#include "rdb/walk.h"

#define PSYNC_MARK 40

struct psync_frame {
    enum { PSYNC_PREFIX, PSYNC_RDB, PSYNC_END_MARK, PSYNC_DONE } step;
    struct rdb_walk *walk;
    char line[128]; /* the prefix read so far */
    size_t line_size;
    bool marked; /* the RDB ends with a mark, not after a known size */
    char mark[PSYNC_MARK];
    size_t mark_seen;
    uint64_t size, left; /* bytes of the RDB, when not marked */
    uint64_t newlines;   /* keepalives so far */
    char problem[320];
};

/* Begins; `walk` stays the caller's and must be new. */
void psync_frame_init(struct psync_frame *frame, struct rdb_walk *walk);

/* Reads `size` bytes; *rdb_size bytes from data + *rdb_at belong to the RDB.  frame->problem
 * describes a failure: HANGAR_CORRUPT or HANGAR_UNSUPPORTED for data that is not a usable RDB,
 * HANGAR_IO when the server refused with an error. */
enum hangar_rc psync_frame_feed(struct psync_frame *frame, const unsigned char *data, size_t size,
                                size_t *rdb_at, size_t *rdb_size);

/* True when the server sent an error instead of an RDB; frame->problem is its text. */
bool psync_frame_refused(const struct psync_frame *frame);

/* True when the RDB is complete and verified to be so. */
bool psync_frame_done(const struct psync_frame *frame);

#endif
