/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * event: telling those who listen.
 */
#include "event.h"

#include <assert.h>

void daemon_listen(struct daemon_listeners *listeners, daemon_listener *tell, void *arg)
{
    assert(listeners->count < sizeof(listeners->items) / sizeof(listeners->items[0]));
    listeners->items[listeners->count++] = (struct daemon_listening){tell, arg};
}

void daemon_tell(const struct daemon_listeners *listeners, const struct daemon_event *event)
{
    for (size_t i = 0; i < listeners->count; i++) {
        listeners->items[i].tell(listeners->items[i].arg, event);
    }
}
