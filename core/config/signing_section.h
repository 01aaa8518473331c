/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * signing_section: the section `signing:` of backup.yaml.  The key itself is read later,
 * when a job needs it.
 */
#ifndef HG_CONFIG_SIGNING_SECTION_H
#define HG_CONFIG_SIGNING_SECTION_H

#include "config/options.h"
#include "config/reader.h"

/* Reads the section into the model. */
void hg_config_signing_read(struct hg_reader *r);

/* Reads the options of the section, "key" and "old_key_files", with read_secrets also the
 * key.  False when a problem was reported.  The caller frees `out` with hg_options_free
 * in any case. */
bool hg_config_signing_options(const struct hg_config *config, bool read_secrets,
                               struct hg_options *out, struct hg_problems *problems);

#endif
