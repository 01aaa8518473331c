/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * table: aligned columns on a view.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "output.h"

/*
 * A table: columns are declared, cells added row by row, and all is printed and
 * freed at once; without a row, nothing is.  Cells are clean text.
 */
struct cli_column {
    const char *title;
    enum { CLI_LEFT, CLI_RIGHT, CLI_SHRINK, CLI_WRAP } kind; /* SHRINK may be cut, WRAP be broken */
    bool hidden;
};

#define CLI_TABLE_COLUMNS 12

struct cli_table {
    struct cli_view *view;
    struct cli_column columns[CLI_TABLE_COLUMNS];
    size_t column_count;
    struct cli_cell {
        char *text;
        enum cli_style style;
    } *cells;
    size_t cell_count, capacity;
    int indent;
};

void cli_table_init(struct cli_table *table, struct cli_view *view,
                    const struct cli_column *columns, size_t count, int indent);
void cli_table_cell(struct cli_table *table, enum cli_style style, const char *fmt, ...)
    CLI_PRINTF(3, 4);
void cli_table_print(struct cli_table *table);

#endif
