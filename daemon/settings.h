/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * settings: what the program that runs a daemon decides.
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

/* The clock of the schedules.  Programs pass daemon_clock, tests a faster one. */
struct daemon_clock {
    int64_t (*now_ms)(void *arg); /* since 1970 */
    void *arg;
    int64_t speed; /* ms of this clock in one ms of waiting */
};
extern const struct daemon_clock daemon_clock;

struct daemon_settings {
    const char *program;     /* what is run for jobs; NULL: the running program */
    const char *config_file; /* NULL: the default places */
    const struct daemon_clock *clock;
    daemon_listener *on_event; /* gets all events: writes the log */
    void *arg;
    bool verbose; /* jobs log everything */
};

#endif
