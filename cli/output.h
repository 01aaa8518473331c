/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * output: a stream with its properties (colours, symbols, width), the notation of sizes
 * and times, and the escaping of text that could control a terminal.  It must not know
 * documents and commands.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CLI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* What was printed of failures.  The oldest is forgotten. */
#define CLI_PRINTED 16
struct cli_printed_failures {
    char *texts[CLI_PRINTED];
    size_t count;
};

/* One stream.  `failed` is set when memory ran out while text was laid out; the command
 * then fails. */
struct cli_view {
    FILE *file;
    bool colour;
    bool utf8;    /* symbols beyond ASCII may be used */
    bool quiet;   /* no notes */
    bool verbose; /* also details */
    bool failed;
    int width;                            /* columns; 0: no limit */
    int64_t now_ms;                       /* the time from which ages are counted */
    struct cli_printed_failures *printed; /* NULL: nothing is remembered */
};

/* Remembers a text that was printed. */
void cli_record(const struct cli_view *view, const char *text);

/* True when the text was printed already, alone or at the end of another, also before its hint:
 * it is not printed twice. */
bool cli_was_printed(const struct cli_view *view, const char *text);
void cli_printed_failures_free(struct cli_printed_failures *printed);

/* The text without "KIND NAME: " before it, for a line that names the instance itself. */
const char *cli_without(const char *text, const char *kind, const char *name);

enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_RED, CLI_GREEN, CLI_YELLOW };

/* The sequences that start a style and end all styles; "" without colour. */
const char *cli_on(const struct cli_view *view, enum cli_style style);
const char *cli_off(const struct cli_view *view);

enum cli_symbol { CLI_TICK, CLI_BANG, CLI_CROSS, CLI_ARROW, CLI_ELLIPSIS };
const char *cli_symbol(const struct cli_view *view, enum cli_symbol symbol);

/* The tick, bang or cross in its colour, padded to the same width each. */
void cli_put_mark(const struct cli_view *view, enum cli_symbol mark);

/* Prints a note and a newline; prints nothing when quiet. */
void cli_note(const struct cli_view *view, const char *fmt, ...) CLI_PRINTF(2, 3);

/* Prints a message of the library: a line with its text, in a style, and a line with its
 * hint. */
void cli_put_message(const struct cli_view *view, int indent, enum cli_style style,
                     const char *text);

/* `text` in which control characters (also those of Unicode that reorder a
 * line) and invalid UTF-8 stand as \xNN; without `utf8` so does everything
 * beyond ASCII.  Malloc'd, NULL when out of memory. */
char *cli_escape(const char *text, bool utf8);

/* The width of an escaped text on a terminal, in columns. */
int cli_text_width(const char *text);

/* Cuts an escaped text to at most `width` columns, with an ellipsis at the end;
 * `width` 0 or less: no limit. */
/* The id as it is printed in a table: on a terminal of less than 100 columns without "backup_",
 * which commands complete. */
const char *cli_short_id(const struct cli_view *view, const char *id);

void cli_truncate(char *text, size_t size, int width, bool utf8);

#define CLI_SHORT 48
/* "12.3 MiB", "340 ms" or "1 min 05 s", "3 h", "12.3 MiB/s", "2026-01-15 02:00:00 UTC" */
const char *cli_size(uint64_t bytes, char out[CLI_SHORT]);
const char *cli_duration(int64_t ms, char out[CLI_SHORT]);
const char *cli_age(int64_t ms, char out[CLI_SHORT]);
const char *cli_rate(uint64_t bytes, int64_t ms, char out[CLI_SHORT]);
const char *cli_time(int64_t ms, char out[CLI_SHORT]);

/* "1 object", "2 objects" */
const char *cli_count(uint64_t n, const char *singular, char out[CLI_SHORT]);

#endif
