/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * watch: see watch.h.
 */
#include "watch.h"

#include <hangar/hangar.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"

enum { WATCH_INTERVAL_MS = 300000 };

int64_t daemon_watch(struct daemon *d)
{
    int64_t left = d->watch_at_ms - daemon_monotonic_ms();

    if (daemon_process_is_running(d, DAEMON_FOR_WATCH)) {
        return WATCH_INTERVAL_MS;
    }
    if (left > 0) {
        return left;
    }
    d->watch_at_ms = daemon_monotonic_ms() + WATCH_INTERVAL_MS;
    daemon_process_start_watch(d); /* a failure is reported; the next interval tries again */
    return WATCH_INTERVAL_MS;
}

void daemon_watch_end(struct daemon *d, const struct daemon_result *result)
{
    if (result && result->status == HANGAR_STATUS_DONE && result->document) {
        if (d->http) {
            daemon_http_show(d->http, result->document, daemon_now(d));
        }
    } else if (!d->stopping) {
        daemon_report(d, DAEMON_WARNING, "watch.failed", "cannot read the sinks: %s",
                      result ? result->error : "the process that reads them crashed");
    }
}

void daemon_watch_listen(struct daemon *d)
{
    const char *wanted = d->plan->listen, *host = d->plan->http_host;
    bool same = d->listening && wanted && strcmp(d->listening, wanted) == 0 &&
                strcmp(d->http_host ? d->http_host : "", host ? host : "") == 0;

    if (same || (!wanted && !d->listening)) {
        return;
    }
    daemon_http_stop(d->http);
    free(d->listening);
    free(d->http_host);
    d->http = NULL;
    d->listening = d->http_host = NULL;
    if (!wanted) {
        return;
    }
    char *error = NULL;
    d->http = daemon_http_start(wanted, host, &error);
    if (d->http) {
        d->listening = strdup(wanted);
        d->http_host = host ? strdup(host) : NULL;
        daemon_report(d, DAEMON_INFO, "http.listen", "serving metrics at http://%s/metrics",
                      wanted);
    } else {
        daemon_report(d, DAEMON_ERROR, "http.failed", "%s", error ? error : "out of memory");
    }
    free(error);
}
