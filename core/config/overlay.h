/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * overlay: a map of options that replaces some options of another map, as
 * `scratch:` does with `options:`.
 */
#ifndef HG_CONFIG_OVERLAY_H
#define HG_CONFIG_OVERLAY_H

#include "config/yaml.h"

#include <hangar/plugin.h>

/* Sets `out` to a map of the options in `under` and those in `over`, a map, which replace
 * them, also where the two give a secret in different forms.  The nodes in `out` belong to
 * the two maps.  False when out of memory. */
bool hg_overlay_make(const struct hangar_option *table, const struct hg_yaml *under,
                     const struct hg_yaml *over, struct hg_yaml *out);
void hg_overlay_free(struct hg_yaml *overlay);

#endif
