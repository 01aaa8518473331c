/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * metrics: prints a status document in the text format 0.0.4 of Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).  All values come from
 * the document; nothing is counted here, so the first scrape after a start is right.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include <jansson.h>
#include <stdint.h>

#define DAEMON_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Of hangar.status/1, read at this time; malloc'd, NULL when out of memory.  Labels are
 * names from the configuration and fixed words: no id and no path. */
char *daemon_metrics(const json_t *status, const char *version, int64_t gathered_ms);

#endif
