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

/* Removes `excess` columns of width, from the widest column first. */
static void table_shrink(const struct cli_table *table, int widths[], int excess)
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
            return;
        }
        widths[widest]--;
        excess--;
    }
}

static void table_measure(const struct cli_table *table, int widths[])
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
    if (table->view->width > 0) {
        table_shrink(table, widths, total - table->view->width);
    }
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

void cli_table_print(struct cli_table *table)
{
    int widths[CLI_TABLE_COLUMNS];

    if (!table->view->failed && table->cell_count > 0) {
        table_measure(table, widths);
        if (table->columns[0].title) {
            table_put_titles(table, widths);
        }
        for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count) {
            table_put_row(table, table->cells + i, widths);
        }
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i].text);
    }
    free(table->cells);
    table->cells = NULL;
    table->cell_count = table->capacity = 0;
}
