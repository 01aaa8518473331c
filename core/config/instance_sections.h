/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * instance_sections: the sections `sources:`, `transforms:`, `sinks:` and `notifiers:`.
 * Private to config/.
 */
#ifndef HG_CONFIG_INSTANCE_SECTIONS_H
#define HG_CONFIG_INSTANCE_SECTIONS_H

#include "config/reader.h"

/* Reads the section of one kind into the model. */
void hg_instances_read(struct hg_reader *r, enum hg_kind kind);

#endif
