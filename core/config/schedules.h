/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * schedules: the keys of a pipeline that state when its jobs run.
 * Private to config/.
 */
#ifndef HG_CONFIG_SCHEDULES_H
#define HG_CONFIG_SCHEDULES_H

#include "config/reader.h"

/* Reads the keys into `pipeline`. */
void hg_schedules_read(struct hg_reader *r, const struct hg_yaml *node,
                       struct hg_pipeline_config *pipeline);

#endif
