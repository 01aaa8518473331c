/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * keys: the keys that sign requests, and the hosts that may receive secrets unencrypted.
 */
#ifndef S3_KEYS_KEYS_H
#define S3_KEYS_KEYS_H

#include <stdbool.h>
#include <stdint.h>

struct s3_keys {
    char access_key_id[256];
    char secret_access_key[256];
    char session_token[4096]; /* "": none */
    int64_t expires_ms;       /* 0: never */
};

/* Is the host of this URL this machine, or an address that AWS reserves for containers and
 * instances?  Such a host may receive secrets unencrypted, and is reached without a proxy. */
bool creds_is_local_url(const char *url);

#endif
