/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * progress: see progress.h.
 */
#include "progress.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

void cli_progress_init(struct cli_progress *progress, struct cli_view *view,
                       enum cli_progress_mode mode, enum cli_log_format format, int tty)
{
    *progress = (struct cli_progress){.view = view, .mode = mode, .format = format, .tty = tty};
    pthread_mutex_init(&progress->mutex, NULL);
}

void cli_progress_fini(struct cli_progress *progress)
{
    pthread_mutex_destroy(&progress->mutex);
}

/* Appends to a row; text that does not fit is cut. */
static void progress_add(char row[CLI_PROGRESS_SIZE], const char *fmt, ...) CLI_PRINTF(2, 3);
static void progress_add(char row[CLI_PROGRESS_SIZE], const char *fmt, ...)
{
    size_t length = strlen(row);
    va_list args;

    va_start(args, fmt);
    vsnprintf(row + length, CLI_PROGRESS_SIZE - length, fmt, args);
    va_end(args);
}

/* Appends text of the library, escaped and at most 60 columns wide. */
static void progress_add_text(char row[CLI_PROGRESS_SIZE], const char *text, bool utf8)
{
    char *safe = cli_escape(text ? text : "", utf8);

    if (safe) {
        cli_truncate(safe, strlen(safe) + 1, 60, utf8);
        progress_add(row, "%s", safe);
    }
    free(safe);
}

static void progress_add_share(char row[CLI_PROGRESS_SIZE], uint64_t bytes, uint64_t expected)
{
    char size[CLI_SHORT], all[CLI_SHORT];

    progress_add(row, "  %s", cli_size(bytes, size));
    /* the expected size is an estimate: not printed once it is exceeded */
    if (expected && bytes <= expected) {
        progress_add(row, " of %s (%d %%)", cli_size(expected, all),
                     (int)((double)bytes * 100 / (double)expected));
    }
}

static void progress_add_clock(char row[CLI_PROGRESS_SIZE], int64_t ms)
{
    long long s = ms / 1000;

    if (s >= 3600) {
        progress_add(row, "  %lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    } else {
        progress_add(row, "  %lld:%02lld", s / 60, s % 60);
    }
}

/* The time left, if the rest arrives as fast as the last bytes did. */
static void progress_add_left(char row[CLI_PROGRESS_SIZE], const struct hangar_progress *state,
                              uint64_t bytes_per_second)
{
    const uint64_t days_ms = 30 * UINT64_C(86400000);

    if (!state->expected_bytes || state->plain_bytes >= state->expected_bytes ||
        bytes_per_second == 0) {
        return;
    }
    double ms =
        (double)(state->expected_bytes - state->plain_bytes) * 1000 / (double)bytes_per_second;
    if (ms < (double)days_ms) {
        progress_add_clock(row, (int64_t)ms);
        progress_add(row, " left");
    }
}

int cli_progress_rows(const struct cli_view *view, const struct hangar_progress *state,
                      uint64_t bytes_per_second, char rows[CLI_PROGRESS_ROWS][CLI_PROGRESS_SIZE])
{
    int count = 1, widest = 0;

    rows[0][0] = '\0';
    progress_add_text(rows[0], state->job ? state->job : "", view->utf8);
    if (state->pipeline && *state->pipeline && strcmp(state->pipeline, state->job) != 0) {
        progress_add(rows[0], " ");
        progress_add_text(rows[0], state->pipeline, view->utf8);
    }
    progress_add(rows[0], ":");
    progress_add_share(rows[0], state->plain_bytes, state->expected_bytes);
    char size[CLI_SHORT];
    progress_add(rows[0], "  %s/s", cli_size(bytes_per_second, size));
    progress_add_clock(rows[0], state->elapsed_ms);
    progress_add_left(rows[0], state, bytes_per_second);
    /* last, because a long step is cut */
    progress_add(rows[0], "  ");
    progress_add_text(rows[0], state->step ? state->step : state->job, view->utf8);
    cli_truncate(rows[0], CLI_PROGRESS_SIZE, view->width ? view->width - 1 : 0, view->utf8);

    for (uint32_t i = 0; i < state->source_count; i++) {
        int width = cli_text_width(state->sources[i].name);
        widest = width > widest ? width : widest;
    }
    widest = widest < 24 ? widest : 24;
    for (uint32_t i = 0; i < state->source_count && count < CLI_PROGRESS_ROWS; i++) {
        const struct hangar_progress_source *source = &state->sources[i];
        char *row = rows[count++];
        snprintf(row, CLI_PROGRESS_SIZE, "  ");
        progress_add_text(row, source->name, view->utf8);
        progress_add(row, "%*s",
                     widest + 2 > cli_text_width(row) ? widest + 2 - cli_text_width(row) : 0, "");
        progress_add_share(row, source->plain_bytes, source->done ? 0 : source->expected_bytes);
        if (source->done) {
            progress_add(row, "  done");
        }
        cli_truncate(row, CLI_PROGRESS_SIZE, view->width ? view->width - 1 : 0, view->utf8);
    }
    return count;
}

/* Bytes per second over the last samples. */
static uint64_t progress_rate(struct cli_progress *progress, const struct hangar_progress *state)
{
    struct cli_sample now = {state->elapsed_ms, state->plain_bytes};
    size_t n = progress->sample_count;
    const struct cli_sample *last =
        &progress->samples[(n + CLI_PROGRESS_SAMPLES - 1) % CLI_PROGRESS_SAMPLES];

    struct cli_sample begin = {0, 0};
    if (n && (now.elapsed_ms < last->elapsed_ms || now.bytes < last->bytes)) {
        /* a new job has started, or the clock was set back */
        begin = now.bytes < last->bytes ? begin : now;
        n = progress->sample_count = 0;
    }
    struct cli_sample first = n == 0 ? begin
                              : n < CLI_PROGRESS_SAMPLES
                                  ? progress->samples[0]
                                  : progress->samples[n % CLI_PROGRESS_SAMPLES];
    progress->samples[progress->sample_count++ % CLI_PROGRESS_SAMPLES] = now;

    int64_t ms = now.elapsed_ms - first.elapsed_ms;
    return ms > 0 ? (uint64_t)((double)(now.bytes - first.bytes) * 1000 / (double)ms) : 0;
}

/* Erases the rows. */
static void progress_erase(struct cli_progress *progress)
{
    if (progress->rows > 1) {
        fprintf(progress->view->file, "\033[%dA", progress->rows - 1);
    }
    if (progress->rows > 0) {
        fputs("\r\033[J", progress->view->file);
    }
    progress->rows = 0;
}

/* One write for all rows, to avoid flicker. */
static void progress_redraw(struct cli_progress *progress, char rows[][CLI_PROGRESS_SIZE],
                            int count)
{
    char picture[CLI_PROGRESS_ROWS * (CLI_PROGRESS_SIZE + 8) + 32];
    size_t at = 0;

    if (progress->rows > 1) {
        at += (size_t)snprintf(picture, sizeof(picture), "\033[%dA", progress->rows - 1);
    }
    for (int i = 0; i < count; i++) {
        at += (size_t)snprintf(picture + at, sizeof(picture) - at, "%s\r%s\033[K", i ? "\n" : "",
                               rows[i]);
    }
    at += (size_t)snprintf(picture + at, sizeof(picture) - at, "\033[J");
    fwrite(picture, 1, at, progress->view->file);
    fflush(progress->view->file);
    progress->rows = count;
}

void cli_progress_show(struct cli_progress *progress, const struct hangar_progress *state)
{
    char rows[CLI_PROGRESS_ROWS][CLI_PROGRESS_SIZE];

    pthread_mutex_lock(&progress->mutex);
    uint64_t speed = progress_rate(progress, state);
    if (state->elapsed_ms < progress->last_line_ms) {
        progress->last_line_ms = 0;
    }
    if (progress->mode == CLI_PROGRESS_REDRAW) {
        struct winsize size;
        if (progress->tty >= 0 && ioctl(progress->tty, TIOCGWINSZ, &size) == 0 && size.ws_col) {
            progress->view->width = size.ws_col;
        }
        progress_redraw(progress, rows, cli_progress_rows(progress->view, state, speed, rows));
    } else if (progress->mode == CLI_PROGRESS_LINES &&
               state->elapsed_ms - progress->last_line_ms >= CLI_PROGRESS_EVERY_MS) {
        progress->last_line_ms = state->elapsed_ms;
        cli_progress_rows(progress->view, state, speed, rows);
        fprintf(progress->view->file, "%s\n", rows[0]);
    }
    pthread_mutex_unlock(&progress->mutex);
}

void cli_progress_log(struct cli_progress *progress, const struct hangar_log_line *line)
{
    struct cli_view *view = progress->view;
    char *message = cli_escape(line->message ? line->message : "", view->utf8);

    if (!message) {
        return;
    }
    pthread_mutex_lock(&progress->mutex);
    progress_erase(progress);
    cli_log_put(view, progress->format, line, NULL, message);
    if (line->level <= 1) {
        cli_record(view, line->message ? line->message : "");
    }
    fflush(view->file);
    pthread_mutex_unlock(&progress->mutex);
    free(message);
}

void cli_progress_clear(struct cli_progress *progress)
{
    pthread_mutex_lock(&progress->mutex);
    progress_erase(progress);
    fflush(progress->view->file);
    pthread_mutex_unlock(&progress->mutex);
}
