/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * instance: what every part of the plugin asks the instance for.
 */
#include "server/instance/instance.h"

#include <poll.h>
#include <string.h>

bool pg_cancelled(struct pg_source *src)
{
    struct pollfd wake = {.fd = src->wake_fd, .events = POLLIN};
    return poll(&wake, 1, 0) > 0 || src->host->cancelled(src->ctx);
}

const char *pg_selected(struct pg_source *src, const char *option, size_t index)
{
    return src->safety ? NULL : src->host->opt_list(src->ctx, option, index);
}

bool pg_names_database(const struct pg_source *src, const char *database)
{
    for (size_t i = 0; i < src->database_count; i++) {
        if (strcmp(src->databases[i], database) == 0) {
            return true;
        }
    }
    return false;
}

const char *pg_where(const struct pg_source *src)
{
    return src->where;
}
