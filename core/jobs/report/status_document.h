/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * status_document: hangar.status/1.
 */
#ifndef HG_JOBS_REPORT_STATUS_DOCUMENT_H
#define HG_JOBS_REPORT_STATUS_DOCUMENT_H

#include "base/json.h"
#include "jobs/report/status.h"
#include "session/handle.h"

/* Adds the configuration and the report; the counters are not in it.  While the session is open,
 * the records of verifications and what the next prune would leave are read from the sinks; a
 * report whose session could not begin has no pipelines. */
void hg_status_to_json(struct hg_status_report *report, struct hangar *h, json_t *doc);

#endif
