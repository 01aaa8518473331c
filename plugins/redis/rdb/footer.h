/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * footer: the end of a payload of RESTORE and FUNCTION RESTORE: the version of the RDB format (2
 * bytes) and the checksum of everything before it (8 bytes), both little-endian.
 */
#ifndef RD_RDB_FOOTER_H
#define RD_RDB_FOOTER_H

#include <stdint.h>

#define RDB_FOOTER_BYTES 10

/* Writes the footer; `crc` is the checksum of the payload before it. */
void rdb_footer(unsigned char footer[RDB_FOOTER_BYTES], unsigned version, uint64_t crc);

#endif
