/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_psync: the replication stream of a server, in pieces of any size.
 */
#include "fuzz.h"

#include "wire/psync_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rdb_walk *walk = rdb_walk_new(NULL, NULL, 64, UINT64_MAX);
    struct fuzz_pieces pieces = fuzz_pieces(data, size);
    const uint8_t *piece;
    size_t n, at, rdb, all = 0;
    enum hangar_rc rc = HANGAR_OK;
    if (!walk) {
        abort();
    }
    struct psync_frame frame;
    psync_frame_init(&frame, walk);
    while (rc == HANGAR_OK && fuzz_piece(&pieces, &piece, &n)) {
        at = rdb = 0;
        rc = psync_frame_feed(&frame, piece, n, &at, &rdb);
        FUZZ_RULE(rc != HANGAR_OK || (at <= n && rdb <= n - at));
        FUZZ_RULE(rc == HANGAR_OK || *frame.problem);
        all += rc == HANGAR_OK ? rdb : 0;
    }
    FUZZ_RULE(all <= size);
    FUZZ_RULE(!psync_frame_done(&frame) || rdb_walk_done(walk));
    rdb_walk_free(walk);
    return 0;
}
