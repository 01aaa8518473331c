/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * daemon: runs the jobs of a configuration when they are due.  The daemon itself opens no
 * configuration and loads no plugin: each process that does is separate, so that a crash
 * in it does not end the daemon.
 *
 *     hangar daemon                    daemon_run
 *       ├── hangar run-job plan        daemon_worker: reads the configuration
 *       ├── hangar run-job backup P    daemon_worker
 *       └── ...
 *
 * A process writes what it does as lines of JSON (message.h) to descriptor DAEMON_JOB_FD.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "settings.h"

/* Runs until SIGTERM or SIGINT; SIGHUP reads the configuration again.  Returns the exit
 * status: 0, that of a configuration that was wrong at the start, or 6 when another daemon
 * uses the state folder.  Blocks these signals in the calling thread. */
int daemon_run(const struct daemon_settings *settings);

#endif
