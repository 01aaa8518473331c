/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * crc64: the checksum at the end of an RDB and of what RESTORE takes
 * (CRC-64/Jones, reflected, start value 0).  Any thread.
 */
#ifndef RD_CRC64_H
#define RD_CRC64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` is the checksum of, followed by `size` bytes. */
uint64_t rd_crc64(uint64_t crc, const void *data, size_t size);

/* The three ways it is computed, all equal: byte by byte, 16 bytes at once, and
 * by carry-less multiplication where the processor has that. */
uint64_t rd_crc64_bytes(uint64_t crc, const void *data, size_t size);
uint64_t rd_crc64_slices(uint64_t crc, const void *data, size_t size);
uint64_t rd_crc64_multiply(uint64_t crc, const void *data, size_t size);
bool rd_crc64_can_multiply(void);

#endif
