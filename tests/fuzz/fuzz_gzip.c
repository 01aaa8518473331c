/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_gzip: the gzip decoder of compress-gzip, in pieces of any size on both sides.
 */
#include "fuzz.h"

#include <string.h>

#include "gzip.h"

#define MOST (4u << 20) /* plain bytes, then decoding ends */
#define CALLS 20000     /* limit: small output buffers need many calls */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned char out[65536];
    struct gz gz = {.host = &fuzz_host, .description = "gzip"};
    struct fuzz_pieces pieces = fuzz_pieces(data, size);
    size_t room = pieces.step % 2 ? sizeof(out) : 1 + pieces.step, made = 0, n = 0;
    struct gz_decoder *decoder;
    if (gz_decoder_new(&gz, &decoder)) {
        abort();
    }
    enum hangar_rc rc = HANGAR_OK;
    const uint8_t *piece = NULL;
    int more = fuzz_piece(&pieces, &piece, &n);
    for (int calls = 0; rc == HANGAR_OK && made < MOST && calls < CALLS; calls++) {
        struct hangar_io io = {more ? piece : (const uint8_t *)"", more ? n : 0, out, room};
        rc = gz_decoder_process(decoder, &io, !more);
        FUZZ_RULE(rc == HANGAR_OK || rc == HANGAR_EOF || rc == HANGAR_CORRUPT);
        FUZZ_RULE(io.in_size <= (more ? n : 0) && io.out_size <= room);
        size_t used = (more ? n : 0) - io.in_size, wrote = room - io.out_size;
        made += wrote;
        if (more) {
            piece += used;
            n -= used;
        }
        if (more && !n) {
            more = fuzz_piece(&pieces, &piece, &n);
        } else if (!more && !wrote) {
            break;
        } else {
            FUZZ_RULE(used || wrote || rc);
        }
    }
    gz_decoder_free(decoder);
    return 0;
}
