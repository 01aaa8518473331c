/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hook_section: the section `hooks:` of a pipeline.
 * Private to config/.
 */
#ifndef HG_CONFIG_HOOK_SECTION_H
#define HG_CONFIG_HOOK_SECTION_H

#include "config/reader.h"

/* Reads the hooks of a pipeline into `hooks`, an array of HG_HOOKS that is zeroed. */
void hg_hooks_read(struct hg_reader *r, const struct hg_yaml *pipeline,
                   struct hg_hook_config *hooks);

#endif
