/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lib_fixture: a fake host for the tests of plugins/lib, made anew for each test.
 */
#ifndef TEST_PLUGIN_LIB_LIB_FIXTURE_H
#define TEST_PLUGIN_LIB_LIB_FIXTURE_H

#include <check.h>
#include <stddef.h>
#include "fake_host.h"

/* A host with an instance of notify-webhook, during a test. */
extern struct fake_host *fake;

/* Fails the test unless the recorded error contains `text`. */
void assert_error_has(const char *text);

/* Runs the tests as one suite; the exit status of main. */
int lib_fixture_main(const char *suite_name, const TTest *const *tests, size_t count);

#endif
