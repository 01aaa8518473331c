/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * status_document: hangar.status/1.
 */
#ifndef HG_JOBS_REPORT_STATUS_DOCUMENT_H
#define HG_JOBS_REPORT_STATUS_DOCUMENT_H

#include "jobs/report/status.h"
#include "session/handle.h"

/* Reads the status of all pipelines and writes its document: a job of its own.  The document has
 * the configuration, the report and the counters.  While the session is open, the records of
 * verifications and what the next prune would leave are read from the sinks too; a report whose
 * session could not begin has no pipelines.
 *
 * `after` is called with a report that could be read, once its session has ended; the counters
 * have what it counts.  NULL: none. */
enum hangar_status
hg_status_document(struct hangar *h,
                   void (*after)(struct hangar *h, const struct hg_status_report *), char **json);

#endif
