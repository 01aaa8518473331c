/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * crc64: see crc64.h.
 */
#include "rdb/crc64.h"

#include <endian.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "crc64_table.h"

/* With fewer bytes, setting up the multiplication costs more than it saves. */
#define MULTIPLY_FROM_BYTES 128

static uint64_t crc64_load64(const unsigned char *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return le64toh(value);
}

uint64_t rd_crc64_bytes(uint64_t crc, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        crc = crc64_table[0][(crc ^ bytes[i]) & 0xff] ^ (crc >> 8);
    }
    return crc;
}

uint64_t rd_crc64_slices(uint64_t crc, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (; size >= 16; bytes += 16, size -= 16) {
        uint64_t a = crc64_load64(bytes) ^ crc, b = crc64_load64(bytes + 8);
        crc = 0;
        for (unsigned i = 0; i < 8; i++) {
            crc ^=
                crc64_table[15 - i][a >> (8 * i) & 0xff] ^ crc64_table[7 - i][b >> (8 * i) & 0xff];
        }
    }
    return rd_crc64_bytes(crc, bytes, size);
}

#if defined(__x86_64__)
bool rd_crc64_can_multiply(void)
{
    return __builtin_cpu_supports("pclmul");
}

/* `value` advanced by as many bits as `keys` stand for, plus `next`. */
__attribute__((target("pclmul,sse2"))) static inline __m128i
crc64_fold_lane(__m128i value, __m128i keys, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(value, keys, 0x00);
    __m128i high = _mm_clmulepi64_si128(value, keys, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

__attribute__((target("pclmul,sse2"))) static inline __m128i
crc64_load128(const unsigned char *bytes)
{
    __m128i value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

/* Four registers of 128 bits process the data in parallel.  At the end they are folded into the
 * last one, whose 16 bytes have the same checksum as all bytes before. */
__attribute__((target("pclmul,sse2"))) uint64_t rd_crc64_multiply(uint64_t crc, const void *data,
                                                                  size_t size)
{
    const unsigned char *bytes = data;
    if (size < 64) {
        return rd_crc64_slices(crc, data, size);
    }
    __m128i keys[4];
    for (int i = 0; i < 4; i++) {
        memcpy(&keys[i], crc64_fold[i], sizeof(keys[i]));
    }
    __m128i lanes[4];
    for (int i = 0; i < 4; i++) {
        lanes[i] = crc64_load128(bytes + 16 * i);
    }
    lanes[0] = _mm_xor_si128(lanes[0], _mm_set_epi64x(0, (long long)crc));
    for (bytes += 64, size -= 64; size >= 64; bytes += 64, size -= 64) {
        for (int i = 0; i < 4; i++) {
            lanes[i] = crc64_fold_lane(lanes[i], keys[0], crc64_load128(bytes + 16 * i));
        }
    }
    __m128i sum = crc64_fold_lane(lanes[0], keys[1], lanes[3]);
    sum = crc64_fold_lane(lanes[1], keys[2], sum);
    sum = crc64_fold_lane(lanes[2], keys[3], sum);
    unsigned char rest[16];
    memcpy(rest, &sum, sizeof(rest));
    return rd_crc64_slices(rd_crc64_slices(0, rest, sizeof(rest)), bytes, size);
}
#else
bool rd_crc64_can_multiply(void)
{
    return false;
}

uint64_t rd_crc64_multiply(uint64_t crc, const void *data, size_t size)
{
    return rd_crc64_slices(crc, data, size);
}
#endif

uint64_t rd_crc64(uint64_t crc, const void *data, size_t size)
{
    if (size >= MULTIPLY_FROM_BYTES && rd_crc64_can_multiply()) {
        return rd_crc64_multiply(crc, data, size);
    }
    return rd_crc64_slices(crc, data, size);
}
