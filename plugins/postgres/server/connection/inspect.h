/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * inspect: how much the databases of a server hold, a function of struct hangar_source.
 */
#ifndef PG_SERVER_CONNECTION_INSPECT_H
#define PG_SERVER_CONNECTION_INSPECT_H

#include <hangar/plugin.h>

enum hangar_rc pg_inspect(void *inst, struct hangar_attrs *facts);

#endif
