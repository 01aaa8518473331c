/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * settings: the sections `limits:`, `alerts:` and `http:` of backup.yaml.
 * Private to config/.
 */
#ifndef HG_CONFIG_SETTINGS_H
#define HG_CONFIG_SETTINGS_H

#include "config/reader.h"

/* Reads the three sections into the model, with defaults for keys that are not given. */
void hg_settings_read(struct hg_reader *r);

#endif
