/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * event: see event.h.
 */
#include "event.h"

#include <assert.h>

void daemon_listeners_add(struct daemon_listeners *listeners, daemon_listener *notify, void *arg)
{
    assert(listeners->count < sizeof(listeners->items) / sizeof(listeners->items[0]));
    listeners->items[listeners->count++] = (struct daemon_listener_entry){notify, arg};
}

void daemon_listeners_notify(const struct daemon_listeners *listeners,
                             const struct daemon_event *event)
{
    for (size_t i = 0; i < listeners->count; i++) {
        listeners->items[i].notify(listeners->items[i].arg, event);
    }
}
