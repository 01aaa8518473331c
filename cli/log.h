/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * log: writes one log line to a stream, as text, for programs or for the journal.  The
 * caller serializes the writes.
 */
#ifndef CLI_LOG_H
#define CLI_LOG_H

#include <hangar/hangar.h>
#include "output.h"

enum cli_log_format {
    CLI_LOG_TEXT,    /* the message alone */
    CLI_LOG_LOGFMT,  /* time= level= run= event= pipeline= job= status= duration_ms= msg= */
    CLI_LOG_JSON,    /* the same as an object */
    CLI_LOG_JOURNAL, /* logfmt after the priority of systemd, "<6>"; the journal adds the time */
};

/* The job that a line of the daemon belongs to; each member may be NULL. */
struct cli_log_job {
    const char *pipeline, *job, *status;
};

/* `message` is that of the line, with unsafe characters escaped.  `job` may be NULL. */
void cli_log_put(const struct cli_view *view, enum cli_log_format format,
                 const struct hangar_log_line *line, const struct cli_log_job *job,
                 const char *message);

/* The format of a name such as "logfmt"; false: there is none. */
bool cli_log_format_named(const char *name, enum cli_log_format *out);

#endif
