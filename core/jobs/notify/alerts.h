/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alerts: what somebody should know, found out after a job and whenever asked.
 */
#ifndef HG_NOTIFY_ALERTS_H
#define HG_NOTIFY_ALERTS_H

#include "base/json.h"
#include "config/config.h"
#include "session/handle.h"

/* Tells notifiers what has changed in these pipelines of a status, which somebody began
 * to find out at that time. */
void hg_alerts_tell(struct hangar *h, int64_t looked_ms, const json_t *pipelines);

/* Looks at a pipeline after a job of it and tells its notifiers what has changed;
 * nothing where there are none.  Cannot fail a job. */
void hg_alerts_after(struct hangar *h, const struct hg_pipeline_config *pipeline);

#endif
