/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * progress: shows the progress of a job and its log lines on standard error.  On a terminal
 * it redraws a few lines in place; elsewhere it adds a line every 30 seconds.  Threads of
 * the library call it: one mutex serializes drawing and logging.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <pthread.h>
#include <hangar/hangar.h>
#include "log.h"
#include "output.h"

enum cli_progress_mode { CLI_PROGRESS_OFF, CLI_PROGRESS_LINES, CLI_PROGRESS_REDRAW };

#define CLI_PROGRESS_ROWS 8 /* at most, of which one is the total */
#define CLI_PROGRESS_SIZE 256
#define CLI_PROGRESS_SAMPLES 20 /* the rate is that of five seconds */
#define CLI_PROGRESS_EVERY_MS 30000

struct cli_progress {
    pthread_mutex_t mutex; /* guards all below, and writing while a job runs */
    struct cli_view *view;
    enum cli_progress_mode mode;
    enum cli_log_format format;
    int rows; /* number of rows on the terminal */
    int tty;  /* descriptor of the terminal, for its width; or -1 */
    int64_t last_line_ms;
    struct cli_sample {
        int64_t elapsed_ms;
        uint64_t bytes;
    } samples[CLI_PROGRESS_SAMPLES];
    size_t sample_count; /* since the start of the job */
};

void cli_progress_init(struct cli_progress *progress, struct cli_view *view,
                       enum cli_progress_mode mode, enum cli_log_format format, int tty);
void cli_progress_fini(struct cli_progress *progress);

/* The callbacks of hangar_settings. */
void cli_progress_show(struct cli_progress *progress, const struct hangar_progress *state);
void cli_progress_log(struct cli_progress *progress, const struct hangar_log_line *line);

/* Erases the rows: the job has ended. */
void cli_progress_clear(struct cli_progress *progress);

/* Writes the rows, each cut to the width; returns their number. */
int cli_progress_rows(const struct cli_view *view, const struct hangar_progress *state,
                      uint64_t bytes_per_second, char rows[CLI_PROGRESS_ROWS][CLI_PROGRESS_SIZE]);

#endif
