/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * table: see table.h.
 */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2
#define SHRINK_MIN 8
#define WRAP_MIN 24

void cli_table_init(struct cli_table *table, struct cli_view *view,
                    const struct cli_column *columns, size_t count, int indent)
{
    *table = (struct cli_table){.view = view, .column_count = count, .indent = indent};
    memcpy(table->columns, columns, count * sizeof(columns[0]));
}

void cli_table_cell(struct cli_table *table, enum cli_style style, const char *fmt, ...)
{
    if (table->cell_count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 64;
        struct cli_cell *cells = reallocarray(table->cells, capacity, sizeof(*cells));
        if (!cells) {
            table->view->failed = true;
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0) {
        text = NULL;
    }
    va_end(args);
    if (!text) {
        table->view->failed = true;
    } else {
        table->cells[table->cell_count++] = (struct cli_cell){text, style};
    }
}

/* Removes `excess` columns of width, from the widest column first.  Returns what is left of it. */
static int table_shrink(const struct cli_table *table, int widths[], int excess)
{
    while (excess > 0) {
        size_t widest = table->column_count;
        for (size_t i = 0; i < table->column_count; i++) {
            int least = table->columns[i].kind == CLI_WRAP ? WRAP_MIN : SHRINK_MIN;
            bool may = table->columns[i].kind >= CLI_SHRINK && !table->columns[i].hidden;
            if (may && widths[i] > least &&
                (widest == table->column_count || widths[i] > widths[widest])) {
                widest = i;
            }
        }
        if (widest == table->column_count) {
            break;
        }
        widths[widest]--;
        excess--;
    }
    return excess;
}

/* The width of the whole table; the widths of its columns are those of their widest cells. */
static int table_measure(const struct cli_table *table, int widths[])
{
    int total = table->indent - GAP;

    for (size_t i = 0; i < table->column_count; i++) {
        widths[i] = table->columns[i].title ? cli_text_width(table->columns[i].title) : 0;
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        int width = cli_text_width(table->cells[i].text);
        size_t column = i % table->column_count;
        if (width > widths[column]) {
            widths[column] = width;
        }
    }
    for (size_t i = 0; i < table->column_count; i++) {
        total += table->columns[i].hidden ? 0 : widths[i] + GAP;
    }
    if (table->view->width > 0 && total > table->view->width) {
        total = table->view->width + table_shrink(table, widths, total - table->view->width);
    }
    return total;
}

/* Hides the spare column with the highest number; false: there is none. */
static bool table_spare_one(struct cli_table *table)
{
    struct cli_column *found = NULL;

    for (size_t i = 0; i < table->column_count; i++) {
        struct cli_column *column = &table->columns[i];
        if (!column->hidden && column->spare > (found ? found->spare : 0)) {
            found = column;
        }
    }
    if (found) {
        found->hidden = true;
    }
    return found != NULL;
}

/* Bytes of `text` that fit into `width` columns, ending at a word; at least one word. */
static size_t table_words_that_fit(const char *text, int width)
{
    size_t end = strcspn(text, " ");

    for (;;) {
        size_t next = end + strspn(text + end, " ");
        if (!text[next]) {
            return text[end] ? end : next;
        }
        next += strcspn(text + next, " ");
        char *part = strndup(text, next);
        bool fits = part && cli_text_width(part) <= width;
        free(part);
        if (!fits) {
            return end;
        }
        end = next;
    }
}

static void table_put_wrapped(const struct cli_view *view, const char *text, int width, int indent)
{
    for (;;) {
        size_t n = table_words_that_fit(text, width);
        fwrite(text, 1, n, view->file);
        text += n + strspn(text + n, " ");
        if (!*text) {
            return;
        }
        fprintf(view->file, "\n%*s", indent, "");
    }
}

static bool table_is_last(const struct cli_table *table, size_t column)
{
    for (size_t i = column + 1; i < table->column_count; i++) {
        if (!table->columns[i].hidden) {
            return false;
        }
    }
    return true;
}

static void table_put_row(const struct cli_table *table, struct cli_cell *row, const int widths[])
{
    const struct cli_view *view = table->view;
    int column = table->indent;

    fprintf(view->file, "%*s", table->indent, "");
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].hidden) {
            continue;
        }
        bool wrap = table->columns[i].kind == CLI_WRAP;
        if (!wrap) {
            cli_truncate(row[i].text, strlen(row[i].text) + 1, widths[i], view->utf8);
        }
        int pad = widths[i] - cli_text_width(row[i].text);
        if (table->columns[i].kind == CLI_RIGHT) {
            fprintf(view->file, "%*s", pad, "");
        }
        fputs(cli_on(view, row[i].style), view->file);
        if (wrap && table_is_last(table, i)) {
            table_put_wrapped(view, row[i].text, widths[i], column);
        } else {
            fputs(row[i].text, view->file);
        }
        if (row[i].style != CLI_PLAIN) {
            fputs(cli_off(view), view->file);
        }
        column += widths[i] + GAP;
        if (!table_is_last(table, i)) {
            fprintf(view->file, "%*s",
                    GAP + (table->columns[i].kind == CLI_RIGHT || pad < 0 ? 0 : pad), "");
        }
    }
    fputc('\n', view->file);
}

static void table_put_titles(const struct cli_table *table, const int widths[])
{
    struct cli_cell titles[CLI_TABLE_COLUMNS];
    char texts[CLI_TABLE_COLUMNS][CLI_SHORT];

    for (size_t i = 0; i < table->column_count; i++) {
        snprintf(texts[i], CLI_SHORT, "%s", table->columns[i].title);
        titles[i] = (struct cli_cell){texts[i], CLI_BOLD};
    }
    table_put_row(table, titles, widths);
}

/* One row as lines: its first cell, then "TITLE cell" as many as fit on each line. */
static void table_put_record(const struct cli_table *table, const struct cli_cell *row)
{
    const struct cli_view *view = table->view;
    int indent = table->indent + 2, at = view->width;

    fprintf(view->file, "%*s%s%s%s", table->indent, "", cli_on(view, row[0].style), row[0].text,
            row[0].style == CLI_PLAIN ? "" : cli_off(view));
    for (size_t i = 1; i < table->column_count; i++) {
        const char *title = table->columns[i].title ? table->columns[i].title : "";
        int width = cli_text_width(title) + 1 + cli_text_width(row[i].text);
        if (table->columns[i].hidden || !*row[i].text) {
            continue;
        }
        if (at + GAP + width > view->width) {
            fprintf(view->file, "\n%*s", indent, "");
            at = indent;
        } else {
            fprintf(view->file, "%*s", GAP, "");
            at += GAP;
        }
        fprintf(view->file, "%s%s%s ", cli_on(view, CLI_DIM), title, cli_off(view));
        fputs(cli_on(view, row[i].style), view->file);
        int room = view->width - at - cli_text_width(title) - 1;
        table_put_wrapped(view, row[i].text, room > SHRINK_MIN ? room : SHRINK_MIN, indent + 2);
        fputs(row[i].style == CLI_PLAIN ? "" : cli_off(view), view->file);
        at += width;
    }
    fputc('\n', view->file);
}

void cli_table_print(struct cli_table *table)
{
    int widths[CLI_TABLE_COLUMNS];
    const int most = table->view->width;
    const bool titled = table->columns[0].title != NULL;

    if (!table->view->failed && table->cell_count > 0) {
        int total = table_measure(table, widths);
        while (most > 0 && total > most && table_spare_one(table)) {
            total = table_measure(table, widths);
        }
        const bool records = titled && most > 0 && total > most;
        if (titled && !records) {
            table_put_titles(table, widths);
        }
        for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count) {
            if (records) {
                table_put_record(table, table->cells + i);
            } else {
                table_put_row(table, table->cells + i, widths);
            }
        }
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i].text);
    }
    free(table->cells);
    table->cells = NULL;
    table->cell_count = table->capacity = 0;
}
