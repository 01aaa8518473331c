/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alerts: derives the alerts of pipelines from their status, and notifies of those that begin, that
 * last, and that end.
 */
#ifndef HG_NOTIFY_ALERTS_H
#define HG_NOTIFY_ALERTS_H

#include "config/config.h"
#include "session/handle.h"

/* Judges a pipeline after a job on it; does nothing without notifiers.  A failure is a warning. */
void hg_alerts_after(struct hangar *h, const struct hg_pipeline_config *pipeline);

#endif
