/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * watch: a process that looks at all sinks now and then, has people told what they
 * should know, and says what the metrics are made of.  It looks when the daemon
 * begins, whenever a job begins or ends, and each five minutes.
 */
#include "context.h"

#include <hangar/hangar.h>
#include <stdlib.h>
#include <string.h>

enum { EACH_MS = 300000 };

void daemon_watch_soon(struct daemon *d)
{
    d->watch_at_ms = daemon_monotonic_ms();
}

int64_t daemon_watch(struct daemon *d)
{
    int64_t left = d->watch_at_ms - daemon_monotonic_ms();

    if (daemon_is_running(d, "watch")) {
        return EACH_MS;
    }
    if (left > 0) {
        return left;
    }
    d->watch_at_ms = daemon_monotonic_ms() + EACH_MS;
    daemon_start_watch(d);
    return EACH_MS;
}

void daemon_take_status(struct daemon *d, const json_t *document, const char *error)
{
    if (document && d->http) {
        daemon_http_show(d->http, document, daemon_now(d));
    }
    if (!document && !d->stopping) {
        daemon_say(d, DAEMON_WARNING, "watch.failed", "cannot look at the sinks: %s", error);
    }
}

/* Listens where the plan says, from the first plan on that says so. */
void daemon_listen_http(struct daemon *d)
{
    char *error = NULL;
    const char *wanted = d->plan->listen;
    bool same = d->listening && wanted && strcmp(d->listening, wanted) == 0;

    if (same || (!wanted && !d->listening)) {
        return;
    }
    daemon_http_stop(d->http);
    free(d->listening);
    d->http = NULL;
    d->listening = NULL;
    if (!wanted) {
        return;
    }
    d->http = daemon_http_start(wanted, &error);
    if (d->http) {
        d->listening = strdup(wanted);
        daemon_say(d, DAEMON_INFO, "http.listen", "metrics at http://%s/metrics", wanted);
    } else {
        daemon_say(d, DAEMON_ERROR, "http.failed", "%s", error ? error : "out of memory");
    }
    free(error);
}
