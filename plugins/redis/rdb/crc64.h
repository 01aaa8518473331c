/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * crc64: the checksum at the end of an RDB and of a payload of RESTORE (CRC-64/Jones, reflected,
 * start value 0).  It is independent of the RDB format.  Any thread may call it.
 */
#ifndef RD_RDB_CRC64_H
#define RD_RDB_CRC64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Continues the checksum `crc` with `size` bytes; begin with 0. */
uint64_t rd_crc64(uint64_t crc, const void *data, size_t size);

/* Three implementations with the same result: one byte at a time, 16 bytes at a time, and
 * carry-less multiplication, for processors that support it. */
uint64_t rd_crc64_bytes(uint64_t crc, const void *data, size_t size);
uint64_t rd_crc64_slices(uint64_t crc, const void *data, size_t size);
uint64_t rd_crc64_multiply(uint64_t crc, const void *data, size_t size);
bool rd_crc64_can_multiply(void);

#endif
