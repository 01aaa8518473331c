/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * scarce: memory that runs out.  A test that links scarce.c lets the n-th allocation of
 * a thread fail, in whatever library it is made, for n = 1, 2, 3 ...
 */
#ifndef SCARCE_H
#define SCARCE_H

#include <stdbool.h>
#include <stddef.h>

/* Lets the n-th allocation of this thread from now on fail, and none after it. */
void scarce_begin(size_t n);
/* Ends that; false when there was no n-th. */
bool scarce_end(void);

/* Between these two calls there is enough for all, and nothing counts: for what a test
 * does itself. */
size_t scarce_pause(void);
void scarce_resume(size_t paused);

/* Calls `trial` with the first, the second, the third ... allocation failing, and `check`
 * after each with enough memory, until none failed.  How often one did. */
size_t scarce_each(void (*trial)(void *arg), void *arg, void (*check)(void *arg));

#endif
