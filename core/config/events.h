/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * events: the names of all events that notifiers receive.
 */
#ifndef HG_CONFIG_EVENTS_H
#define HG_CONFIG_EVENTS_H

#include <stdbool.h>

/* In the order of the documents, NULL-terminated.  A test message is not among them: every
 * notifier receives it. */
extern const char *const hg_event_names[];

/* Whether a pattern, such as "backup.failed" or "alert.*", matches the name of an event. */
bool hg_event_matches(const char *pattern, const char *name);
bool hg_event_pattern_is_useful(const char *pattern);

/* The name or pattern that was probably meant; NULL: none. */
const char *hg_event_suggest(const char *pattern);

#endif
