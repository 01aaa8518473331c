/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * random: random bytes of the kernel.
 */
#ifndef HG_BASE_RANDOM_H
#define HG_BASE_RANDOM_H

#include <stddef.h>

/* Fills `bytes`.  Waits while the kernel has no random bytes yet, soon after boot.  Where the
 * kernel refuses them to this process, the bytes are made of the time and the process: they differ
 * from those of another call, but can be guessed.  So they must not be a secret. */
void hg_random_fill(void *bytes, size_t size);

#endif
