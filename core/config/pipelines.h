/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipelines: the section `pipelines:`.
 * Private to config/.
 */
#ifndef HG_CONFIG_PIPELINES_H
#define HG_CONFIG_PIPELINES_H

#include "config/reader.h"

/* Reads the section into the model, after all sections of instances. */
void hg_pipelines_read(struct hg_reader *r);

#endif
