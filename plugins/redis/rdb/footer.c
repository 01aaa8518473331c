/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * footer: see footer.h.
 */
#include "rdb/footer.h"

#include "rdb/crc64.h"

void rdb_footer(unsigned char footer[RDB_FOOTER_BYTES], unsigned version, uint64_t crc)
{
    footer[0] = (unsigned char)version;
    footer[1] = (unsigned char)(version >> 8);
    crc = rd_crc64(crc, footer, 2);
    for (int i = 0; i < 8; i++) {
        footer[2 + i] = (unsigned char)(crc >> (8 * i));
    }
}
