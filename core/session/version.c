/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * version: the one file that is compiled into libhangar.so itself; the rest comes
 * from the static libraries that the unit tests link too.
 */
#include <hangar/hangar.h>

const char *hangar_version(void)
{
    return HANGAR_VERSION;
}
