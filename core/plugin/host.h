/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * host: the functions that the core offers to plugins, as plugin.h declares them.
 */
#ifndef HG_PLUGIN_HOST_H
#define HG_PLUGIN_HOST_H

#include <hangar/plugin.h>

/* The host's table. */
extern const struct hangar_host hg_host;

#endif
