/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * crc64_gen: prints crc64_table.h during the build, so that the tables of crc64.c are constant
 * data and need no computation at run time.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

/* The polynomial of CRC-64/Jones, highest power first and, reflected, last. */
#define POLY UINT64_C(0xad93d23594c935a9)
#define POLY_REFLECTED UINT64_C(0x95ac9329ac4bc9b5)

static uint64_t reflect_bits(uint64_t value)
{
    uint64_t out = 0;
    for (int bit = 0; bit < 64; bit++) {
        if (value >> bit & 1) {
            out |= UINT64_C(1) << (63 - bit);
        }
    }
    return out;
}

/* x^power mod the polynomial, reflected. */
static uint64_t power_of_x(unsigned power)
{
    uint64_t rest = 1;
    for (unsigned i = 0; i < power; i++) {
        rest = (rest << 1) ^ (rest >> 63 ? POLY : 0);
    }
    return reflect_bits(rest);
}

int main(void)
{
    static uint64_t table[16][256];
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (crc & 1 ? POLY_REFLECTED : 0);
        }
        table[0][byte] = crc;
    }
    for (unsigned slice = 1; slice < 16; slice++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t before = table[slice - 1][byte];
            table[slice][byte] = table[0][before & 0xff] ^ (before >> 8);
        }
    }
    printf("static const uint64_t crc64_table[16][256] = {\n");
    for (unsigned slice = 0; slice < 16; slice++) {
        printf("{\n");
        for (unsigned byte = 0; byte < 256; byte++) {
            printf("UINT64_C(0x%016" PRIx64 "),%s", table[slice][byte], byte % 3 == 2 ? "\n" : " ");
        }
        printf("},\n");
    }
    printf("};\n");
    /* the factors that advance 128 bits by 512, 384, 256 and 128 bits: for the low half of the
     * register, and for the high half */
    printf("static const uint64_t crc64_fold[4][2] = {\n");
    for (unsigned bits = 512; bits >= 128; bits -= 128) {
        printf("{UINT64_C(0x%016" PRIx64 "), UINT64_C(0x%016" PRIx64 ")},\n", power_of_x(bits + 63),
               power_of_x(bits - 1));
    }
    printf("};\n");
    return 0;
}
