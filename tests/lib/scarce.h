/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * scarce: memory that runs out.  A test that links scarce.c lets the n-th allocation of
 * a thread fail, in whatever library it is made, for n = 1, 2, 3 ...
 */
#ifndef TEST_LIB_SCARCE_H
#define TEST_LIB_SCARCE_H

#include <stdbool.h>
#include <stddef.h>

/* Lets the n-th allocation of this thread from now on fail, and none after it. */
void scarce_begin(size_t n);
/* Ends it; false when there was no n-th allocation. */
bool scarce_end(void);

/* Between these two calls allocations of the test itself succeed and are not counted. */
size_t scarce_pause(void);
void scarce_resume(size_t paused);

/* Calls `trial` while its first, second, third ... allocation fails, and `check` after each
 * call with enough memory, until no allocation failed.  Returns the number of failures. */
size_t scarce_each(void (*trial)(void *arg), void *arg, void (*check)(void *arg));

#endif
