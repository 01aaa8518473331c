/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * random: random bytes of the kernel.
 */
#ifndef PLUGIN_RANDOM_H
#define PLUGIN_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* Fills `bytes`.  Waits while the kernel has no random bytes yet, soon after boot.  False, with
 * errno: the kernel refuses them to this process. */
bool random_fill(void *bytes, size_t size);

#endif
