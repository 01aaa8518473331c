/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * status_name: see status_name.h.
 */
#include "state/status_name.h"

#include <string.h>

static const char *const status_names[] = {"done",      "failed", "usage", "degraded", "corrupt",
                                           "not_found", "busy",   "stale", "auth"};
static const char status_interrupted[] = "interrupted";

const char *hangar_status_name(enum hangar_status status)
{
    return (unsigned)status <= HANGAR_STATUS_AUTH ? status_names[status] : status_interrupted;
}

enum hangar_status hg_status_of_name(const char *name)
{
    for (unsigned i = 0; i <= HANGAR_STATUS_AUTH; i++) {
        if (strcmp(status_names[i], name) == 0) {
            return (enum hangar_status)i;
        }
    }
    return strcmp(name, status_interrupted) == 0 ? HANGAR_STATUS_INTERRUPTED : HANGAR_STATUS_FAILED;
}
