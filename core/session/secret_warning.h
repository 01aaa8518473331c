/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * secret_warning: warns of a secret in a configuration file that other users can read.
 */
#ifndef HG_SESSION_SECRET_WARNING_H
#define HG_SESSION_SECRET_WARNING_H

#include "config/config.h"
#include "config/problems.h"
#include "config/yaml.h"

/* Adds a warning if `name` in `map` is a secret written in the file itself, and the file is
 * readable by its group or by all users. */
void hg_secret_warning(const struct hg_config *config, const struct hg_yaml *map, const char *name,
                       struct hg_problems *problems);

#endif
