/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * log: one line of the log on a stream, for people, for programs or for the
 * journal.  Who may write when is not its business.
 */
#ifndef CLI_LOG_H
#define CLI_LOG_H

#include <hangar/hangar.h>
#include "output.h"

enum cli_log_format {
    CLI_LOG_TEXT,    /* the message, for people */
    CLI_LOG_LOGFMT,  /* time= level= run= event= pipeline= job= status= duration_ms= msg= */
    CLI_LOG_JSON,    /* the same as an object */
    CLI_LOG_JOURNAL, /* logfmt behind systemd's priority, "<6>"; the journal knows the time */
};

/* What a line of the daemon is about; each of these may be NULL. */
struct cli_log_about {
    const char *pipeline, *job, *status;
};

/* `message` is the line's, with what the terminal cannot show escaped; `about` may be
 * NULL. */
void cli_log_put(const struct cli_view *view, enum cli_log_format format,
                 const struct hangar_log_line *line, const struct cli_log_about *about,
                 const char *message);

/* "logfmt" to its format; false when there is none of that name. */
bool cli_log_format_named(const char *name, enum cli_log_format *out);

#endif
