/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * priority: runs a function with a lower priority for the processor and the disk, without
 * changing the priorities of the calling program.
 */
#ifndef HG_SESSION_PRIORITY_H
#define HG_SESSION_PRIORITY_H

#include "base/log.h"
#include "config/config.h"

/* Calls fn(arg) with `nice` and `ionice` of `limits:` and returns when it has ended.  If
 * either is configured, fn runs in a thread of its own, because the threads and programs that
 * it starts inherit the priorities and a process without privileges cannot raise them again. */
void hg_priority_run(const struct hg_config *config, struct hg_log *log, void (*fn)(void *arg),
                     void *arg);

#endif
