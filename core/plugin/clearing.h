/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clearing: calls of a plugin that remove what a job has not finished.  What the plugin warns of in
 * such a call is left over.
 */
#ifndef HG_CLEARING_H
#define HG_CLEARING_H

#include "base/left.h"
#include "plugin/instance.h"

/* HG_CALL_VOID around a function that clears. */
#define HG_CALL_CLEAR(ctx, call)                                                                   \
    (hg_call_set_clearing(true), HG_CALL_VOID(ctx, call), hg_call_set_clearing(false))

void hg_call_set_clearing(bool clearing); /* in this thread */
bool hg_call_is_clearing(void);

#endif
