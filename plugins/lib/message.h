/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * message: an event as a text for people, for notifiers of all kinds.
 */
#ifndef PLUGIN_MESSAGE_H
#define PLUGIN_MESSAGE_H

#include <stddef.h>
#include <hangar/plugin.h>

/* The summary, then why, which backup and how long it took, a line each; UTF-8, at
 * most size - 1 bytes, cut between characters. */
void message_text(const struct hangar_event *event, char *out, size_t size);

#endif
