/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_untar: the archive that is imported.  Every other input is packed as gzip
 * first, so that the code behind its checksum is reached.
 */
#include "fuzz.h"

#include <string.h>
#include <zlib.h>

#include "jobs/transfer/untar.h"

#define MOST (16u << 20)

struct reader {
    const uint8_t *data;
    size_t size, at;
};

static long read_some(void *arg, void *data, size_t size)
{
    struct reader *reader = arg;
    size_t left = reader->size - reader->at, n = left < size ? left : size;
    memcpy(data, reader->data + reader->at, n);
    reader->at += n;
    return (long)n;
}

static uint8_t *fuzz_untar_pack(const uint8_t *data, size_t *size)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)data, .avail_in = (unsigned)*size};
    if (deflateInit2(&z, 0, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        abort();
    }
    size_t room = deflateBound(&z, *size);
    uint8_t *out = malloc(room);
    z.next_out = out;
    z.avail_out = (unsigned)room;
    if (!out || deflate(&z, Z_FINISH) != Z_STREAM_END) {
        abort();
    }
    *size = z.total_out;
    deflateEnd(&z);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char buffer[4096], shown[HG_UNTAR_SHOWN];
    struct hg_untar_member member;
    if (!size || size > 1u << 20) {
        return 0;
    }
    size_t packed = size - 1, all = 0;
    uint8_t *copy = data[0] % 2 ? fuzz_untar_pack(data + 1, &packed) : NULL;
    struct reader reader = {copy ? copy : data + 1, packed, 0};
    struct hg_error err = {0};
    struct hg_untar *untar = NULL;
    enum hangar_rc rc = hg_untar_open(read_some, &reader, &untar, &err);
    while (rc == HANGAR_OK && (rc = hg_untar_next(untar, &member, &err)) == HANGAR_OK) {
        size_t got = 1;
        uint64_t bytes = 0;
        hg_untar_shown(member.name, shown);
        FUZZ_RULE(memchr(member.name, '\0', sizeof(member.name)));
        while (got && all < MOST &&
               (rc = hg_untar_read(untar, buffer, sizeof(buffer), &got, &err)) == HANGAR_OK) {
            bytes += got;
            all += got;
        }
        FUZZ_RULE(bytes <= member.size);
        if (all >= MOST) {
            break;
        }
    }
    FUZZ_RULE(rc == HANGAR_OK || rc == HANGAR_EOF || *err.text);
    hg_untar_close(untar);
    free(copy);
    return 0;
}
