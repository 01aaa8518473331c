/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * reload: reads the configuration, in a process of its own, and puts its plan in force:
 * the first one, or another in its place.
 */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include "context.h"
#include "message.h"

/* Starts the process; it must not be running. */
void daemon_reload_start(struct daemon *d);

/* The process has ended; NULL: without a result.  A configuration that is wrong leaves the
 * previous plan in force; without one, the daemon ends. */
void daemon_reload_end(struct daemon *d, const struct daemon_result *result);

#endif
