/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * secret_warning: see secret_warning.h.
 */
#include "session/secret_warning.h"

#include <string.h>
#include <sys/stat.h>

#include "config/config.h"
#include "config/problems.h"
#include "config/yaml.h"

void hg_secret_warning(const struct hg_config *config, const struct hg_yaml *map, const char *name,
                       struct hg_problems *problems)
{
    struct stat st;
    const struct hg_yaml *written = hg_yaml_get(map, name);
    if (written && written->text && written->text[0] && !strstr(written->text, "${") &&
        stat(config->path, &st) == 0 && (st.st_mode & (S_IRGRP | S_IROTH))) {
        hg_problem_warn(problems, written->line, written->column,
                        "other users can read the %s in this file; hint: chmod 600 %s, or use "
                        "%s_file",
                        name, config->path, name);
    }
}
