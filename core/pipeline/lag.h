/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lag: detects a sink that makes the other sinks of a run wait.
 */
#ifndef HG_PIPELINE_LAG_H
#define HG_PIPELINE_LAG_H

#include "pipeline/flow.h"

/* Estimates how long each sink has made the others wait, and detaches a sink that exceeds
 * its max_lag.  To be called a few times a second, from one thread. */
void hg_lag_watch(struct hg_engine *engine);

#endif
