/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * events: see events.h.
 */
#include "config/events.h"

#include <fnmatch.h>
#include <stddef.h>

#include "base/str.h"

const char *const hg_event_names[] = {"backup.start",
                                      "backup.done",
                                      "backup.degraded",
                                      "backup.failed",
                                      "backup.interrupted",
                                      "backup.retry",
                                      "verify.done",
                                      "verify.degraded",
                                      "verify.failed",
                                      "verify.interrupted",
                                      "restore.done",
                                      "restore.degraded",
                                      "restore.failed",
                                      "restore.interrupted",
                                      "alert.firing",
                                      "alert.resolved",
                                      NULL};

bool hg_event_matches(const char *pattern, const char *name)
{
    return fnmatch(pattern, name, 0) == 0;
}

bool hg_event_pattern_is_useful(const char *pattern)
{
    const char *const *name = hg_event_names;
    while (*name && !hg_event_matches(pattern, *name)) {
        name++;
    }
    return *name != NULL;
}

const char *hg_event_suggest(const char *pattern)
{
    static const char *const patterns[] = {"backup.*", "verify.*", "restore.*",
                                           "alert.*",  "*.failed", NULL};
    const char *meant = hg_did_you_mean(pattern, hg_event_names);
    return meant ? meant : hg_did_you_mean(pattern, patterns);
}
