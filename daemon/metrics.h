/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * metrics: the status of everything as Prometheus' text format 0.0.4 (the exposition
 * format of https://prometheus.io/docs/instrumenting/exposition_formats/).  What it
 * says comes from the document alone: nothing is counted here, so that it is right
 * from the first scrape after a start.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include <jansson.h>
#include <stdint.h>

#define DAEMON_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Of hangar.status/1, gathered at this time; malloc'd, NULL when out of memory.
 * Labels are names of the configuration and fixed words: no id and no path. */
char *daemon_metrics(const json_t *status, const char *version, int64_t gathered_ms);

#endif
