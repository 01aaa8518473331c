/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * expand: expands ${VAR}, ${VAR:-default}, ${VAR:?message} and $$ in a scalar, after
 * the file was parsed, so that a value cannot become YAML.
 */
#ifndef HG_CONFIG_EXPAND_H
#define HG_CONFIG_EXPAND_H

#include "config/problems.h"

/* The expanded text, malloc'd.  NULL, with a problem reported at line:column of the scalar,
 * for an unset variable without a default, an invalid name or a missing brace.  A variable
 * that is set but empty counts as set, except for :- and :?, as in shells. */
char *hg_expand(const char *text, size_t line, size_t column, struct hg_problems *problems);

#endif
