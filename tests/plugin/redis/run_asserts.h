/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run_asserts: what tests expect of a run.
 */
#ifndef TEST_PLUGIN_REDIS_RUN_ASSERTS_H
#define TEST_PLUGIN_REDIS_RUN_ASSERTS_H

#include "run.h"

/* The run is complete. */
void assert_ok(struct run *run);

/* The run failed with this code and a message that contains `text`. */
void assert_fails(struct run *run, enum hangar_rc rc, const char *text);

#endif
