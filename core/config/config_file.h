/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * config_file: finds backup.yaml, reads it and makes the model (config.h).  It loads no
 * plugin: the options of an instance are read later, by options.h.
 */
#ifndef HG_CONFIG_CONFIG_FILE_H
#define HG_CONFIG_CONFIG_FILE_H

#include "config/config.h"
#include "config/problems.h"

/* Reads and checks the file `path`; NULL: ./backup.yaml, else /etc/hangar/backup.yaml.
 * Problems are reported in `problems`.  Returns the model, which the caller frees with
 * hg_config_free.  A file with problems gives a model, too, where that is possible, so
 * that the options of its instances can be checked in the same pass; else NULL. */
struct hg_config *hg_config_load(const char *path, struct hg_problems *problems);

#endif
