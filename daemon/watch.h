/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * watch: a process that reads all sinks, evaluates the alerts, and returns the status of
 * which the metrics are made.  It runs when the daemon starts, when a job starts or ends,
 * and every five minutes.
 */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

#include "context.h"
#include "message.h"

/* Starts the process when it is time to.  Returns how long to wait for that, in ms of the
 * monotonic clock. */
int64_t daemon_watch(struct daemon *d);

/* The process has ended; NULL: without a result. */
void daemon_watch_end(struct daemon *d, const struct daemon_result *result);

/* Serves the metrics at the address of the plan, or stops serving them. */
void daemon_watch_listen(struct daemon *d);

#endif
