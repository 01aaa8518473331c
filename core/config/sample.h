/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sample: the commented configuration that `hangar init` writes.
 */
#ifndef HG_CONFIG_SAMPLE_H
#define HG_CONFIG_SAMPLE_H

extern const char hg_config_sample[];

#endif
