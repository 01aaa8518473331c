/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * job_end: what the end of a process means for the schedules, the plan and the metrics.
 */
#ifndef DAEMON_JOB_END_H
#define DAEMON_JOB_END_H

#include "context.h"

/* Reads what the processes have written and handles each one that has ended. */
void daemon_handle_processes(struct daemon *d);

#endif
