/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify: tells the service manager how it goes, by the protocol of sd_notify(3): a
 * datagram to the socket named in $NOTIFY_SOCKET.  Without one, nothing happens.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdint.h>

/* "READY=1\nSTATUS=..."; at most 500 bytes. */
void daemon_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How often the watchdog wants to hear of this process, in ms; 0: never. */
int64_t daemon_notify_watchdog_ms(void);

#endif
