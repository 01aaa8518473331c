/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * gentle: runs a job with a lower priority for the processor and the disk, and
 * leaves the program that embeds hangar as it is.
 */
#ifndef HG_SESSION_PRIORITY_H
#define HG_SESSION_PRIORITY_H

#include "session/handle.h"

/* Calls fn(arg) with the priorities under `limits:`; in a thread of its own when there
 * are any: its threads and programs inherit them, and nobody may raise them again. */
void hg_gently(const struct hangar *h, void (*fn)(void *arg), void *arg);

#endif
