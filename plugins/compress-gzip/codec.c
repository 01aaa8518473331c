/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * codec: which library compresses at which level, and the checksum.  The table comes from
 * measurements with COPY text (bench/gzip-levels.c prints them): ISA-L is by far the fastest in its
 * three levels; above them libdeflate is faster than zlib and its files are smaller.
 */
#include "gzip.h"

#include <zlib.h>
#ifdef HAVE_ISAL
#include <isa-l/crc.h>
#endif
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

/* The level of each library; 0: it has no such level. */
static const struct {
    int isal, libdeflate, zlib;
} levels[] = {
    [1] = {1, 1, 1}, [2] = {2, 1, 2}, [3] = {3, 2, 3}, [4] = {0, 3, 4}, [5] = {0, 5, 5},
    [6] = {0, 6, 6}, [7] = {0, 7, 7}, [8] = {0, 8, 8}, [9] = {0, 9, 9},
};

const struct gz_codec *gz_choose(int level, int *library_level)
{
#ifdef HAVE_ISAL
    if (levels[level].isal) {
        *library_level = levels[level].isal;
        return &gz_codec_isal;
    }
#endif
#ifdef HAVE_LIBDEFLATE
    *library_level = levels[level].libdeflate;
    return &gz_codec_libdeflate;
#else
    *library_level = levels[level].zlib;
    return &gz_codec_zlib;
#endif
}

uint32_t gz_crc32(uint32_t crc, const void *data, size_t size)
{
#if defined(HAVE_ISAL)
    return crc32_gzip_refl(crc, data, size);
#elif defined(HAVE_LIBDEFLATE)
    return libdeflate_crc32(crc, data, size);
#else
    return (uint32_t)crc32_z(crc, data, size);
#endif
}
