/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * message: an event as a text for people, which all notifiers send.
 */
#ifndef PLUGIN_MESSAGE_H
#define PLUGIN_MESSAGE_H

#include <stddef.h>
#include <hangar/plugin.h>

/* Writes the summary, the error, the backup, the run and the duration, a line each, as far as the
 * event has them.  UTF-8 of at most size - 1 bytes, cut between two characters. */
void message_text(const struct hangar_event *event, char *out, size_t size);

#endif
