/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * systemd: reports the state of the daemon to the service manager, by the protocol of
 * sd_notify(3): a datagram to the socket named in $NOTIFY_SOCKET.  Without that variable
 * the functions do nothing.
 */
#ifndef DAEMON_SYSTEMD_H
#define DAEMON_SYSTEMD_H

#include <stdint.h>

/* "READY=1\nSTATUS=..."; at most 500 bytes. */
void daemon_systemd_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The interval at which to send WATCHDOG=1, half of what the service manager allows, in ms;
 * 0: never. */
int64_t daemon_systemd_watchdog_ms(void);

#endif
