/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run_asserts: see run_asserts.h.
 */
#include "run_asserts.h"

#include <check.h>
#include <string.h>

void assert_ok(struct run *run)
{
    ck_assert_msg(run->complete, "failed (%d): %s", (int)run->rc, run_error(run));
}

void assert_fails(struct run *run, enum hangar_rc rc, const char *text)
{
    ck_assert(!run->complete);
    ck_assert_msg(run->rc == rc, "result %d: %s", (int)run->rc, run_error(run));
    ck_assert_msg(strstr(run_error(run), text), "the message is: %s", run_error(run));
}
