/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * expand: ${VAR}, ${VAR:-default}, ${VAR:?message} and $$ inside one scalar.
 * Expanded after parsing, so that a value can never become YAML.
 */
#ifndef HG_EXPAND_H
#define HG_EXPAND_H

#include "config/problems.h"

/* The expanded text, malloc'd; NULL with a problem reported at line:column (the
 * column is that of the scalar) for an unset variable without a default, a bad
 * name or a missing brace.  A variable that is set but empty is a value, except
 * for :- and :?, which take it as unset, as shells do. */
char *hg_expand(const char *text, size_t line, size_t column, struct hg_problems *problems);

#endif
