/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alerts: derives the alerts of pipelines from their status, and notifies of those that begin, that
 * last, and that end.
 */
#ifndef HG_JOBS_NOTIFY_ALERTS_H
#define HG_JOBS_NOTIFY_ALERTS_H

#include "base/str.h"
#include "config/config.h"
#include "session/handle.h"
#include "session/session.h"

/* Judges a pipeline after a job on it; does nothing without notifiers.  Reads the sinks in
 * `session`, or, if that is NULL, in a session of its own.  A failure is a warning. */
void hg_alerts_after(struct hangar *h, struct hg_session *session,
                     const struct hg_pipeline_config *pipeline);

/* Adds a line for each sink that has less free space than the next backup needs: the text of the
 * alert.  Sends no notification.  A sink that cannot be read gets no line. */
void hg_alerts_space(struct hg_session *session, const struct hg_pipeline_config *pipeline,
                     struct hg_str *out);

#endif
