/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: prints the document of hangar_list; `hangar remove` prints it, too, where the
 * list fails.
 */
#ifndef CLI_COMMANDS_LIST_H
#define CLI_COMMANDS_LIST_H

#include "command.h"

cli_render cli_list_render;

#endif
