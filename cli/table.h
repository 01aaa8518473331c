/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * table: aligned columns on a view.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "output.h"

/*
 * A table: the columns are declared, the cells are added row by row, and the whole table is
 * printed and freed at once.  A table without a row prints nothing.  Cells contain escaped
 * text.  On a terminal that is too narrow the SHRINK columns are cut, the widest first, and
 * the WRAP column is broken at words.  When that is not enough, spare columns are left out, the
 * highest number first; and when that is not enough either, each row becomes a record of several
 * lines.  Where the output is not a terminal nothing is cut or left out.
 */
struct cli_column {
    const char *title;
    enum { CLI_LEFT, CLI_RIGHT, CLI_SHRINK, CLI_WRAP } kind; /* see above */
    bool hidden;
    unsigned spare; /* 0: always printed */
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
